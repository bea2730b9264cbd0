import { exp } from './elementary.ts'
import type { Vector } from './engine.ts'

/**
 * How the advantage of a mixed policy over the own one is estimated from the same samples: `plain` importance weights as in
 * (16), or `weighted`, divided by their sum.
 */
export type AdvantageEstimator = 'plain' | 'weighted'

export interface AdvantageSamples {
  readonly count: number
  /** log π*(a|s), [count] */
  readonly logProb: Vector
  /** [count] */
  readonly advantage: Vector
}

export interface MixedAdvantage {
  /** Estimate of E[A(s, a)] under the new policy less that under the own one, states as sampled (normalised d_π). */
  readonly mean: number
  /** Of `mean`, n − 1 in the variance. */
  readonly standardError: number
  /** (Σw)² / Σw² with w = π_new/π*. */
  readonly effectiveSampleSize: number
}

/**
 * Advantage of the new policy over the own one, log π(a|s) of both [count]. Both are weighed on the same samples and only the differences enter, so that what is
 * common to both cancels. A value that is not finite makes the results NaN or infinite, never plausible.
 */
export function mixedAdvantage(
  estimator: AdvantageEstimator,
  { count, logProb, advantage }: AdvantageSamples,
  ownLogProb: Float64Array,
  nextLogProb: Float64Array,
): MixedAdvantage {
  const ownWeight = new Float64Array(count)
  const weight = new Float64Array(count)
  let weights = 0
  let squares = 0
  for (let i = 0; i < count; i++) {
    const w = exp(nextLogProb[i]! - logProb[i]!)
    ownWeight[i] = exp(ownLogProb[i]! - logProb[i]!)
    weight[i] = w
    weights += w
    squares += w * w
  }
  const summands = new Float64Array(count)
  const write = estimator === 'plain' ? plainSummands : weightedSummands
  write(advantage, ownWeight, weight, summands)
  return { ...meanAndError(summands), effectiveSampleSize: (weights * weights) / squares }
}

/** (w_new − w_own) A, the summand of (16). */
function plainSummands(advantage: Vector, ownWeight: Float64Array, weight: Float64Array, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (weight[i]! - ownWeight[i]!) * advantage[i]!
}

/**
 * Σ w A / Σ w of each policy. Written as the mean plus the linear part of each sample, their average is the estimate and
 * their spread the delta method's.
 */
function weightedSummands(advantage: Vector, ownWeight: Float64Array, weight: Float64Array, out: Float64Array): void {
  const next = ratioOf(advantage, weight)
  const own = ratioOf(advantage, ownWeight)
  for (let i = 0; i < out.length; i++) {
    const forNext = next.ratio + (weight[i]! / next.meanWeight) * (advantage[i]! - next.ratio)
    const forOwn = own.ratio + (ownWeight[i]! / own.meanWeight) * (advantage[i]! - own.ratio)
    out[i] = forNext - forOwn
  }
}

function ratioOf(advantage: Vector, weight: Float64Array): { ratio: number; meanWeight: number } {
  let sum = 0
  let weights = 0
  for (let i = 0; i < weight.length; i++) {
    sum += weight[i]! * advantage[i]!
    weights += weight[i]!
  }
  return { ratio: sum / weights, meanWeight: weights / weight.length }
}

function meanAndError(summands: Float64Array): { mean: number; standardError: number } {
  const count = summands.length
  let sum = 0
  for (let i = 0; i < count; i++) sum += summands[i]!
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += (summands[i]! - mean) * (summands[i]! - mean)
  return { mean, standardError: Math.sqrt(squares / (count - 1) / count) }
}
