import type { Vector } from '../../../device/core/engine.ts'
import { mix } from '../../../device/core/mix.ts'
import { createRng, type Rng } from '../../../device/core/rng.ts'
import { trustBound } from '../../../device/core/trust-bound.ts'
import type { Consideration, Decision, Finding } from '../../../device/methods/method.ts'
import type { FleetPolicies } from './episode.ts'

/** A mix that was considered, and all that is needed to drive it again. */
export interface ConsideredMix {
  readonly vehicle: string
  readonly epoch: number
  readonly verdict: Finding
  /** α that was taken, or for a rejected peer `trialAlpha`. */
  readonly alpha: number
  readonly own: Vector
  /** θ mixed with that α. */
  readonly next: Vector
  /** Of all learners at that moment. */
  readonly policies: FleetPolicies
}

export interface ConsideredRecorder {
  onConsidered(input: Consideration, decision: Decision): void
  /** Mixes considered with evidence, or taken without any. */
  readonly considered: number
  readonly accepted: number
  /** The draw: up to `limit`/2 accepted and as many rejected ones, in the order in which they were considered. */
  mixes(): readonly ConsideredMix[]
}

/** α for a rejected peer of whom nothing says which α would have been allowed. */
const fallbackAlpha = 0.1

/** Keeps a uniform draw of the accepted and one of the rejected mixes of a run, however many there will be. */
export function createConsideredRecorder({
  limit,
  seed,
  margin,
  policies,
}: {
  readonly limit: number
  readonly seed: number
  /** The gate's, for the α that |A| would have allowed. */
  readonly margin: number
  /** Copies of the policies as they are. */
  readonly policies: () => FleetPolicies
}): ConsideredRecorder {
  const half = Math.ceil(limit / 2)
  const accepted = createReservoir<ConsideredMix>(half, createRng(seed, 'true-gain', 'accepted'))
  const rejected = createReservoir<ConsideredMix>(half, createRng(seed, 'true-gain', 'rejected'))
  let order = 0
  return {
    onConsidered({ own, other, vehicle, round }, { verdict, policy }) {
      if (!verdict.accepted && (verdict.policyAdvantage ?? null) === null) return
      const alpha = verdict.accepted ? (verdict.alpha ?? 1) : trialAlpha(verdict, margin)
      const position = order++
      const draw = verdict.accepted ? accepted : rejected
      draw.offer(position, () => ({
        ...{ vehicle, epoch: round.epoch, verdict, alpha },
        own: own.slice(),
        next: policy?.slice() ?? mix(own, other, alpha),
        policies: policies(),
      }))
    },
    get considered() {
      return order
    },
    get accepted() {
      return accepted.offered
    },
    mixes: () => [...accepted.items, ...rejected.items].sort((a, b) => a.position - b.position).map(({ item }) => item),
  }
}

/** The α of the verdict's bound with |A| in place of A; 0.1 where the verdict has no such bound, as of `certified`. */
function trialAlpha({ mode, policyAdvantage, c, fisher }: Finding, margin: number): number {
  const reading = mode === 'strict' ? 'strict' : 'theorem1'
  const bounded = mode === 'strict' || mode === 'theorem1' || mode === 'coin' || mode === 'reversed'
  if (!bounded) return fallbackAlpha
  const bound = trustBound(reading, Math.abs(policyAdvantage ?? Number.NaN), c ?? Number.NaN, fisher ?? Number.NaN)
  const alpha = (1 - margin) * Math.min(1, bound)
  return alpha > 0 ? alpha : fallbackAlpha
}

interface Reservoir<T> {
  readonly offered: number
  readonly items: readonly { readonly position: number; readonly item: T }[]
  /** `make` is called only where the item is kept. */
  offer(position: number, make: () => T): void
}

/** A uniform draw of `size` from a stream of unknown length (Vitter 1985, algorithm R). */
function createReservoir<T>(size: number, rng: Rng): Reservoir<T> {
  const items: { position: number; item: T }[] = []
  let offered = 0
  return {
    items,
    get offered() {
      return offered
    },
    offer(position, make) {
      offered++
      const place = items.length < size ? items.length : rng.integer(offered)
      if (place < size) items[place] = { position, item: make() }
    },
  }
}
