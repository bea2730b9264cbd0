import type { Vector } from '../core/engine.ts'
import { networkOf } from '../core/mlp.ts'
import type { Layout } from '../core/parameters.ts'
import type { Kernel } from './kernel.ts'

/**
 * How the kernels hold a flat parameter vector: weights as [inputs, width], each layer's width rounded up to a multiple of
 * 4 with zeros, so that no inner loop has a remainder.
 */
export interface Packing {
  /** Address of the network's description in the kernel's memory. */
  readonly net: number
  /** Float32 of a block, a multiple of 4. */
  readonly size: number
  /** Where each value of the flat vector is in a block, in float32. */
  readonly places: Int32Array
  /** Bytes from the start of a block to `log_std`; 0 where the layout has none. */
  readonly logStd: number
  readonly inputs: number
  readonly outputs: number
  /** Width of the last layer, and of all layers together, in float32. */
  readonly outputWidth: number
  readonly traceWidth: number
  /** Float32 of the scratch that `propagate` needs, and the widest layer. */
  readonly transposed: number
  readonly widest: number
}

const wordsPerLayer = 5

/** Describes the network `prefix` of a layout to the kernel. */
export function createPacking(kernel: Kernel, layout: Layout, prefix: string): Packing {
  const { layers, inputs, outputs } = networkOf(layout, prefix)
  const widths = layers.map((layer) => padded(layer.outputs))
  const net = kernel.reserve(4 * (1 + wordsPerLayer * layers.length))
  const places = new Int32Array(layout.size)
  let size = 0
  kernel.i32[net / 4] = layers.length
  layers.forEach((layer, l) => {
    const width = widths[l]!
    const weight = size
    const bias = weight + layer.inputs * width
    size = bias + width
    const words = [layer.inputs, layer.outputs, width, 4 * weight, 4 * bias]
    kernel.i32.set(words, net / 4 + 1 + wordsPerLayer * l)
    for (let j = 0; j < layer.outputs; j++) {
      places[layer.bias + j] = bias + j
      for (let k = 0; k < layer.inputs; k++) places[layer.weight + j * layer.inputs + k] = weight + k * width + j
    }
  })
  const logStdSlot = layout.tensors.find(({ name }) => name === 'log_std')
  const logStd = logStdSlot ? 4 * size : 0
  if (logStdSlot) {
    for (let j = 0; j < logStdSlot.size; j++) places[logStdSlot.offset + j] = size + j
    size += padded(logStdSlot.size)
  }
  return {
    net,
    size,
    places,
    logStd,
    inputs,
    outputs,
    outputWidth: widths[widths.length - 1]!,
    traceWidth: widths.reduce((sum, width) => sum + width, 0),
    transposed: Math.max(0, ...layers.slice(1).map((layer, l) => layer.outputs * widths[l]!)),
    widest: Math.max(...widths),
  }
}

/** Writes a flat vector to the block at `address`. RangeError at the first value that is not finite as float32. */
export function pack(kernel: Kernel, { places }: Packing, vector: Vector, from: number, address: number, name: string) {
  const { f32 } = kernel
  const base = address / 4
  for (let i = 0; i < places.length; i++) {
    const place = base + places[i]!
    f32[place] = vector[from + i]!
    if (f32[place]! - f32[place]! !== 0) refuse(name, i, vector[from + i])
  }
}

/** Reads the block at `address` back into a flat vector from `from`, −0 as +0. */
export function unpack(kernel: Kernel, { places }: Packing, address: number, vector: Float64Array, from: number): void {
  const { f32 } = kernel
  const base = address / 4
  for (let i = 0; i < places.length; i++) vector[from + i] = f32[base + places[i]!]! + 0
}

/** Whether the block at `address` holds this vector, as float32. */
export function isPacked(kernel: Kernel, { places }: Packing, vector: Vector, address: number): boolean {
  const { f32 } = kernel
  const base = address / 4
  for (let i = 0; i < places.length; i++) if (f32[base + places[i]!] !== Math.fround(vector[i]!)) return false
  return true
}

/** Writes `count` values as float32 to `address`. RangeError at the first one that is not finite as float32. */
export function writeFloat32(kernel: Kernel, values: Vector, count: number, address: number, name: string): void {
  const { f32 } = kernel
  const base = address / 4
  for (let i = 0; i < count; i++) {
    f32[base + i] = values[i]!
    if (f32[base + i]! - f32[base + i]! !== 0) refuse(name, i, values[i])
  }
}

function refuse(name: string, index: number, value: number | undefined): never {
  throw new RangeError(`${name}[${index}] must be finite, got ${value}`)
}

/** The next multiple of 4. */
function padded(size: number): number {
  return Math.ceil(size / 4) * 4
}
