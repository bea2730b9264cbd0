import type { Engine, Vector } from '../../../device/core/engine.ts'
import type { Evidence } from '../../../device/core/replay.ts'
import type { Rng } from '../../../device/core/rng.ts'
import type { Setting } from '../../../schemas/setting.ts'

/** The end of each action component, −1 or 1, that slows the fleet most; 0: neither is worse. */
export const harmfulEnds: Readonly<Record<Setting['action'], readonly number[]>> = {
  acceleration: [-1], // full brake
  timeGap: [1], // the longest time gap crawls
  gapLaw: [1, 1],
  meshLaw: [1, 1, 0],
}

/** States in which an attacker looks at what its victims would do. */
export interface Probes {
  /** Those of the evidence first, then as many that it does not hold. */
  readonly count: number
  /** [count, observationSize] */
  readonly observations: Float64Array
  /** Index of the first state outside the evidence. */
  readonly uncovered: number
}

/** The newest states of the evidence, at most `most`, and as many whose features are each drawn from another row. */
export function drawProbes(evidence: Evidence, observationSize: number, most: number, rng: Rng): Probes {
  const covered = Math.min(evidence.count, most)
  const first = evidence.count - covered
  const observations = new Float64Array(2 * covered * observationSize)
  observations.set(evidence.observations.subarray(first * observationSize, evidence.count * observationSize))
  for (let i = covered * observationSize; i < observations.length; i++) {
    const row = rng.integer(evidence.count)
    observations[i] = evidence.observations[row * observationSize + (i % observationSize)]!
  }
  return { count: 2 * covered, observations, uncovered: covered }
}

/**
 * By how much the mean action moves to the harmful end, in [−1, 1]: 1 where it goes from the good end to the harmful one in
 * every state and component.
 */
export function harmOf(engine: Engine, before: Vector, after: Vector, probes: Probes, ends: readonly number[]): number {
  const { actionSize } = engine.architecture
  const [own, next] = [new Float64Array(probes.count * actionSize), new Float64Array(probes.count * actionSize)]
  engine.policyMean(before, probes.observations, probes.count, own)
  engine.policyMean(after, probes.observations, probes.count, next)
  let sum = 0
  for (let i = 0; i < own.length; i++) sum += ends[i % actionSize]! * (clipped(next[i]!) - clipped(own[i]!))
  return sum / (2 * own.length)
}

/** A component beyond ±1 acts as ±1. */
function clipped(u: number): number {
  return Math.min(1, Math.max(-1, u))
}
