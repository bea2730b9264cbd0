import type { AdamState, Learner } from '../core/engine.ts'
import type { Kernel } from './kernel.ts'
import { type Packing, pack, unpack } from './packing.ts'

/** Adam's moments in the kernel: those of policy and value one behind the other, first and second moments. */
export interface Moments {
  /** Addresses of the first and second moments of the update in progress. */
  addresses(): readonly [first: number, second: number]
  /** Takes a learner's moments into an update. */
  begin(adam: AdamState): void
  /** Makes the update's moments the learner's, after so many steps in all. */
  finish(learner: Learner, step: number): void
}

/**
 * Moments stay in the kernel from one update to the next, and come back to the learner's arrays when these are asked for, as
 * for a checkpoint: to carry them there and back took as long as a small update's steps.
 */
export function createMoments(kernel: Kernel, policy: Packing, value: Packing): Moments {
  const bytes = 4 * (policy.size + value.size)
  let updated = kernel.reserve(2 * bytes)
  let kept = kernel.reserve(2 * bytes)
  /** Whose moments are in `kept` only. */
  let ahead: AdamState | undefined
  const arrays = new WeakMap<AdamState, Pick<AdamState, 'm' | 'v'>>()

  function settle(): void {
    const behind = ahead && arrays.get(ahead)
    ahead = undefined
    if (!behind) return
    for (const [i, moments] of [behind.m, behind.v].entries()) {
      unpack(kernel, policy, kept + i * bytes, moments, 0)
      unpack(kernel, value, kept + i * bytes + 4 * policy.size, moments, policy.count)
    }
  }

  function settling({ step, m, v }: AdamState): AdamState {
    const settled = (moments: Float64Array): Float64Array => {
      if (ahead === adam) settle()
      return moments
    }
    const adam: AdamState = {
      step,
      get m() {
        return settled(m)
      },
      get v() {
        return settled(v)
      },
    }
    arrays.set(adam, { m, v })
    return adam
  }

  return {
    addresses: () => [updated, updated + bytes],
    begin(adam) {
      if (adam === ahead) {
        kernel.u8.copyWithin(updated, kept, kept + 2 * bytes)
        return
      }
      for (const [i, name] of (['m', 'v'] as const).entries()) {
        pack(kernel, policy, adam[name], 0, updated + i * bytes, `adam.${name}`)
        pack(kernel, value, adam[name], policy.count, updated + i * bytes + 4 * policy.size, `adam.${name}`)
      }
    },
    finish(learner, step) {
      if (!arrays.has(learner.adam)) learner.adam = settling(learner.adam)
      if (learner.adam !== ahead) settle()
      ;[updated, kept] = [kept, updated]
      ahead = learner.adam
      ahead.step = step
    },
  }
}
