import { exp } from './elementary.ts'
import type { Architecture, Vector } from './engine.ts'
import { multiplyTransposed, transpose } from './matrix.ts'
import { createTrace, forward, type Layer, networkOf, reserve } from './mlp.ts'
import { policyLayout, slotOf } from './parameters.ts'

/** The two factors of one layer's Fisher block: A ⊗ G stands for the block, but is never built. */
export interface KroneckerFactors {
  readonly layer: Layer
  /** A = mean x̄ x̄ᵀ of the layer's inputs with a last coordinate 1 for the bias, [inputs + 1, inputs + 1]. */
  readonly inputs: Float64Array
  /** G = mean Σ_j (∂μ_j/∂s)(∂μ_j/∂s)ᵀ / σ_j² of the layer's sums s = W̄ x̄, [outputs, outputs]. */
  readonly outputs: Float64Array
}

/** The layer-wise Kronecker factors of G(θ); they hold for every Δ, so peers of one round can share them. */
export interface KroneckerFisher {
  readonly layers: readonly KroneckerFactors[]
  /** Where `log_std` lies in θ, and its length. */
  readonly logStd: { readonly offset: number; readonly size: number }
}

/**
 * The factors of Martens and Grosse (2015, section 3) over `count` states [count, observationSize]: the block of a layer is
 * taken as E[x̄ x̄ᵀ] ⊗ E[g gᵀ], blocks between layers as 0. The expectation over actions is in closed form: g = ∂log π/∂s has
 * E[g gᵀ] = Σ_j (∂μ_j/∂s)(∂μ_j/∂s)ᵀ / σ_j² for a diagonal Gaussian. float64.
 */
export function kroneckerFisher(
  architecture: Architecture,
  policy: Vector,
  observations: Vector,
  count: number,
): KroneckerFisher {
  const layout = policyLayout(architecture)
  const network = networkOf(layout, 'policy')
  const logStd = slotOf(layout, 'log_std')
  const parameters = Float64Array.from(policy)
  const trace = createTrace()
  const input = reserve(network, trace, count)
  for (let i = 0; i < count * network.inputs; i++) input[i] = observations[i]!
  forward(network, parameters, trace)

  const layers = network.layers.map((layer, l) => ({
    layer,
    inputs: secondMoment(trace.activations[l]!, count, layer.inputs, true),
    outputs: new Float64Array(layer.outputs * layer.outputs),
  }))
  for (let j = 0; j < network.outputs; j++) {
    let slope = new Float64Array(count * network.outputs)
    const inverseStd = exp(-parameters[logStd.offset + j]!)
    for (let k = 0; k < count; k++) slope[k * network.outputs + j] = inverseStd
    for (let l = layers.length - 1; l >= 0; l--) {
      const { layer, outputs } = layers[l]!
      const moment = secondMoment(slope, count, layer.outputs, false)
      for (let i = 0; i < moment.length; i++) outputs[i] = outputs[i]! + moment[i]!
      if (l > 0) slope = throughLayer(slope, layer, parameters, trace.activations[l]!, count)
    }
  }
  return { layers, logStd }
}

/**
 * q = Σ_layers vec(ΔW̄)ᵀ (A ⊗ G) vec(ΔW̄) = Σ_layers tr(ΔW̄ᵀ G ΔW̄ A), and the exact 2 Σ_j (Δ log σ_j)². `delta` has the
 * layout of θ.
 */
export function kroneckerForm({ layers, logStd }: KroneckerFisher, delta: Vector): number {
  let q = 0
  for (let j = 0; j < logStd.size; j++) q += 2 * delta[logStd.offset + j]! * delta[logStd.offset + j]!
  for (const { layer, inputs: A, outputs: G } of layers) {
    const { outputs } = layer
    const inputs = layer.inputs + 1
    const change = new Float64Array(outputs * inputs)
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < layer.inputs; i++) change[o * inputs + i] = delta[layer.weight + o * layer.inputs + i]!
      change[o * inputs + layer.inputs] = delta[layer.bias + o]!
    }
    const transposed = new Float64Array(outputs * inputs)
    transpose(change, 0, outputs, inputs, transposed)
    const left = new Float64Array(outputs * inputs)
    multiplyTransposed(G, 0, outputs, transposed, 0, inputs, outputs, left, 0)
    const both = new Float64Array(outputs * inputs)
    multiplyTransposed(left, 0, outputs, A, 0, inputs, inputs, both, 0) // A is symmetric
    for (let i = 0; i < change.length; i++) q += change[i]! * both[i]!
  }
  return q
}

/** Mean of r rᵀ over the rows [count, columns], with a last coordinate 1 where `homogeneous`. */
function secondMoment(rows: Float64Array, count: number, columns: number, homogeneous: boolean): Float64Array {
  const size = homogeneous ? columns + 1 : columns
  const transposed = new Float64Array(size * count).fill(1)
  transpose(rows, 0, count, columns, transposed)
  const moment = new Float64Array(size * size)
  multiplyTransposed(transposed, 0, size, transposed, 0, size, count, moment, 0)
  for (let i = 0; i < moment.length; i++) moment[i] = moment[i]! / count
  return moment
}

/** ∂/∂(sums of the layer below) from ∂/∂(sums of `layer`): back through its weights and the tanh that fed it. */
function throughLayer(
  slope: Float64Array,
  { inputs, outputs, weight }: Layer,
  parameters: Float64Array,
  activation: Float64Array,
  count: number,
): Float64Array<ArrayBuffer> {
  const transposed = new Float64Array(inputs * outputs)
  transpose(parameters, weight, outputs, inputs, transposed)
  const below = new Float64Array(count * inputs)
  multiplyTransposed(slope, 0, count, transposed, 0, inputs, outputs, below, 0)
  for (let i = 0; i < below.length; i++) below[i] = below[i]! * (1 - activation[i]! * activation[i]!)
  return below
}
