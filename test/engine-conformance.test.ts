import { spawnSync } from 'node:child_process'
import { join, parse } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import t from 'tap'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { loadTensorflowEngine } from '../device/engines/tensorflow.ts'
import { createTensorflowEngine } from '../device/engines/tensorflow-engine.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { exitCodes } from '../schemas/exit.ts'
import { engineConformance } from './support/engine-conformance.ts'

engineConformance(t, {
  name: 'reference',
  create: createReferenceEngine,
  tolerance: 1e-9,
  nearbyTolerance: 1e-9,
  rowsStandAlone: true,
  slow: false,
  held: () => 0,
})

engineConformance(t, {
  name: 'wasm',
  create: createWasmEngine,
  tolerance: 1e-4,
  nearbyTolerance: 5e-2,
  rowsStandAlone: true,
  slow: false,
  held: () => 0,
})

// The backend is named here: the loader would take the native one where it is installed.
tf.enableProdMode()
await tf.setBackend('cpu')
engineConformance(t, {
  name: 'tensorflow on cpu',
  create: (architecture) => createTensorflowEngine(tf, architecture),
  tolerance: 1e-4,
  nearbyTolerance: 1e-5,
  rowsStandAlone: false,
  slow: true,
  held: () => tf.memory().numTensors,
})

t.test('the loader takes what is installed; without TensorFlow.js it says what to install', async (t) => {
  const engine = (await loadTensorflowEngine())({ observationSize: 2, actionSize: 1, hidden: [3] })
  t.match(engine.id, /^tensorflow\/1 (tensorflow|wasm|cpu)$/)
  const loader = new URL('../device/engines/tensorflow.js', import.meta.url)
  const nowhere = join(parse(process.cwd()).root, 'nowhere.js')
  const script = `await (await import('${loader}')).loadTensorflowEngine('${nowhere}').catch((e) => console.log(e.code, e.message))`
  const environment = { ...process.env, NODE_PATH: '' }
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: environment })
  t.match(String(stdout), new RegExp(`^${exitCodes.unreachable} .*npm i @tensorflow/tfjs-node`))
  const broken = t.testdir({
    node_modules: { '@tensorflow': { 'tfjs-node': { 'index.js': 'throw new Error("no addon\\nat all")' } } },
  })
  await t.rejects(loadTensorflowEngine(join(broken, 'index.js')), {
    code: exitCodes.unreachable,
    message: 'engine tensorflow: @tensorflow/tfjs-node is installed but does not load: no addon',
  })
})
