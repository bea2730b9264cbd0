import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import t, { type Test } from 'tap'
import {
  createRng,
  decodeSafetensors,
  inferArchitecture,
  policyLayout,
  vectorFromTensors,
} from '../device/core/index.ts'
import { answer, json, refuses } from './support/cli.ts'
import { awkwardPolicy, formats, largestDifference, type Specimen, specimen } from './support/policies.ts'
import { testFolder } from './support/program.ts'
import { requireModule, requirePython } from './support/require.ts'

const trained = fileURLToPath(new URL('../../test/policies/car01.safetensors', import.meta.url))
const python = fileURLToPath(new URL('../../test/python/', import.meta.url))

/** A policy that a fleet trained, and three made so that they are hard to carry over. */
function specimens(directory: string): Specimen[] {
  mkdirSync(directory, { recursive: true })
  const { tensors } = decodeSafetensors(readFileSync(trained))
  const architecture = inferArchitecture(tensors)
  const policy = vectorFromTensors(policyLayout(architecture), tensors)
  return [
    specimen(trained, architecture, policy, createRng(1, 'observations').uniform),
    awkwardPolicy(join(directory, 'a'), { observationSize: 3, actionSize: 4, hidden: [7, 5, 2] }, 2),
    awkwardPolicy(join(directory, 'b'), { observationSize: 2, actionSize: 1, hidden: [3] }, 3),
    awkwardPolicy(join(directory, 'c'), { observationSize: 9, actionSize: 2, hidden: [] }, 4),
  ]
}

async function exported(t: Test, { path }: Specimen, format: (typeof formats)[number], out: string): Promise<string> {
  const setting = path === trained ? ['--setting', 'headway'] : []
  await answer(t, ['policy', 'export', path, '--format', format, '--out', out, ...setting])
  return out
}

const bitsOf = (values: ArrayLike<number>): number[] => [...new Uint32Array(Float32Array.from(values).buffer)]

for (const format of formats)
  t.test(`${format}: export and import give back every bit, the names and the hash`, async (t) => {
    const directory = testFolder(t)
    for (const [i, given] of specimens(directory).entries()) {
      const out = await exported(t, given, format, join(directory, `${format}-${i}`))
      const back = join(directory, `${format}-${i}.back`)
      const before = await answer(t, ['policy', 'show', '--policy', given.path])
      const found = await answer(t, ['policy', 'import', out, '--out', back])
      t.match(found, { format, policyHash: before.policyHash, architecture: given.architecture })
      const { tensors, metadata } = decodeSafetensors(readFileSync(back))
      const policy = vectorFromTensors(policyLayout(given.architecture), tensors)
      t.same(bitsOf(policy), bitsOf(given.policy), 'log_std and weights, bit for bit')
      t.equal(metadata.get('vehicle'), given.path === trained ? 'car01' : undefined)
      if (given.path === trained)
        t.match(found, {
          // docs/serve.md: the observation `gaps` and the action `timeGap` of setting headway
          observationNames: ['place', 'speed', 'gap', 'leader-speed', 'follower-gap', 'follower-speed'],
          actionNames: ['timeGap'],
        })
      else {
        const source = decodeSafetensors(readFileSync(given.path)).metadata
        t.equal(metadata.get('observationNames'), source.get('observationNames'))
        t.equal(metadata.get('actionNames'), source.get('actionNames'))
      }
    }
  })

t.test('the bin exports and imports; --json is one object; the private value network stays behind', async (t) => {
  const directory = testFolder(t)
  const own = join(directory, 'own.safetensors')
  const out = join(directory, 'new', 'own.onnx')
  const made = await json(t, ['policy', 'init', '--out', own, '--hidden', '8,8'])
  const written = await json(t, ['policy', 'export', '--format', 'onnx', own, '--out', out, '--setting', 'letter'])
  t.same(written, {
    policyHash: made.policyHash,
    architecture: { observationSize: 6, actionSize: 1, hidden: [8, 8] },
    observationNames: ['position', 'speed', 'follower-position', 'follower-speed', 'leader-position', 'leader-speed'],
    actionNames: ['acceleration'],
    ...{ format: 'onnx', files: [out] },
  })
  const twice = join(directory, 'tfjs')
  const converted = await answer(t, ['policy', 'export', out, '--format', 'tfjs', '--out', twice])
  t.same(converted, { ...written, format: 'tfjs', files: [join(twice, 'model.json'), join(twice, 'weights.bin')] })
  const read = await json(t, ['policy', 'import', out, '--out', own])
  t.same(read, { ...written, files: [own] })
  t.match(await answer(t, ['policy', 'show', '--policy', own]), { hasValueNetwork: false })
})

t.test('TensorFlow.js loads what was exported, acts the same, and what it saves is imported', async (t) => {
  await tf.setBackend('cpu')
  const directory = testFolder(t)
  const origin = await serveModels(t, directory)
  for (const [i, given] of specimens(directory).entries()) {
    const out = await exported(t, given, 'tfjs', join(directory, `tfjs-${i}`))
    const model = await tf.loadLayersModel(`${origin}/${basename(out)}/model.json`)
    const constant = given.actions.map(() => given.actions[0] ?? [])
    t.ok(largestDifference(constant, given.actions) > 0.05, 'the action depends on the observation')
    const result = model.predict(tf.tensor2d(given.observations)) as tf.Tensor2D
    const difference = largestDifference(await result.array(), given.actions)
    t.ok(difference <= 1e-5, `largest difference of ${i}: ${difference}`)

    const { policyHash } = await answer(t, ['policy', 'show', '--policy', given.path])
    const back = join(directory, 'back')
    await model.save(`${origin}/saved-${i}`)
    t.match(await answer(t, ['policy', 'import', join(directory, `saved-${i}`), '--out', back]), { policyHash })

    const [kernel, bias, ...others] = model.getWeights() as [tf.Tensor, tf.Tensor]
    model.setWeights([kernel, bias.add(1), ...others])
    await model.save(`${origin}/changed-${i}`)
    const changed = ['policy', 'import', join(directory, `changed-${i}`), '--out', back]
    await refuses(t, 4, /policyHash must be that of the content/, changed)
    await answer(t, [...changed, '--changed'])
    const biasOf = (path: string): number[] =>
      Array.from(decodeSafetensors(readFileSync(path)).tensors.get('policy.0.bias')?.data ?? [])
    t.same(
      biasOf(back),
      biasOf(given.path).map((x) => Math.fround(x + 1)),
    )
  }
})

/** Serves a folder to `tf.loadLayersModel` and stores what `model.save` posts: a form of files. */
async function serveModels(t: Test, directory: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = join(directory, String(request.url))
    if (request.method === 'POST') {
      mkdirSync(path)
      const form = await new Response(Buffer.concat(await request.toArray()), {
        headers: { 'content-type': String(request.headers['content-type']) },
      }).formData()
      for (const part of form.values())
        if (typeof part !== 'string') writeFileSync(join(path, part.name), Buffer.from(await part.arrayBuffer()))
      response.end()
    } else response.end(readFileSync(path))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** As much of onnxruntime-node as the test uses; it is no dependency, so neither are its types. */
interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor
  readonly InferenceSession: { create(path: string): Promise<OnnxSession> }
}
interface OnnxTensor {
  readonly dims: readonly number[]
  readonly data: Float32Array
}
interface OnnxSession {
  run(feeds: { readonly observation: OnnxTensor }): Promise<{ readonly action: OnnxTensor }>
}

t.test('onnxruntime-node runs what was exported and acts the same, one row at a time and all together', async (t) => {
  const runtime = requireModule(t, 'onnxruntime-node') as OnnxRuntime | undefined
  if (!runtime) return
  const directory = testFolder(t)
  for (const [i, given] of specimens(directory).entries()) {
    const session = await runtime.InferenceSession.create(
      await exported(t, given, 'onnx', join(directory, `${i}.onnx`)),
    )
    const act = async (rows: readonly number[][]): Promise<number[][]> => {
      const dims = [rows.length, given.architecture.observationSize]
      const { action } = await session.run({
        observation: new runtime.Tensor('float32', Float32Array.from(rows.flat()), dims),
      })
      t.same(action.dims, [rows.length, given.architecture.actionSize])
      const width = given.architecture.actionSize
      return rows.map((_, r) => Array.from(action.data.subarray(r * width, (r + 1) * width)))
    }
    const together = largestDifference(await act(given.observations), given.actions)
    t.ok(together <= 1e-5, `largest difference of ${i}: ${together}`)
    const first = largestDifference(await act(given.observations.slice(0, 1)), given.actions.slice(0, 1))
    t.ok(first <= 1e-5, `difference of the first row of ${i}: ${first}`)
  }
})

interface PythonAnswer {
  readonly actions: number[][]
  readonly metadata: Record<string, string>
}

t.test('PyTorch loads what was exported, acts the same, and what it saves is imported', async (t) => {
  const program = await requirePython(t, ['torch', 'safetensors', 'numpy'])
  if (program === undefined) return
  await comparePython(t, program, 'run_torch_policies.py', 'safetensors')
})

t.test("Python's onnxruntime runs what was exported and acts the same", async (t) => {
  const program = await requirePython(t, ['onnxruntime', 'numpy'])
  if (program === undefined) return
  await comparePython(t, program, 'run_onnx_policies.py', 'onnx')
})

async function comparePython(t: Test, program: string, script: string, format: 'onnx' | 'safetensors'): Promise<void> {
  const directory = testFolder(t)
  const given = specimens(directory)
  const cases = await Promise.all(
    given.map(async (policy, i) => ({
      path: await exported(t, policy, format, join(directory, `${i}.${format}`)),
      observations: policy.observations,
      resaved: join(directory, `${i}.resaved`),
    })),
  )
  const printed = await new Promise<string>((resolve, reject) => {
    const child = execFile(program, [join(python, script)], (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
    child.stdin?.end(JSON.stringify(cases))
  })
  const answers = JSON.parse(printed) as PythonAnswer[]
  t.equal(answers.length, given.length)
  for (const [i, policy] of given.entries()) {
    const difference = largestDifference(answers[i]?.actions ?? [], policy.actions)
    t.ok(difference <= 1e-5, `largest difference of ${i}: ${difference}`)
    const { policyHash } = await answer(t, ['policy', 'show', '--policy', policy.path])
    t.match(answers[i]?.metadata, { format: 'trustmix-policy/1', policyHash })
    const source = format === 'safetensors' ? cases[i]?.resaved : cases[i]?.path
    t.match(await answer(t, ['policy', 'import', String(source), '--out', join(directory, 'back')]), { policyHash })
  }
}
