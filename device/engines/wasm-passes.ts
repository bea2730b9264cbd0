import type { Vector } from '../core/engine.ts'
import { createRegion, type Kernel, type Region } from './kernel.ts'
import { isPacked, type Packing, pack, writeFloat32 } from './packing.ts'

/** A forward pass in the kernel's memory; the addresses hold until the next pass is asked for. */
export interface Pass {
  readonly block: number
  readonly input: number
  readonly trace: number
  /** Outputs [count, outputWidth], float32. */
  readonly outputs: number
  /** ∂output₀ / ∂(what each tanh was applied to), made on the first call; for networks of one output. */
  deltas(): number
}

interface Slot {
  readonly block: number
  readonly input: Region
  readonly trace: Region
  readonly deltas: Region
  at: { input: number; trace: number; outputs: number; deltas: number }
  count: number
  hasDeltas: boolean
  lastUse: number
}

/**
 * A function that returns the forward pass of a network, computed only where none of the last `slots` ones was of equal
 * parameters and equal rows, as float32. Equality is by content, so callers may change their arrays in place.
 */
export function createPasses(
  kernel: Kernel,
  packing: Packing,
  slots: number,
  name: string,
): (parameters: Vector, observations: Vector, count: number) => Pass {
  const { net, inputs, outputWidth, traceWidth } = packing
  const scratch = kernel.reserve(4 * packing.transposed)
  const kept: Slot[] = Array.from({ length: slots }, () => ({
    block: kernel.reserve(4 * packing.size),
    input: createRegion(kernel),
    trace: createRegion(kernel),
    deltas: createRegion(kernel),
    at: { input: 0, trace: 0, outputs: 0, deltas: 0 },
    count: 0,
    hasDeltas: false,
    lastUse: 0,
  }))
  let uses = 0

  const passOf = (slot: Slot): Pass => ({
    block: slot.block,
    ...slot.at,
    deltas() {
      if (!slot.hasDeltas) fillDeltas(slot)
      return slot.at.deltas
    },
  })

  function fillDeltas(slot: Slot): void {
    const { count, at } = slot
    at.deltas = slot.deltas(4 * count * traceWidth)
    const last = at.deltas / 4 + count * (traceWidth - outputWidth)
    const { f32 } = kernel
    f32.fill(0, last, last + count * outputWidth)
    for (let i = 0; i < count; i++) f32[last + i * outputWidth] = 1
    kernel.run.propagate(net, slot.block, count, at.trace, at.deltas, scratch)
    slot.hasDeltas = true
  }

  function holds(slot: Slot, parameters: Vector, observations: Vector, count: number): boolean {
    if (slot.lastUse === 0 || slot.count !== count) return false
    const { f32 } = kernel
    const base = slot.at.input / 4
    for (let i = 0; i < count * inputs; i++) if (f32[base + i] !== Math.fround(observations[i]!)) return false
    return isPacked(kernel, packing, parameters, slot.block)
  }

  return (parameters, observations, count) => {
    uses += 1
    let oldest = kept[0]!
    for (const slot of kept) {
      if (slot.lastUse < oldest.lastUse) oldest = slot
      if (!holds(slot, parameters, observations, count)) continue
      slot.lastUse = uses
      return passOf(slot)
    }
    oldest.lastUse = 0 // Where a value is refused the slot holds nothing.
    const input = oldest.input(4 * count * inputs)
    const trace = oldest.trace(4 * count * traceWidth)
    pack(kernel, packing, parameters, 0, oldest.block, name)
    writeFloat32(kernel, observations, count * inputs, input, 'observations')
    const outputs = kernel.run.forward(net, oldest.block, input, count, trace)
    oldest.at = { input, trace, outputs, deltas: 0 }
    oldest.count = count
    oldest.hasDeltas = false
    oldest.lastUse = uses
    return passOf(oldest)
  }
}
