import { tanhInPlace } from './elementary'
import { transpose } from './flat'
import { product } from './product'

/*
 * A network is described by 32-bit words: the number of layers, then for each layer inputs, outputs, width (outputs rounded
 * up to a multiple of 4), and where in a block of parameters its weights and biases begin, in bytes. Weights are stored
 * [inputs, width], the transpose of PyTorch's, with zeros where width exceeds outputs; blocks of gradients and moments have
 * the same form. A trace holds the outputs of every layer one after the other, each [rows, width]; so do the derivatives
 * with respect to what tanh was applied to (`deltas`).
 */
const WORDS: usize = 5
const FLOAT: usize = 4

export function layersOf(net: usize): i32 {
  return load<i32>(net)
}
function layer(net: usize, l: i32): usize {
  return net + 4 + <usize>l * WORDS * 4
}
function inputsOf(at: usize): i32 {
  return load<i32>(at)
}
function outputsOf(at: usize): i32 {
  return load<i32>(at, 4)
}
function widthOf(at: usize): i32 {
  return load<i32>(at, 8)
}
function weightOf(at: usize): usize {
  return <usize>load<i32>(at, 12)
}
function biasOf(at: usize): usize {
  return <usize>load<i32>(at, 16)
}

/** Where the outputs of layer l begin in a trace of that many rows. */
export function outputsAt(net: usize, trace: usize, rows: i32, l: i32): usize {
  let at = trace
  for (let i = 0; i < l; i++) at += <usize>(rows * widthOf(layer(net, i))) * FLOAT
  return at
}

/** Forward pass of `rows` rows of `input`, dense; fills the trace, returns where the outputs of the last layer are. */
export function forward(net: usize, parameters: usize, input: usize, rows: i32, trace: usize): usize {
  const last = layersOf(net) - 1
  let from = input
  let stride = <usize>inputsOf(layer(net, 0)) * FLOAT
  let out = trace
  for (let l = 0; l <= last; l++) {
    const at = layer(net, l)
    const width = widthOf(at)
    const outStride = <usize>width * FLOAT
    const weight = parameters + weightOf(at)
    const bias = parameters + biasOf(at)
    product(from, stride, FLOAT, weight, outStride, bias, out, outStride, rows, width, inputsOf(at))
    if (l === last) return out
    tanhInPlace(out, rows * width)
    from = out
    stride = outStride
    out += <usize>rows * outStride
  }
  return out
}

/**
 * Fills the deltas of the hidden layers from those of the last one: δ_(l−1) = (δ_l W_l) ∘ (1 − h²). `scratch` holds the
 * largest [outputs, width of the layer below].
 */
export function propagate(net: usize, parameters: usize, rows: i32, trace: usize, deltas: usize, scratch: usize): void {
  for (let l = layersOf(net) - 1; l > 0; l--) {
    const at = layer(net, l)
    const below = widthOf(layer(net, l - 1))
    const belowStride = <usize>below * FLOAT
    const outputs = outputsOf(at)
    memory.fill(scratch, 0, <usize>outputs * belowStride)
    transpose(parameters + weightOf(at), widthOf(at), inputsOf(at), outputs, scratch, below)
    const from = outputsAt(net, deltas, rows, l)
    const to = outputsAt(net, deltas, rows, l - 1)
    product(from, <usize>widthOf(at) * FLOAT, FLOAT, scratch, belowStride, 0, to, belowStride, rows, below, outputs)
    timesSlope(to, outputsAt(net, trace, rows, l - 1), rows * below)
  }
}

/** ∂L/∂(every weight and bias), summed over the rows, from inputs, trace and deltas. */
export function gradients(net: usize, input: usize, rows: i32, trace: usize, deltas: usize, out: usize): void {
  for (let l = 0; l < layersOf(net); l++) {
    const at = layer(net, l)
    const width = widthOf(at)
    const stride = <usize>width * FLOAT
    const from = l === 0 ? input : outputsAt(net, trace, rows, l - 1)
    const fromStride = l === 0 ? <usize>inputsOf(at) * FLOAT : <usize>widthOf(layer(net, l - 1)) * FLOAT
    const delta = outputsAt(net, deltas, rows, l)
    product(from, FLOAT, fromStride, delta, stride, 0, out + weightOf(at), stride, inputsOf(at), width, rows)
    sumRows(delta, rows, width, out + biasOf(at))
  }
}

/**
 * The derivative of every output along `direction`, forward mode: dz_l = h_(l−1) ΔW_l + Δb_l + dh_(l−1) W_l. `tangents`
 * becomes a trace of dh, `scratch` holds the widest layer of all rows; returns where the last dz is.
 */
export function tangent(
  net: usize,
  parameters: usize,
  direction: usize,
  input: usize,
  rows: i32,
  trace: usize,
  tangents: usize,
  scratch: usize,
): usize {
  const last = layersOf(net) - 1
  for (let l = 0; l <= last; l++) {
    const at = layer(net, l)
    const width = widthOf(at)
    const stride = <usize>width * FLOAT
    const out = outputsAt(net, tangents, rows, l)
    const inputs = inputsOf(at)
    const from = l === 0 ? input : outputsAt(net, trace, rows, l - 1)
    const fromStride = l === 0 ? <usize>inputs * FLOAT : <usize>widthOf(layer(net, l - 1)) * FLOAT
    const weight = direction + weightOf(at)
    product(from, fromStride, FLOAT, weight, stride, direction + biasOf(at), out, stride, rows, width, inputs)
    if (l > 0) {
      const through = outputsAt(net, tangents, rows, l - 1)
      product(through, fromStride, FLOAT, parameters + weightOf(at), stride, 0, scratch, stride, rows, width, inputs)
      addTo(out, scratch, rows * width)
    }
    if (l < last) timesSlope(out, outputsAt(net, trace, rows, l), rows * width)
  }
  return outputsAt(net, tangents, rows, last)
}

/**
 * The derivative of one output along `direction` where its deltas are kept: Σ_l δ_l · (h_(l−1) ΔW_l + Δb_l) per row, written
 * as float64 to `out` [rows]. One product a layer and no tanh, whatever the direction. `scratch` as for `tangent`.
 */
export function tangentByDeltas(
  net: usize,
  direction: usize,
  input: usize,
  rows: i32,
  trace: usize,
  deltas: usize,
  scratch: usize,
  out: usize,
): void {
  memory.fill(out, 0, <usize>rows * 8)
  for (let l = 0; l < layersOf(net); l++) {
    const at = layer(net, l)
    const width = widthOf(at)
    const stride = <usize>width * FLOAT
    const inputs = inputsOf(at)
    const from = l === 0 ? input : outputsAt(net, trace, rows, l - 1)
    const fromStride = l === 0 ? <usize>inputs * FLOAT : <usize>widthOf(layer(net, l - 1)) * FLOAT
    const weight = direction + weightOf(at)
    product(from, fromStride, FLOAT, weight, stride, direction + biasOf(at), scratch, stride, rows, width, inputs)
    addRowDots(scratch, outputsAt(net, deltas, rows, l), rows, width, out)
  }
}

/** d tanh(z) = (1 − tanh²(z)) dz. */
function timesSlope(derivative: usize, activation: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let i: usize = 0; i < <usize>count * FLOAT; i += 16) {
    const h = v128.load(activation + i)
    v128.store(derivative + i, f32x4.mul(v128.load(derivative + i), f32x4.sub(one, f32x4.mul(h, h))))
  }
}

function sumRows(values: usize, rows: i32, width: i32, out: usize): void {
  const stride = <usize>width * FLOAT
  for (let c: usize = 0; c < stride; c += 16) {
    let sum = f32x4.splat(0)
    let at = values + c
    for (let r = 0; r < rows; r++, at += stride) sum = f32x4.add(sum, v128.load(at))
    v128.store(out + c, sum)
  }
}

function addTo(values: usize, others: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count * FLOAT; i += 16)
    v128.store(values + i, f32x4.add(v128.load(values + i), v128.load(others + i)))
}

/** out[r] += a[r] · b[r], float64. */
function addRowDots(a: usize, b: usize, rows: i32, width: i32, out: usize): void {
  for (let r = 0; r < rows; r++) {
    let sum = f32x4.splat(0)
    for (let c = 0; c < width; c += 4) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(a), v128.load(b)))
      a += 16
      b += 16
    }
    const pairs =
      <f64>f32x4.extract_lane(sum, 0) +
      <f64>f32x4.extract_lane(sum, 1) +
      (<f64>f32x4.extract_lane(sum, 2) + <f64>f32x4.extract_lane(sum, 3))
    const to = out + <usize>r * 8
    store<f64>(to, load<f64>(to) + pairs)
  }
}
