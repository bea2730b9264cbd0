import t from 'tap'
import { loadTensorflowEngine } from '../device/engines/tensorflow.ts'
import type { Tensorflow } from '../device/engines/tensorflow-network.ts'
import { engineConformance } from './support/engine-conformance.ts'
import { requireModule } from './support/require.ts'

// A process of its own: TensorFlow.js has one backend for all that runs beside it.
t.test('engine tensorflow on the native backend', async (t) => {
  const tf = requireModule(t, '@tensorflow/tfjs-node') as Tensorflow | undefined
  if (tf === undefined) return
  const create = await loadTensorflowEngine()
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
