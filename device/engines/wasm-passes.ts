import type { Vector } from '../core/engine.ts'
import { createRegion, type Kernel, type Region } from './kernel.ts'
import { type Packing, requireFiniteAt } from './packing.ts'
import type { Block } from './wasm-blocks.ts'

/** A forward pass in the kernel's memory; the addresses hold until the next pass is asked for. */
export interface Pass {
  /** Of the parameters. */
  readonly block: number
  readonly input: number
  readonly trace: number
  /** Outputs [count, outputWidth], float32. */
  readonly outputs: number
  /** ∂output₀ / ∂(what each tanh was applied to), made on the first call; for networks of one output. */
  deltas(): number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Slot extends Mutable<Pass> {
  /** Version of the parameters; 0: none. */
  version: number
  count: number
  lastUse: number
  /** Address of the deltas; 0 until they are made. */
  deltasAt: number
  readonly room: { readonly input: Region; readonly trace: Region; readonly deltas: Region }
}

/**
 * A function that returns the forward pass of a network, computed only where none of the last `slots` ones was of equal
 * parameters and equal rows, as float32.
 */
export function createPasses(
  kernel: Kernel,
  packing: Packing,
  slots: number,
): (parameters: Block, observations: Vector, count: number) => Pass {
  const { net, inputs, outputWidth, traceWidth } = packing
  const scratch = kernel.reserve(4 * packing.transposed)
  const kept = Array.from({ length: slots }, createSlot)
  const staged = createRegion(kernel)
  let uses = 0

  function createSlot(): Slot {
    const room = { input: createRegion(kernel), trace: createRegion(kernel), deltas: createRegion(kernel) }
    const slot: Slot = {
      block: 0,
      input: 0,
      trace: 0,
      outputs: 0,
      version: 0,
      count: 0,
      lastUse: 0,
      deltasAt: 0,
      room,
      deltas() {
        if (slot.deltasAt === 0) fillDeltas(slot)
        return slot.deltasAt
      },
    }
    return slot
  }

  function fillDeltas(slot: Slot): void {
    const { count, block, trace, room } = slot
    const deltas = room.deltas(4 * count * traceWidth)
    const last = deltas / 4 + count * (traceWidth - outputWidth)
    const { f32 } = kernel
    f32.fill(0, last, last + count * outputWidth)
    for (let i = 0; i < count; i++) f32[last + i * outputWidth] = 1
    kernel.run.propagate(net, block, count, trace, deltas, scratch)
    slot.deltasAt = deltas
  }

  return (parameters, observations, count) => {
    const values = count * inputs
    const rows = staged(4 * values + 4)
    kernel.write(observations, 0, values, rows, 'observations')
    uses += 1
    let oldest = kept[0]!
    for (const slot of kept) {
      if (slot.lastUse < oldest.lastUse) oldest = slot
      if (slot.version !== parameters.version || slot.count !== count) continue
      if (!kernel.run.equal(rows, slot.input, values)) continue
      slot.lastUse = uses
      slot.block = parameters.address
      return slot
    }
    oldest.version = 0 // Where a value is refused the slot holds nothing.
    requireFiniteAt(kernel, rows, values, 'observations')
    oldest.block = parameters.address
    oldest.input = oldest.room.input(4 * values)
    oldest.trace = oldest.room.trace(4 * count * traceWidth)
    kernel.u8.copyWithin(oldest.input, rows, rows + 4 * values)
    oldest.outputs = kernel.run.forward(net, oldest.block, oldest.input, count, oldest.trace)
    oldest.count = count
    oldest.deltasAt = 0
    oldest.version = parameters.version
    oldest.lastUse = uses
    return oldest
  }
}
