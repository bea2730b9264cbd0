import { readFileSync } from 'node:fs'
import type { Vector } from '../core/engine.ts'

/** What `device/kernel` exports; addresses are bytes in its memory, sizes are in elements. */
export interface KernelFunctions {
  forward(net: number, parameters: number, input: number, rows: number, trace: number): number
  propagate(net: number, parameters: number, rows: number, trace: number, deltas: number, scratch: number): void
  gradients(net: number, input: number, rows: number, trace: number, deltas: number, out: number): void
  tangent(
    net: number,
    parameters: number,
    direction: number,
    input: number,
    rows: number,
    trace: number,
    tangents: number,
    scratch: number,
  ): number
  tangentByDeltas(
    net: number,
    direction: number,
    input: number,
    rows: number,
    trace: number,
    deltas: number,
    scratch: number,
    out: number,
  ): void
  demote(from: number, to: number, count: number): void
  promote(from: number, to: number, count: number): void
  equal(a: number, b: number, count: number): number
  subtract(a: number, b: number, count: number, out: number): void
  mix(own: number, peer: number, alpha: number, count: number, out: number): void
  finite(values: number, count: number): number
  pack(flat: number, table: number, tensors: number, block: number): void
  unpack(block: number, table: number, tensors: number, flat: number): void
  gather(
    observations: number,
    observationSize: number,
    samples: number,
    sampleSize: number,
    indices: number,
    rows: number,
    toObservations: number,
    toSamples: number,
  ): void
  normalizeAdvantages(samples: number, sampleSize: number, actionSize: number, rows: number): void
  ppoLoss(
    means: number,
    meanWidth: number,
    logStd: number,
    values: number,
    samples: number,
    actionSize: number,
    rows: number,
    clipRange: number,
    entropyCoef: number,
    valueCoef: number,
    meanDeltas: number,
    logStdGradient: number,
    valueDeltas: number,
    statistics: number,
  ): void
  norm(values: number, count: number): number
  adam(
    parameters: number,
    gradient: number,
    firstMoments: number,
    secondMoments: number,
    count: number,
    gradientScale: number,
    stepSize: number,
    rootScale: number,
    epsilon: number,
  ): void
  sample(mean: number, logStd: number, actionSize: number, noise: number, action: number): number
  generalizedAdvantage(
    reward: number,
    value: number,
    nextValue: number,
    discount: number,
    ends: number,
    count: number,
    lambda: number,
    advantage: number,
    returns: number,
  ): void
}

/** One instance of the compiled kernels with a memory of its own. */
export interface Kernel {
  readonly run: KernelFunctions
  /** Views of the memory as it is now: ask again after `reserve`, which may move it. */
  readonly f32: Float32Array
  readonly f64: Float64Array
  readonly i32: Int32Array
  readonly u8: Uint8Array
  /** Zeroed memory for good, aligned to 16 bytes; its address. */
  reserve(bytes: number): number
  /** Copies `count` values from `from` on, as float32, to `address`, whose room must be even. RangeError where there are fewer. */
  write(values: Vector, from: number, count: number, address: number, name: string): void
  /** Copies `count` float32 from `address`, −0 as +0, to `values` from `from` on. */
  read(address: number, count: number, values: Float64Array, from: number): void
}

/** Memory that is asked for again and again, and only ever grows, by doubling. */
export type Region = (bytes: number) => number

const compiled = new WebAssembly.Module(readFileSync(new URL('../kernel/kernel.wasm', import.meta.url)))
const pageBytes = 65_536
/** A new instance of the kernels. Throws where the memory cannot grow. */
export function createKernel(): Kernel {
  const { exports } = new WebAssembly.Instance(compiled)
  const memory = exports.memory as WebAssembly.Memory
  const run = exports as unknown as KernelFunctions
  let next = Math.ceil((exports.heapBase as { readonly value: number }).value / 16) * 16
  let f32 = new Float32Array(memory.buffer)
  let f64 = new Float64Array(memory.buffer)
  let i32 = new Int32Array(memory.buffer)
  let u8 = new Uint8Array(memory.buffer)
  const kernel: Kernel = {
    run,
    get f32() {
      return f32
    },
    get f64() {
      return f64
    },
    get i32() {
      return i32
    },
    get u8() {
      return u8
    },
    reserve(bytes) {
      const address = next
      const end = address + Math.ceil(bytes / 16) * 16
      const missing = end - memory.buffer.byteLength
      if (missing > 0) {
        memory.grow(Math.ceil(missing / pageBytes))
        f32 = new Float32Array(memory.buffer)
        f64 = new Float64Array(memory.buffer)
        i32 = new Int32Array(memory.buffer)
        u8 = new Uint8Array(memory.buffer)
      }
      next = end // only now: where the memory does not grow, nothing was reserved
      return address
    },
    // Conversion in the kernel is several times faster than between typed arrays.
    write(values, from, count, address, name) {
      if (values.length < from + count)
        throw new RangeError(`${name} must hold ${from + count} values, got ${values.length}`)
      const part = from === 0 && values.length === count ? values : values.subarray(from, from + count)
      if (part instanceof Float32Array) f32.set(part, address / 4)
      else {
        const wide = staging(8 * count + 8)
        f64.set(part, wide / 8)
        run.demote(wide, address, count)
      }
    },
    read(address, count, values, from) {
      const wide = staging(8 * count + 8)
      run.promote(address, wide, count)
      values.set(f64.subarray(wide / 8, wide / 8 + count), from)
    },
  }
  const staging = createRegion(kernel)
  return kernel
}

/** A region of the kernel's memory; what it held is lost when it grows. */
export function createRegion(kernel: Kernel): Region {
  let address = 0
  let size = 0
  return (bytes) => {
    if (bytes > size) {
      const larger = Math.max(bytes, 2 * size)
      address = kernel.reserve(larger)
      size = larger
    }
    return address
  }
}
