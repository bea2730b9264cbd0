import { tanh } from './elementary.ts'
import { multiplyTransposed, transpose } from './matrix.ts'
import { type Layout, slotOf } from './parameters.ts'

/** A tanh network with a linear last layer, as offsets into a flat parameter vector. */
export interface Network {
  readonly layers: readonly Layer[]
  readonly inputs: number
  readonly outputs: number
}

export interface Layer {
  readonly inputs: number
  readonly outputs: number
  /** Offset of the weight [outputs, inputs]. */
  readonly weight: number
  /** Offset of the bias [outputs]. */
  readonly bias: number
}

/** What a forward pass leaves behind for the passes that follow it. */
export interface Trace {
  /** Rows of the last forward pass. */
  count: number
  /** `activations[0]` is the input [count, inputs], `activations[l]` the output of layer l − 1, the last one linear. */
  readonly activations: Float64Array[]
}

/** Scratch of the passes; it grows on first use and is then reused. */
export interface Workspace {
  readonly delta: Float64Array[]
  readonly product: Float64Array[]
  transposed: Float64Array
  transposedInput: Float64Array
}

/** The network `prefix` (`policy` or `value`) of a layout. Throws where the layout has none. */
export function networkOf(layout: Layout, prefix: string): Network {
  const layers: Layer[] = []
  for (const slot of layout.tensors) {
    if (!slot.name.startsWith(`${prefix}.`) || !slot.name.endsWith('.weight')) continue
    const index = Number(slot.name.split('.')[1]) / 2
    const bias = slotOf(layout, `${prefix}.${2 * index}.bias`).offset
    layers[index] = { inputs: slot.shape[1]!, outputs: slot.shape[0]!, weight: slot.offset, bias }
  }
  const [first] = layers
  const last = layers[layers.length - 1]
  if (first === undefined || last === undefined) throw new Error(`layout must hold a network ${prefix}, got none`)
  return { layers, inputs: first.inputs, outputs: last.outputs }
}

/** An empty trace; `reserve` gives it room. */
export function createTrace(): Trace {
  return { count: 0, activations: [] }
}

/** An empty workspace. */
export function createWorkspace(): Workspace {
  return { delta: [], product: [], transposed: new Float64Array(0), transposedInput: new Float64Array(0) }
}

/** Sets `trace.count` and makes room for that many rows; the input goes to `trace.activations[0]`. */
export function reserve(network: Network, trace: Trace, count: number): Float64Array {
  trace.count = count
  const input = grown(trace.activations, 0, count * network.inputs)
  for (let l = 0; l < network.layers.length; l++) grown(trace.activations, l + 1, count * network.layers[l]!.outputs)
  return input
}

/** Forward pass of the rows in `trace.activations[0]`; returns the outputs [count, outputs], valid until the next pass. */
export function forward(network: Network, parameters: Float64Array, trace: Trace): Float64Array {
  const { layers } = network
  const { count, activations } = trace
  for (let l = 0; l < layers.length; l++) {
    const { inputs, outputs, weight, bias } = layers[l]!
    const out = activations[l + 1]!
    multiplyTransposed(activations[l]!, 0, count, parameters, weight, outputs, inputs, out, 0)
    if (l === layers.length - 1) addBias(out, count, outputs, parameters, bias)
    else addBiasTanh(out, count, outputs, parameters, bias)
  }
  return activations[layers.length]!
}

/**
 * Backward pass after `forward` with the same parameters: writes ∂L/∂(every weight and bias) to `gradient`
 * at the offsets of the network, given ∂L/∂output [count, outputs].
 */
export function backward(
  network: Network,
  parameters: Float64Array,
  trace: Trace,
  outputGradient: Float64Array,
  gradient: Float64Array,
  workspace: Workspace,
): void {
  const { layers } = network
  const { count, activations } = trace
  let delta = outputGradient
  for (let l = layers.length - 1; l >= 0; l--) {
    const { inputs, outputs, weight, bias } = layers[l]!
    const input = activations[l]!
    sumRows(delta, count, outputs, gradient, bias)
    workspace.transposed = room(workspace.transposed, Math.max(count, inputs) * outputs)
    workspace.transposedInput = room(workspace.transposedInput, count * inputs)
    transpose(delta, 0, count, outputs, workspace.transposed)
    transpose(input, 0, count, inputs, workspace.transposedInput)
    multiplyTransposed(workspace.transposed, 0, outputs, workspace.transposedInput, 0, inputs, count, gradient, weight)
    if (l === 0) return
    transpose(parameters, weight, outputs, inputs, workspace.transposed)
    const next = grown(workspace.delta, l, count * inputs)
    multiplyTransposed(delta, 0, count, workspace.transposed, 0, inputs, outputs, next, 0)
    timesTanhSlope(next, input, count * inputs)
    delta = next
  }
}

/**
 * Forward-mode Jacobian-vector product after `forward` with the same parameters: the derivative of every output along
 * `direction` (a vector of the parameters' layout), [count, outputs], valid until the next pass.
 */
export function tangent(
  network: Network,
  parameters: Float64Array,
  direction: Float64Array,
  trace: Trace,
  workspace: Workspace,
): Float64Array {
  const { layers } = network
  const { count, activations } = trace
  let previous: Float64Array | undefined
  for (let l = 0; l < layers.length; l++) {
    const { inputs, outputs, weight, bias } = layers[l]!
    // d(W h + b) = ΔW h + Δb + W dh
    const out = grown(workspace.delta, l + 1, count * outputs)
    multiplyTransposed(activations[l]!, 0, count, direction, weight, outputs, inputs, out, 0)
    addBias(out, count, outputs, direction, bias)
    if (previous !== undefined) {
      const through = grown(workspace.product, l + 1, count * outputs)
      multiplyTransposed(previous, 0, count, parameters, weight, outputs, inputs, through, 0)
      for (let i = 0; i < count * outputs; i++) out[i] = out[i]! + through[i]!
    }
    if (l < layers.length - 1) timesTanhSlope(out, activations[l + 1]!, count * outputs)
    previous = out
  }
  return previous!
}

/** `arrays[index]` with room for `size` values. */
function grown(arrays: Float64Array[], index: number, size: number): Float64Array {
  while (arrays.length <= index) arrays.push(new Float64Array(0))
  const array = room(arrays[index]!, size)
  arrays[index] = array
  return array
}

function room(array: Float64Array, size: number): Float64Array {
  return array.length >= size ? array : new Float64Array(size)
}

function addBias(out: Float64Array, count: number, outputs: number, parameters: Float64Array, bias: number): void {
  for (let i = 0, o = 0; i < count; i++) {
    for (let j = 0; j < outputs; j++, o++) out[o] = out[o]! + parameters[bias + j]!
  }
}

function addBiasTanh(out: Float64Array, count: number, outputs: number, parameters: Float64Array, bias: number): void {
  for (let i = 0, o = 0; i < count; i++) {
    for (let j = 0; j < outputs; j++, o++) out[o] = tanh(out[o]! + parameters[bias + j]!)
  }
}

function sumRows(rows: Float64Array, count: number, columns: number, out: Float64Array, offset: number): void {
  for (let j = 0; j < columns; j++) out[offset + j] = 0
  for (let i = 0, r = 0; i < count; i++) {
    for (let j = 0; j < columns; j++, r++) out[offset + j] = out[offset + j]! + rows[r]!
  }
}

/** d tanh(z) = (1 − tanh²(z)) dz. */
function timesTanhSlope(derivative: Float64Array, activation: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) derivative[i] = derivative[i]! * (1 - activation[i]! * activation[i]!)
}
