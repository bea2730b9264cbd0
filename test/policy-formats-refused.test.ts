import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { decodeMessage, encodeMessage, type Field } from '../device/formats/protobuf.ts'
import { answer, refuses, trustmix } from './support/cli.ts'
import { formats, writtenPolicies } from './support/policies.ts'

t.test('tfjs: what is no tanh network is refused with rule and value', async (t) => {
  const { directory, tfjs } = await writtenPolicies(t)
  const good = readFileSync(tfjs, 'utf8')
  const changes: readonly (readonly [RegExp, string | RegExp, string])[] = [
    [/activation of "policy.0" must be "tanh", got "relu"/, '"tanh"', '"relu"'],
    [/activation of "policy.4" must be "linear", got "tanh"/, '"linear"', '"tanh"'],
    [/class_name of layers\[0\] must be "Dense", got "Dropout"/, '"Dense"', '"Dropout"'],
    [/class_name of the model must be "Sequential", got "Functional"/, '"Sequential"', '"Functional"'],
    [/format of model.json must be "layers-model", got "graph-model"/, '"layers-model"', '"graph-model"'],
    [/use_bias of "policy.0" must be true, got false/, '"use_bias": true', '"use_bias": false'],
    [/dtype of "policy.0" must be "float32", got "int32"/, '"float32"', '"int32"'],
    [/"policy.0\/kernel" must be "float32", not quantized/, '"shape"', '"quantization": {}, "shape"'],
    [/"policy.0\/kernel" must have shape \[2,4\], got \[2,3\]/, '"units": 3', '"units": 4'],
    [/units of "policy.0" must be a whole number from 1, got 0/, '"units": 3', '"units": 0'],
    [/must have batch_input_shape \[null, inputs\], got none/, '"batch_input_shape"', '"other"'],
    [
      /paths must be the name of one file beside model.json, got \["\.\.\/weights.bin"\]/,
      'weights.bin',
      '../weights.bin',
    ],
    [/weights file: .*absent.bin/, 'weights.bin', 'absent.bin'],
    [/layers must hold at least one Dense layer, got none/, /"layers": \[[\s\S]*?\n {6}\]/, '"layers": []'],
    [/weights must have "policy.9\/kernel", got none/, '"name": "policy.0"', '"name": "policy.9"'],
    [/keys must differ, got "format" twice/, '{', '{ "format": "layers-model",'],
    [/JSON must nest at most 16 deep/, '"convertedBy": null', `"convertedBy": ${'['.repeat(100_000)}`],
    [/metadata must have log_std, got none/, '"log_std"', '"log_sdt"'],
    [/log_std\[0\] must be finite, got Infinity/, '"log_std": "[-0', '"log_std": "[1e39'],
    [/log_std must hold numbers/, '"log_std": "[-0', '"log_std": "[null'],
    [/log_std must be a JSON array/, '"log_std": "[', '"log_std": "'],
    [/log_std must have shape \[2\], got \[3\]/, '"log_std": "[', '"log_std": "[0,'],
    [/format must be "?trustmix-policy\/1"?, got "trustmix-policy\/2"/, 'trustmix-policy/1', 'trustmix-policy/2'],
    [/policyHash must be that of the content/, '"policyHash": "', '"policyHash": "0'],
    [/hidden must be \[3,2\], as the network has, got "\[3,3\]"/, '"hidden": "[3,2', '"hidden": "[3,3'],
    [/features must be that of the content/, 'seen 0', 'seen 9'],
    [/observationNames must be different texts/, 'seen 0', 'seen 1'],
    [/there must be 2 action names, as the network has, got 3/, '"actionNames": "[', '"actionNames": "[\\"x\\",'],
    [/userDefinedMetadata.hidden must be a text, got \[3,2\]/, '"hidden": "[3,2]"', '"hidden": [3,2]'],
  ]
  for (const [rule, from, to] of changes) {
    const bad = good.replace(from, to)
    if (bad === good) t.fail(`nothing to replace: ${from}`)
    writeFileSync(tfjs, bad)
    await refuses(t, 4, rule, ['policy', 'import', tfjs, '--out', join(directory, 'out')])
  }
  writeFileSync(tfjs, Buffer.concat([Buffer.from(good), Buffer.of(0xff)]))
  await refuses(t, 4, /model.json must be valid UTF-8/, ['policy', 'import', tfjs, '--out', join(directory, 'out')])
  writeFileSync(tfjs, good + ' '.repeat(1_048_577))
  await refuses(t, 4, /must be at most 1048576 bytes/, ['policy', 'import', tfjs, '--out', join(directory, 'out')])
})

/** Replaces the values of one field of a message; the other fields keep their values. */
function edited(bytes: Uint8Array, field: number, change: (values: (number | Uint8Array)[]) => Field[1][]): Uint8Array {
  return encodeMessage(
    [...decodeMessage(bytes)].flatMap(([number, values]) =>
      (number === field ? change([...values]) : values).map((value): Field => [number, value]),
    ),
  )
}

t.test('onnx: what is no tanh network is refused with rule and value', async (t) => {
  const { directory, onnx } = await writtenPolicies(t)
  const good = readFileSync(onnx)
  const out = ['--out', join(directory, 'out')]
  const text = (from: string, to: string): Uint8Array => {
    const at = good.indexOf(from)
    t.ok(at > 0 && Buffer.byteLength(from) === Buffer.byteLength(to), from)
    return Buffer.concat([good.subarray(0, at), Buffer.from(to), good.subarray(at + Buffer.byteLength(from))])
  }
  /** ModelProto.graph = 7 */
  const graph = (field: number, change: (values: (number | Uint8Array)[]) => Field[1][]): Uint8Array =>
    edited(good, 7, ([bytes]) => [edited(bytes as Uint8Array, field, change)])
  /** GraphProto.initializer = 5; the first is policy.0.weight [3, 2] */
  const initializer = (field: number, values: Field[1][]): Uint8Array =>
    graph(5, ([first, ...rest]) => [edited(first as Uint8Array, field, () => values), ...rest])
  const opset = (version: number): Uint8Array => edited(good, 8, () => [encodeMessage([[2, version]])])
  const [node, tanh] = decodeMessage(decodeMessage(good).get(7)?.[0] as Uint8Array).get(1) as Uint8Array[]
  const changes: readonly (readonly [RegExp, Uint8Array])[] = [
    [/node 1 must be Tanh, got "Relu"/, text('Tanh', 'Relu')],
    [/node 1 must be Tanh, got "Gemm"/, graph(1, ([first, , ...rest]) => [first as Uint8Array, ...rest])],
    [/node 5 must be Tanh, got "Gemm"/, graph(1, (nodes) => [...nodes, node as Uint8Array])],
    [/node 5 must take "action", got/, graph(1, (nodes) => [...nodes, tanh as Uint8Array])],
    [/the last node must be Gemm, got none/, graph(1, () => [])],
    [/the last node must be Gemm, got Tanh/, graph(1, (nodes) => nodes.slice(0, 2))],
    [/the last node must give "action", got "policy.2.linear"/, graph(1, (nodes) => nodes.slice(0, 3))],
    [/"transA" of node 0 must be 0, got 1/, text('transB', 'transA')],
    [
      /node 0 must be Gemm, got "other.Gemm"/,
      graph(1, ([first, ...rest]) => [Buffer.concat([first as Uint8Array, encodeMessage([[7, 'other']])]), ...rest]),
    ],
    [/node 0 must take "observation", a weight and a bias/, text('observation', 'observatiom')],
    [/initializers must have "policy.0.weight" for one layer, got none/, graph(5, (all) => all.slice(1))],
    [
      /initializers must differ in name, got "policy.0.weight" twice/,
      graph(5, (all) => [...all, all[0] as Uint8Array]),
    ],
    [
      /initializers must be those of the layers, got "policy.9.bias" too/,
      graph(5, (all) => [
        ...all,
        encodeMessage([
          [1, 1],
          [2, 1],
          [8, 'policy.9.bias'],
          [9, new Uint8Array(4)],
        ]),
      ]),
    ],
    [/raw_data of "policy.0.weight" \[3,3\] must have 36 bytes, got 24/, initializer(1, [3, 3])],
    [/bias of policy.0 must have shape \[2\], got \[3\]/, initializer(1, [2, 3])],
    [/weight of policy.0 must have shape \[out, in\], got \[6\]/, initializer(1, [6])],
    [/dims of "policy.0.weight" must be whole numbers from 1, got \[0,2\]/, initializer(1, [0, 2])],
    [/data_type of "policy.0.weight" must be 1 \(FLOAT\), got 11/, initializer(2, [11])],
    [
      /"policy.0.weight" must lie in the file, got data_location EXTERNAL/,
      graph(5, ([first, ...rest]) => [Buffer.concat([first as Uint8Array, encodeMessage([[14, 1]])]), ...rest]),
    ],
    [/opset must be 13 or newer, got 12/, opset(12)],
    [/model must have one graph, got 2/, edited(good, 7, ([one]) => [one as Uint8Array, one as Uint8Array])],
    [/model must have one graph, got 0/, edited(good, 7, () => [])],
    [
      /keys of metadata_props must differ, got "format" twice/,
      edited(good, 14, (all) => [...all, all[0] as Uint8Array] as Uint8Array[]),
    ],
    [/metadata must have log_std, got none/, text('log_std', 'log_sdt')],
    [/varint before byte 11 must end within 10 bytes/, Buffer.concat([Buffer.of(8), Buffer.alloc(20, 0xff)])],
    [/protobuf message must have at most 10000 fields, got more/, Buffer.alloc(20_002, Buffer.of(8, 1))],
    [/wire type 0, 1, 2 or 5, got 3/, Buffer.concat([good, Buffer.of(0x7b)])],
    [/protobuf field at byte 4 must be numbered/, Buffer.concat([good.subarray(0, 2), Buffer.of(0x10, 1, 0, 1)])],
  ]
  for (const [rule, bytes] of changes) {
    writeFileSync(onnx, bytes)
    await refuses(t, 4, rule, ['policy', 'import', onnx, '--format', 'onnx', ...out])
  }
})

t.test('a weight that is not finite is named with its index, in every format and on export', async (t) => {
  const files = await writtenPolicies(t)
  const out = ['--out', join(files.directory, 'out')]
  // The first weights that are no powers of two or zeros lie from the third on: policy.0.weight[2].
  const value = readFileSync(files.weights).subarray(4, 8)
  for (const name of [...formats, 'weights'] as const) {
    const bytes = readFileSync(files[name])
    // tfjs has the kernel as [in, out]: its second value is policy.0.weight[2]
    const at = name === 'weights' ? 4 : bytes.indexOf(value)
    if (name === 'tfjs') continue
    t.ok(at > 0)
    writeFileSync(
      files[name],
      Buffer.concat([bytes.subarray(0, at), Buffer.from([0, 0, 0xc0, 0x7f]), bytes.subarray(at + 4)]),
    )
    const path = name === 'weights' ? dirname(files.tfjs) : files[name]
    await refuses(t, 4, /policy\.0\.weight\[2\] must be finite, got NaN/, ['policy', 'import', path, ...out])
    if (name === 'safetensors')
      await refuses(t, 4, /policy\.0\.weight\[2\] must be finite/, [
        'policy',
        'export',
        path,
        '--format',
        'onnx',
        ...out,
      ])
  }
})

t.test('usage, other files and sizes: exit codes 2 and 4, no stack trace', async (t) => {
  const files = await writtenPolicies(t)
  const { directory } = files
  const out = ['--out', join(directory, 'out')]
  const plain = join(directory, 'plain.safetensors')
  const small = join(directory, 'small.safetensors')
  await answer(t, ['policy', 'init', '--out', plain])
  await answer(t, ['policy', 'init', '--out', small, '--observations', '4'])
  const other = join(directory, 'other')
  const big = join(directory, 'big')
  writeFileSync(big, '')
  truncateSync(big, 67_108_865)
  const empty = join(directory, 'empty')
  mkdirSync(empty)
  const lost = join(directory, 'lost')
  cpSync(dirname(files.tfjs), lost, { recursive: true })
  rmSync(join(lost, 'weights.bin'))
  const onnx = ['--format', 'onnx']
  const refusals: readonly (readonly [2 | 4, RegExp, readonly string[]])[] = [
    [2, /policy export needs one path, got none/, ['export', ...onnx, ...out]],
    [2, /policy import needs one path, got 2/, ['import', plain, plain, ...out]],
    [2, /--format is needed, got nothing/, ['export', plain, ...out]],
    [2, /--format must be one of tfjs, onnx, safetensors, got pickle/, ['export', plain, '--format', 'pickle', ...out]],
    [2, /--out is needed, got nothing/, ['import', plain]],
    [
      2,
      /--setting must be one of headway, letter, gap-law, got city/,
      ['export', plain, ...onnx, ...out, '--setting', 'city'],
    ],
    [
      2,
      /plain.safetensors holds no names .*one of --setting headway, letter, gap-law is needed, got none/,
      ['export', plain, ...onnx, ...out],
    ],
    [2, /--setting letter must name what .* names/, ['import', files.onnx, ...out, '--setting', 'letter']],
    [
      4,
      /there must be 4 observation names, as the network has, got 6/,
      ['export', small, ...onnx, ...out, '--setting', 'headway'],
    ],
    [2, /ENOENT/, ['import', join(directory, 'nowhere'), ...out]],
    [2, /ENOENT.*model.json/, ['import', empty, ...out]],
    [2, /must be a file, as onnx is, got a folder/, ['import', empty, ...onnx, ...out]],
    [2, /\/dev\/null must be a regular file/, ['import', '/dev/null', ...out]],
    [2, /--out .*EISDIR/, ['import', files.onnx, '--out', directory]],
    [2, /--out .*(ENOTDIR|EEXIST)/, ['export', files.safetensors, '--format', 'tfjs', '--out', plain]],
    [4, /weights file: ENOENT/, ['import', lost, ...out]],
    [4, /big: must be at most 67108864 bytes, got 67108865/, ['import', big, ...out]],
    [4, /model.json must be valid UTF-8/, ['import', files.onnx, '--format', 'tfjs', ...out]],
    [4, /protobuf/, ['import', files.tfjs, '--format', 'onnx', ...out]],
    [4, /header length/, ['import', files.tfjs, '--format', 'safetensors', ...out]],
  ]
  for (const [code, rule, args] of refusals) await refuses(t, code, rule, ['policy', ...args])
  // the beginnings of a PNG picture, a zip archive (PyTorch's own files), HDF5, text, nothing
  for (const content of ['\x89PNG\r\n\x1a\n', 'PK\x03\x04....', '\x89HDF\r\n\x1a\n', 'hello, world', '', ' ']) {
    writeFileSync(other, content, 'latin1')
    await refuses(t, 4, /content must be one of tfjs, onnx, safetensors/, ['policy', 'import', other, ...out])
  }
  const ended = await trustmix(['policy', 'import', other, ...out])
  t.match(ended, { code: 4, stdout: '', stderr: /^trustmix: .*other: content must be one of [^\n]*\n$/ })
})
