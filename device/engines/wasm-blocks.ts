import { Buffer } from 'node:buffer'
import type { Vector } from '../core/engine.ts'
import type { Kernel } from './kernel.ts'
import { type Packing, packStaged } from './packing.ts'

/** Parameters as the kernels hold them; the address is good until `slots` other vectors have been asked for. */
export interface Block {
  readonly address: number
  /** Address of the same values as a flat vector. */
  readonly flat: number
  /** Differs wherever the parameters do. */
  readonly version: number
}

/** Blocks, packed only where none of the last ones was equal as float32. Equality is by content. */
export interface Blocks {
  /** Of a vector, which callers may change in place. */
  of(vector: Vector, name: string): Block
  /** Of what is staged at the packing's `flat`. */
  staged(name: string): Block
}

/** Blocks of which the last `slots` are kept. */
export function createBlocks(kernel: Kernel, packing: Packing, slots: number): Blocks {
  const kept = Array.from({ length: slots }, () => ({
    flat: kernel.reserve(4 * packing.count),
    address: kernel.reserve(4 * packing.size),
    version: 0,
    lastUse: 0,
  }))
  let uses = 0

  const staged = (name: string): Block => {
    uses += 1
    let oldest = kept[0]!
    for (const block of kept) {
      if (block.lastUse < oldest.lastUse) oldest = block
      if (block.lastUse === 0 || !kernel.run.equal(packing.flat, block.flat, packing.count)) continue
      block.lastUse = uses
      return block
    }
    oldest.lastUse = 0 // Where a value is refused the slot holds nothing.
    packStaged(kernel, packing, oldest.address, name)
    kernel.u8.copyWithin(oldest.flat, packing.flat, packing.flat + 4 * packing.count)
    oldest.version = uses
    oldest.lastUse = uses
    return oldest
  }

  /** What is asked about again and again is found without staging it. */
  const held = (vector: Float32Array): Block | undefined => {
    const { f32 } = kernel
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
    for (const block of kept) {
      if (block.lastUse === 0 || f32[block.flat / 4] !== vector[0]) continue
      if (Buffer.compare(kernel.u8.subarray(block.flat, block.flat + bytes.length), bytes) !== 0) continue
      block.lastUse = ++uses
      return block
    }
    return undefined
  }

  return {
    staged,
    of(vector, name) {
      const block = vector instanceof Float32Array && vector.length === packing.count ? held(vector) : undefined
      if (block) return block
      kernel.write(vector, 0, packing.count, packing.flat, name)
      return staged(name)
    },
  }
}
