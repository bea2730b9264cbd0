import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { Vector } from '../core/engine.ts'
import type { Network } from '../core/mlp.ts'

/** The namespace of TensorFlow.js, whichever package it comes from. */
export type Tensorflow = typeof import('@tensorflow/tfjs')

/** One layer as float32 tensors. */
export interface DenseLayer {
  /** [outputs, inputs] */
  readonly weight: Tensor2D
  /** [outputs] */
  readonly bias: Tensor1D
}

/** Changes of a pre-activation up to this size go through the addition theorem, larger ones through the difference. */
const SMALL_CHANGE = 0.5

/** Runs `compute` and lets go of every tensor that it made. */
export function scoped<T>(tf: Tensorflow, compute: () => T): T {
  tf.engine().startScope()
  try {
    return compute()
  } finally {
    tf.engine().endScope()
  }
}

/** `rows` × `columns` values as a float32 tensor of their own memory. */
export function matrixOf(tf: Tensorflow, values: Vector, rows: number, columns: number): Tensor2D {
  return tf.tensor2d(Float32Array.from(values.subarray(0, rows * columns)), [rows, columns])
}

/** The layers of a network, cut out of its flat vector. */
export function layersOf(tf: Tensorflow, network: Network, vector: Vector): DenseLayer[] {
  return network.layers.map(({ inputs, outputs, weight, bias }) => ({
    weight: tf.tensor2d(Float32Array.from(vector.subarray(weight, weight + outputs * inputs)), [outputs, inputs]),
    bias: tf.tensor1d(Float32Array.from(vector.subarray(bias, bias + outputs))),
  }))
}

/** Activations of every layer, the input first and the linear output last. */
export function forward(tf: Tensorflow, layers: readonly DenseLayer[], input: Tensor2D): Tensor2D[] {
  const activations = [input]
  layers.forEach(({ weight, bias }, l) => {
    const sum: Tensor2D = tf.add(tf.matMul(activations[l]!, weight, false, true), bias)
    activations.push(l === layers.length - 1 ? sum : tf.tanh(sum))
  })
  return activations
}

/** Writes ∂L/∂(every weight and bias) to `gradient` at the network's offsets, given ∂L/∂output [rows, outputs]. */
export function backward(
  tf: Tensorflow,
  network: Network,
  layers: readonly DenseLayer[],
  activations: readonly Tensor2D[],
  outputGradient: Tensor2D,
  gradient: Float64Array,
): void {
  let delta = outputGradient
  for (let l = layers.length - 1; l >= 0; l--) {
    const { weight, bias } = network.layers[l]!
    const input = activations[l]!
    gradient.set(tf.matMul(delta, input, true, false).dataSync(), weight)
    gradient.set(tf.sum(delta, 0).dataSync(), bias)
    if (l > 0) delta = tf.mul(tf.matMul(delta, layers[l]!.weight), tanhSlope(tf, input))
  }
}

/** Forward-mode Jacobian-vector product: the derivative of the outputs along `direction`, [rows, outputs]. */
export function tangent(
  tf: Tensorflow,
  layers: readonly DenseLayer[],
  direction: readonly DenseLayer[],
  activations: readonly Tensor2D[],
): Tensor2D {
  let change = linearChange(tf, direction[0]!, activations[0]!)
  for (let l = 1; l < layers.length; l++) {
    const hidden: Tensor2D = tf.mul(change, tanhSlope(tf, activations[l]!))
    const through: Tensor2D = tf.matMul(hidden, layers[l]!.weight, false, true)
    change = tf.add(linearChange(tf, direction[l]!, activations[l]!), through)
  }
  return change
}

/**
 * What the outputs differ by when the parameters move by `delta` from those of the activations `before` to those (`to`) of
 * the activations `after`, [rows, outputs]. The difference is carried from layer to layer: subtracting two float32 outputs
 * of nearly equal policies would leave few digits.
 */
export function difference(
  tf: Tensorflow,
  to: readonly DenseLayer[],
  delta: readonly DenseLayer[],
  before: readonly Tensor2D[],
  after: readonly Tensor2D[],
): Tensor2D {
  let change = linearChange(tf, delta[0]!, before[0]!)
  for (let l = 1; l < to.length; l++) {
    const hidden = tanhChange(tf, change, before[l]!, after[l]!)
    const through: Tensor2D = tf.matMul(hidden, to[l]!.weight, false, true)
    change = tf.add(linearChange(tf, delta[l]!, before[l]!), through) // W′h′ − Wh = ΔW h + W′(h′ − h)
  }
  return change
}

/** h ΔWᵀ + Δb. */
function linearChange(tf: Tensorflow, { weight, bias }: DenseLayer, input: Tensor2D): Tensor2D {
  return tf.add(tf.matMul(input, weight, false, true), bias)
}

/** 1 − tanh², as (1 − h)(1 + h). */
function tanhSlope(tf: Tensorflow, activation: Tensor2D): Tensor2D {
  return tf.mul(tf.sub(1, activation), tf.add(1, activation))
}

/** tanh(z + d) − tanh z = tanh d · (1 − tanh² z)/(1 + tanh z · tanh d), where d is small; see `SMALL_CHANGE`. */
function tanhChange(tf: Tensorflow, change: Tensor2D, before: Tensor2D, after: Tensor2D): Tensor2D {
  const small = tf.tanh(change)
  const theorem: Tensor2D = tf.div(tf.mul(small, tanhSlope(tf, before)), tf.add(1, tf.mul(before, small)))
  return tf.where(tf.less(tf.abs(change), SMALL_CHANGE), theorem, tf.sub(after, before))
}
