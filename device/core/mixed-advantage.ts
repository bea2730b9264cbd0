import { exp } from './elementary.ts'
import type { Vector } from './engine.ts'

/**
 * How the advantage of a mixed policy over the own one is estimated from the same samples: `plain` importance weights as in
 * (16), `weighted` (self-normalised), `doubly-robust` with a linear model of the advantage as control variate.
 */
export type AdvantageEstimator = 'plain' | 'weighted' | 'doubly-robust'

/** Log-probabilities and means of one policy on the evidence. */
export interface PolicyOnEvidence {
  /** log π(a|s), [count] */
  readonly logProb: Float64Array
  /** [count, actionSize]; the first `count` rows are read. */
  readonly mean: Float64Array
}

export interface AdvantageSamples {
  readonly count: number
  readonly actionSize: number
  /** [count, actionSize] */
  readonly actions: Vector
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
 * Advantage of `next` over `own`. Both policies are weighed on the same samples and only the differences enter, so that what is
 * common to both cancels. A value that is not finite makes the results NaN or infinite, never plausible.
 */
export function mixedAdvantage(
  estimator: AdvantageEstimator,
  samples: AdvantageSamples,
  own: PolicyOnEvidence,
  next: PolicyOnEvidence,
): MixedAdvantage {
  const { count, logProb } = samples
  const ownWeight = new Float64Array(count)
  const weight = new Float64Array(count)
  let weights = 0
  let squares = 0
  for (let i = 0; i < count; i++) {
    const w = exp(next.logProb[i]! - logProb[i]!)
    ownWeight[i] = exp(own.logProb[i]! - logProb[i]!)
    weight[i] = w
    weights += w
    squares += w * w
  }
  const summands = new Float64Array(count)
  if (estimator === 'plain') plainSummands(samples.advantage, ownWeight, weight, summands)
  if (estimator === 'weighted') weightedSummands(samples.advantage, ownWeight, weight, summands)
  if (estimator === 'doubly-robust') doublyRobustSummands(samples, own, next, ownWeight, weight, summands)
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

/**
 * Â(s, a) = b + k·(a − μ_own(s)), fitted by least squares on the other half of the samples (even and odd ones), so that the
 * estimate stays unbiased: (w_new − w_own)(A − Â) + E_new Â − E_own Â, and the expectations are k·(μ_new − μ_own).
 */
function doublyRobustSummands(
  samples: AdvantageSamples,
  own: PolicyOnEvidence,
  next: PolicyOnEvidence,
  ownWeight: Float64Array,
  weight: Float64Array,
  out: Float64Array,
): void {
  const { count, actionSize, actions, advantage } = samples
  const slopes = new Float64Array(actionSize)
  for (let half = 0; half < 2; half++) {
    const intercept = fit(samples, own.mean, 1 - half, slopes)
    for (let i = half; i < count; i += 2) {
      let model = intercept
      let shift = 0
      for (let j = 0, o = i * actionSize; j < actionSize; j++, o++) {
        model += slopes[j]! * (actions[o]! - own.mean[o]!)
        shift += slopes[j]! * (next.mean[o]! - own.mean[o]!)
      }
      out[i] = (weight[i]! - ownWeight[i]!) * (advantage[i]! - model) + shift
    }
  }
}

/** Slope of A over each component of a − μ by itself (they are drawn independently), on rows start, start + 2, …; returns the intercept. */
function fit({ count, actionSize, actions, advantage }: AdvantageSamples, mean: Float64Array, start: number, slopes: Float64Array): number {
  let rows = 0
  let sum = 0
  for (let i = start; i < count; i += 2, rows++) sum += advantage[i]!
  const level = rows > 0 ? sum / rows : 0
  let intercept = level
  for (let j = 0; j < actionSize; j++) {
    let centre = 0
    for (let i = start; i < count; i += 2) centre += actions[i * actionSize + j]! - mean[i * actionSize + j]!
    centre = rows > 0 ? centre / rows : 0
    let [product, square] = [0, 0]
    for (let i = start; i < count; i += 2) {
      const x = actions[i * actionSize + j]! - mean[i * actionSize + j]! - centre
      product += x * (advantage[i]! - level)
      square += x * x
    }
    slopes[j] = square > 0 ? product / square : 0
    intercept -= slopes[j]! * centre
  }
  return intercept
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
