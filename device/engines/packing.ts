import type { Vector } from '../core/engine.ts'
import { NonFiniteError } from '../core/finite.ts'
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
  /** Values of the flat vector. */
  readonly count: number
  /** Number of tensors and address of the table that says where each of them goes. */
  readonly tensors: number
  readonly table: number
  /** Address of room for a flat vector. */
  readonly flat: number
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
const wordsPerTensor = 5

/** Describes the network `prefix` of a layout to the kernel. */
export function createPacking(kernel: Kernel, layout: Layout, prefix: string): Packing {
  const { layers, inputs, outputs } = networkOf(layout, prefix)
  const widths = layers.map((layer) => padded(layer.outputs))
  const net = kernel.reserve(4 * (1 + wordsPerLayer * layers.length))
  kernel.i32[net / 4] = layers.length
  const tensors: number[][] = []
  let size = 0
  layers.forEach((layer, l) => {
    const width = widths[l]!
    const weight = size
    const bias = weight + layer.inputs * width
    size = bias + width
    const words = [layer.inputs, layer.outputs, width, 4 * weight, 4 * bias]
    kernel.i32.set(words, net / 4 + 1 + wordsPerLayer * l)
    tensors.push([4 * layer.weight, layer.outputs, layer.inputs, 4 * weight, width])
    tensors.push([4 * layer.bias, layer.outputs, 1, 4 * bias, width])
  })
  const logStdSlot = layout.tensors.find(({ name }) => name === 'log_std')
  const logStd = logStdSlot ? 4 * size : 0
  if (logStdSlot) {
    tensors.push([4 * logStdSlot.offset, logStdSlot.size, 1, logStd, padded(logStdSlot.size)])
    size += padded(logStdSlot.size)
  }
  const table = kernel.reserve(4 * wordsPerTensor * tensors.length)
  kernel.i32.set(tensors.flat(), table / 4)
  const flat = kernel.reserve(4 * layout.size)
  return {
    net,
    size,
    count: layout.size,
    tensors: tensors.length,
    table,
    flat,
    logStd,
    inputs,
    outputs,
    outputWidth: widths[widths.length - 1]!,
    traceWidth: widths.reduce((sum, width) => sum + width, 0),
    transposed: Math.max(0, ...layers.slice(1).map((layer, l) => layer.outputs * widths[l]!)),
    widest: Math.max(...widths),
  }
}

/** Writes what is staged to the block at `address`. RangeError at the first value that is not finite as float32. */
export function packStaged(
  kernel: Kernel,
  { flat, count, tensors, table }: Packing,
  address: number,
  name: string,
): void {
  requireFiniteAt(kernel, flat, count, name)
  kernel.run.pack(flat, table, tensors, address)
}

/** Writes the values of a flat vector from `from` on to the block at `address`. */
export function pack(
  kernel: Kernel,
  packing: Packing,
  vector: Vector,
  from: number,
  address: number,
  name: string,
): void {
  kernel.write(vector, from, packing.count, packing.flat, name)
  packStaged(kernel, packing, address, name)
}

/** Reads the block at `address` back into a flat vector from `from`, −0 as +0. */
export function unpack(kernel: Kernel, packing: Packing, address: number, vector: Float64Array, from: number): void {
  const { flat, count, tensors, table } = packing
  kernel.run.unpack(address, table, tensors, flat)
  kernel.read(flat, count, vector, from)
}

/** Writes `count` values as float32 to `address`. RangeError at the first one that is not finite as float32. */
export function writeFloat32(kernel: Kernel, values: Vector, count: number, address: number, name: string): void {
  kernel.write(values, 0, count, address, name)
  requireFiniteAt(kernel, address, count, name)
}

/** RangeError at the first of `count` float32 from `address` that is not finite. */
export function requireFiniteAt(kernel: Kernel, address: number, count: number, name: string): void {
  if (kernel.run.finite(address, count)) return
  const values = kernel.f32.subarray(address / 4, address / 4 + count)
  const index = values.findIndex((x) => !Number.isFinite(x))
  throw new NonFiniteError(name, index, values[index])
}

/** The next multiple of 4. */
function padded(size: number): number {
  return Math.ceil(size / 4) * 4
}
