import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { loadTensorflowEngine } from '../device/engines/tensorflow.ts'
import type { Tensorflow } from '../device/engines/tensorflow-network.ts'
import { engineConformance } from './support/engine-conformance.ts'
import { requirePackage } from './support/require.ts'

// A process of its own: TensorFlow.js has one backend for all that runs beside it.
const folder = process.env.TRUSTMIX_TFJS_NODE ?? '.'
const from = join(folder, 'package.json')

t.test('engine tensorflow on the native backend', async (t) => {
  if (!requirePackage(t, '@tensorflow/tfjs-node', from, 'tfjs-node')) return
  const create = await loadTensorflowEngine(from)
  const tf: Tensorflow = createRequire(from)('@tensorflow/tfjs-node')
  t.equal(create({ observationSize: 1, actionSize: 1, hidden: [1] }).id, 'tensorflow/1 tensorflow')
  engineConformance(t, {
    name: 'tensorflow',
    create,
    tolerance: 1e-4,
    nearbyTolerance: 1e-5,
    rowsStandAlone: false,
    slow: true,
    held: () => tf.memory().numTensors,
  })
})
