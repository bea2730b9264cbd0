import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import {
  createRng,
  createVectorEncoder,
  decodeSafetensors,
  encodeSafetensors,
  policyLayout,
  tensorsFromVector,
} from '../device/core/index.ts'
import { parseStrictJson } from '../device/core/strict-json.ts'

const vectors = new URL('../../test/vectors/', import.meta.url)
const golden = readFileSync(new URL('case-1/own.safetensors', vectors))
const tensors = new Map([
  ['b', { shape: [2], data: Float32Array.of(1.5, -2) }],
  ['a', { shape: [1, 3], data: Float32Array.of(3, 4, 5) }],
  ['empty', { shape: [0, 4], data: new Float32Array(0) }],
  ['scalar', { shape: [], data: Float32Array.of(7) }],
])
const metadata = new Map([
  ['z', '1'],
  ['é "q"', 'ü\n'],
])
const encoded = encodeSafetensors({ tensors, metadata })

function file(header: string, data = new Uint8Array(0), length = BigInt(Buffer.byteLength(header))): Uint8Array {
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(length)
  return new Uint8Array(Buffer.concat([prefix, Buffer.from(header), data]))
}

t.test('what was encoded is decoded, at any alignment', async (t) => {
  for (let shift = 0; shift < 5; shift++) {
    const moved = new Uint8Array(encoded.length + shift + 3)
    moved.set(encoded, shift)
    const decoded = decodeSafetensors(moved.subarray(shift, shift + encoded.length))
    t.same(new Map([...decoded.tensors].sort()), new Map([...tensors].sort()))
    t.same(new Map([...decoded.metadata].sort()), new Map([...metadata].sort()))
  }
  const decoded = decodeSafetensors(encoded)
  encoded.slice().fill(0)
  t.same(decoded.tensors.get('a')!.data, Float32Array.of(3, 4, 5))
})

t.test('a flat vector is encoded to the bytes of its tensors', async (t) => {
  const layout = policyLayout({ observationSize: 3, actionSize: 2, hidden: [5, 4] })
  const vector = Float32Array.from({ length: layout.size }, (_, i) => i / 8)
  const encode = createVectorEncoder(layout)
  t.same(encode(vector, metadata), encodeSafetensors({ tensors: tensorsFromVector(layout, vector), metadata }))
  t.same(
    encode(vector, new Map()),
    encodeSafetensors({ tensors: tensorsFromVector(layout, vector), metadata: new Map() }),
  )
  t.throws(() => encode(vector.subarray(1), metadata), `vector must hold ${layout.size} values, got ${layout.size - 1}`)
})

t.test('the bytes depend on the content only', async (t) => {
  const reversed = {
    tensors: new Map([...tensors].reverse()),
    metadata: new Map([...metadata].reverse()),
  }
  t.same(encodeSafetensors(reversed), encoded)
  const view = new DataView(encoded.buffer)
  t.equal(Number(view.getBigUint64(0, true)) % 8, 0, 'the data are aligned to 8 bytes')
  const header = Buffer.from(encoded.subarray(8, 8 + Number(view.getBigUint64(0, true)))).toString()
  t.same(Object.keys(JSON.parse(header)), ['__metadata__', 'a', 'b', 'empty', 'scalar'])
  t.throws(() => encodeSafetensors({ tensors: new Map([['a', { shape: [2], data: new Float32Array(3) }]]), metadata }))
  const reserved = new Map([['__metadata__', { shape: [0], data: new Float32Array(0) }]])
  t.throws(() => encodeSafetensors({ tensors: reserved, metadata }), /__metadata__/)
})

t.test('every file of the golden vectors is read and survives a round trip', async (t) => {
  for (const name of readdirSync(vectors)) {
    for (const part of ['own', 'peer', 'experience', 'fisher', 'minibatch', 'rollout']) {
      const decoded = decodeSafetensors(readFileSync(new URL(`${name}/${part}.safetensors`, vectors)))
      t.same(decodeSafetensors(encodeSafetensors(decoded)), decoded, `${name}/${part}`)
    }
  }
})

t.test('headers that break a rule are refused with the value found', async (t) => {
  const four = new Uint8Array(4)
  const eight = new Uint8Array(8)
  const entry = (extra: string) => `{"dtype":"F32","shape":[1],"data_offsets":[0,4]${extra}}`
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty file', new Uint8Array(0), /at least 8 bytes, got 0/],
    ['short file', new Uint8Array(7), /got 7/],
    ['no header', file(''), /start with/],
    ['length 2^63', file('{}', four, 2n ** 63n), /at most 6, got 9223372036854775808/],
    ['length 2^64 − 1', file('{}', four, 2n ** 64n - 1n), /got 18446744073709551615/],
    ['length past the end', file('{}', undefined, 3n), /at most 2, got 3/],
    ['byte order mark', file('\ufeff{}'), /start with/],
    ['leading space', file(' {}'), /start with/],
    ['array', file('[]'), /start with/],
    ['not UTF-8', file('{"a').fill(0xff, 9, 10), /UTF-8/],
    ['cut JSON', file('{"a":'), /JSON must have a value/],
    ['text after the header', file('{}x'), /the end/],
    ['trailing comma', file('{"a":1,}'), /a key/],
    ['the same name twice', file(`{"a":${entry('')},"a":${entry('')}}`, four), /"a" twice/],
    ['the same name, escaped', file(`{"a":${entry('')},"\\u0061":${entry('')}}`, four), /"a" twice/],
    ['the same key in an entry', file(`{"a":${entry(',"dtype":"F32"')}}`, four), /"dtype" twice/],
    ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}'), /twice/],
    ['unknown key', file(`{"a":${entry(',"x":1')}}`, four), /got "x"/],
    ['entry is no object', file('{"a":3}'), /entry of "a" must be an object, got 3/],
    ['entry is null', file('{"a":null}'), /got null/],
    ['another dtype', file('{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,8]}}', eight), /got "F16"/],
    ['missing dtype', file('{"a":{"shape":[1],"data_offsets":[0,4]}}', four), /dtype.*undefined/],
    ['missing shape', file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', four), /shape.*undefined/],
    ['missing offsets', file('{"a":{"dtype":"F32","shape":[1]}}', four), /data_offsets.*undefined/],
    ['negative size', file('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', four), /integers from 0/],
    ['fractional size', file('{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,4]}}', four), /integers from 0/],
    ['size as text', file('{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}', four), /integers from 0/],
    [
      'huge shape',
      file('{"a":{"dtype":"F32","shape":[9007199254740991,9],"data_offsets":[0,4]}}', four),
      /bytes, got 4/,
    ],
    ['offsets reversed', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', four), /\[begin, end\]/],
    ['three offsets', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', four), /\[begin, end\]/],
    [
      'shape and offsets differ',
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', four),
      /8 bytes, got 4/,
    ],
    ['past the data', file(`{"a":${entry('')}}`), /within 0 bytes/],
    ['data left over', file(`{"a":${entry('')}}`, eight), /cover all 8 bytes.*got 4/],
    ['a gap', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', eight), /begin at byte 0.*got 4/],
    ['an overlap', file(`{"a":${entry('')},"b":${entry('')}}`, eight), /begin at byte 4.*got 0/],
    ['metadata is no object', file('{"__metadata__":[]}'), /must be an object, got \[\]/],
    ['metadata is no text', file('{"__metadata__":{"a":1}}'), /must be a string, got 1/],
    ['nested too deep', file(`{"a":${'['.repeat(9000)}`), /nest at most/],
  ]
  for (const [name, bytes, wanted] of cases) t.throws(() => decodeSafetensors(bytes), wanted, name)
  t.throws(() => decodeSafetensors(golden, { maxHeaderBytes: 100 }), /at most 100/)
})

t.test('names that are special to JavaScript are plain names', async (t) => {
  const names = ['__proto__', 'constructor', 'toString', '0']
  const bytes = encodeSafetensors({
    tensors: new Map(names.map((name) => [name, { shape: [1], data: Float32Array.of(1) }])),
    metadata: new Map([['__proto__', 'x']]),
  })
  const decoded = decodeSafetensors(bytes)
  t.same([...decoded.tensors.keys()].sort(), [...names].sort())
  t.equal(decoded.metadata.get('__proto__'), 'x')
  t.equal(Object.getPrototypeOf({}), Object.prototype)
  t.equal(({} as { dtype?: string }).dtype, undefined)
})

t.test('cut and mutated files throw an Error or decode to consistent tensors', async (t) => {
  const rng = createRng(31, 'fuzz')
  let refused = 0
  const probe = (bytes: Uint8Array, name: string) => {
    try {
      const decoded = decodeSafetensors(bytes)
      for (const { shape, data } of decoded.tensors.values())
        if (data.length !== shape.reduce((product, size) => product * size, 1)) t.fail(`${name}: shape and data differ`)
    } catch (error) {
      refused += 1
      if (!(error instanceof Error) || error instanceof RangeError || error instanceof TypeError)
        t.fail(`${name}: ${error}`)
    }
  }
  for (let i = 0; i < 400; i++) probe(golden.subarray(0, rng.integer(golden.length)), `cut ${i}`)
  t.equal(refused, 400, 'no cut file is accepted')
  const headerEnd = 8 + Number(golden.readBigUInt64LE(0))
  for (let i = 0; i < 3000; i++) {
    const mutated = Uint8Array.from(golden)
    for (let n = rng.integer(4); n >= 0; n--) mutated[rng.integer(headerEnd)] = rng.integer(256)
    probe(mutated, `bytes ${i}`)
  }
  const text = golden.subarray(8, headerEnd).toString()
  const pieces = [
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '0',
    '-1',
    '1e9',
    'null',
    '"F32"',
    '9007199254740993',
    '\\u0000',
    '\\',
  ]
  for (let i = 0; i < 3000; i++) {
    const at = rng.integer(text.length)
    const header = text.slice(0, at) + pieces[rng.integer(pieces.length)] + text.slice(at + rng.integer(12))
    probe(file(header, golden.subarray(headerEnd)), `text ${i}`)
  }
  t.ok(refused > 4000, `${refused} refused`)
})

t.test('strict JSON agrees with JSON.parse on what both accept', async (t) => {
  const plain = (value: unknown): unknown =>
    value instanceof Map
      ? Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]))
      : Array.isArray(value)
        ? value.map(plain)
        : value
  for (const text of [
    '{}',
    ' [1, -2.5e3 ,true,null,"\\u00e9\\"\\\\"] ',
    '{"a":{"b":[{}]},"c":[]}',
    '3',
    '"x"',
    '\t[\n]\r',
  ])
    t.same(plain(parseStrictJson(text)), JSON.parse(text), text)
  for (const text of [
    '',
    ' ',
    '01',
    '1 2',
    "{'a':1}",
    '[1,]',
    '{"a"}',
    '{"a":1',
    '"a',
    '"\n"',
    'tru',
    '[1 2]',
    '\u00a01',
    '+1',
    '"\\x"',
  ])
    t.throws(() => parseStrictJson(text), Error, JSON.stringify(text))
})
