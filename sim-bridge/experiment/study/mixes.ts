import { createRng, type Rng } from '../../../device/core/rng.ts'
import type { JobResult } from '../../../schemas/study.ts'
import { aggregatorId } from '../../../schemas/topics.ts'
import type { VerdictMessage } from '../../../schemas/verdict.ts'

type Mix = JobResult['mixes'][number]

/** What the verdicts of a run add up to. */
export interface MixCounts {
  /** Takes every verdict in the order they are published; those of refused messages are none of a mix. */
  add(verdict: VerdictMessage): void
  /** [i][j]: how often i judged j. */
  readonly considered: number[][]
  /** Those kept, in order. */
  mixes(): Mix[]
}

/** At most so many mixes of a run are kept. */
export const mostMixes = 2_000

/**
 * Counts verdicts and keeps an equal share of every epoch, within an epoch each verdict with the same probability (Vitter's
 * algorithm R), drawn from a stream of its own: the same run keeps the same ones.
 */
export function createMixCounts(vehicles: readonly string[], epochs: number, seed: number): MixCounts {
  const index = new Map([...vehicles.map((id, i) => [id, i] as const), [aggregatorId, -1] as const])
  const considered = vehicles.map(() => new Array<number>(vehicles.length).fill(0))
  const kept: Mix[] = []
  let epoch = 0
  let share = 0
  let seen = 0
  let rng: Rng = createRng(seed, 'mixes', 0)
  let held: { at: number; verdict: VerdictMessage }[] = []

  const close = (): void => {
    for (const { verdict } of held.sort((a, b) => a.at - b.at)) kept.push(mixOf(verdict, index))
    held = []
  }
  const open = (next: number): void => {
    close()
    epoch = next
    share = shareOf(next, epochs)
    seen = 0
    rng = createRng(seed, 'mixes', next)
  }

  return {
    add(verdict) {
      const own = index.get(verdict.vehicle)
      const peer = index.get(verdict.peerId ?? '')
      if (verdict.mode === 'wire' || own === undefined || peer === undefined) return
      const row = considered[own]
      if (row && peer >= 0) row[peer] = (row[peer] ?? 0) + 1
      if (verdict.epoch !== epoch) open(verdict.epoch)
      const at = seen++
      if (held.length < share) held.push({ at, verdict })
      else if (share > 0) {
        const place = rng.integer(at + 1)
        if (place < share) held[place] = { at, verdict }
      }
    },
    considered,
    mixes() {
      close()
      return kept
    },
  }
}

/** How many of the kept mixes are of this epoch (from 1): they add up to `mostMixes` over all epochs. */
function shareOf(epoch: number, epochs: number): number {
  return Math.floor((epoch * mostMixes) / epochs) - Math.floor(((epoch - 1) * mostMixes) / epochs)
}

function mixOf(verdict: VerdictMessage, index: ReadonlyMap<string, number>): Mix {
  return {
    epoch: verdict.epoch,
    own: index.get(verdict.vehicle) ?? 0,
    peer: index.get(verdict.peerId ?? '') ?? -1,
    accepted: verdict.accepted,
    alpha: verdict.alpha,
    advantage: verdict.policyAdvantageMean ?? null,
    standardError: verdict.standardError ?? null,
    fisher: verdict.fisher ?? null,
    kl: verdict.kl ?? null,
    M: verdict.M ?? null,
  }
}
