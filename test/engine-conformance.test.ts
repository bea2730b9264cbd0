import * as tf from '@tensorflow/tfjs'
import t from 'tap'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { loadTensorflowEngine } from '../device/engines/tensorflow.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { engineConformance } from './support/engine-conformance.ts'

engineConformance(t, {
  name: 'reference',
  create: createReferenceEngine,
  tolerance: 1e-9,
  rowsStandAlone: true,
  slow: false,
  held: () => 0,
})

engineConformance(t, {
  name: 'wasm',
  create: createWasmEngine,
  tolerance: 1e-4,
  rowsStandAlone: true,
  slow: false,
  held: () => 0,
})

engineConformance(t, {
  name: 'tensorflow',
  create: await loadTensorflowEngine(),
  tolerance: 1e-4,
  rowsStandAlone: false,
  slow: true,
  held: () => tf.memory().numTensors,
})
