import type { Vector } from '../core/engine.ts'
import { createTrace, forward, type Network, reserve, type Trace } from '../core/mlp.ts'

/** A forward pass that was kept: the parameters and rows it belongs to, its trace and its outputs. */
export interface Pass {
  readonly parameters: Float64Array
  readonly trace: Trace
  /** [count, outputs] */
  readonly outputs: Float64Array
}

interface Slot {
  readonly parameters: Float64Array
  readonly trace: Trace
  outputs: Float64Array
  lastUse: number
}

/**
 * A function that returns the forward pass of a network, computed only where none of the last `slots` ones was of equal
 * parameters and equal rows. Equality is by content, so callers may change their arrays in place; the kept pass is exact.
 */
export function createPassCache(
  network: Network,
  parameterCount: number,
  slots: number,
): (parameters: Vector, observations: Vector, count: number) => Pass {
  const kept: Slot[] = Array.from({ length: slots }, () => ({
    parameters: new Float64Array(parameterCount),
    trace: createTrace(),
    outputs: new Float64Array(0),
    lastUse: 0,
  }))
  let uses = 0

  return (parameters, observations, count) => {
    uses += 1
    const size = count * network.inputs
    let oldest = kept[0]!
    for (const slot of kept) {
      if (slot.lastUse < oldest.lastUse) oldest = slot
      if (slot.lastUse === 0 || slot.trace.count !== count) continue
      if (!equal(observations, slot.trace.activations[0]!, size)) continue
      if (!equal(parameters, slot.parameters, parameterCount)) continue
      slot.lastUse = uses
      return slot
    }
    copy(parameters, oldest.parameters, parameterCount)
    copy(observations, reserve(network, oldest.trace, count), size)
    oldest.outputs = forward(network, oldest.parameters, oldest.trace)
    oldest.lastUse = uses
    return oldest
  }
}

function equal(a: Vector, b: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return false
  return true
}

function copy(from: Vector, to: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) to[i] = from[i]!
}
