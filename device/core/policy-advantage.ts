import { exp } from './elementary.ts'
import type { Vector } from './engine.ts'

export interface PolicyAdvantage {
  /** Ā of (16), before the factor 1/(1 − γ) of the letter's unnormalised d_π. */
  readonly mean: number
  /** Standard error of Ā, with n − 1 in the variance. */
  readonly standardError: number
  /** (Σw)² / Σw² with w = π̃/π*. */
  readonly effectiveSampleSize: number
  /** ε = max |A_i| over the same samples. */
  readonly epsilon: number
}

/**
 * Policy advantage of the peer's policy over the own one on `count` samples, each with its own behaviour policy. All
 * inputs [count]; a value that is not finite makes the results NaN or infinite, never plausible.
 */
export function policyAdvantage(
  ownLogProb: Vector,
  peerLogProb: Vector,
  behaviourLogProb: Vector,
  advantage: Vector,
  count: number,
): PolicyAdvantage {
  let sum = 0
  let epsilon = 0
  let weights = 0
  let squaredWeights = 0
  const summands = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const weight = exp(peerLogProb[i]! - behaviourLogProb[i]!)
    summands[i] = (weight - exp(ownLogProb[i]! - behaviourLogProb[i]!)) * advantage[i]!
    sum += summands[i]!
    epsilon = Math.max(epsilon, Math.abs(advantage[i]!))
    weights += weight
    squaredWeights += weight * weight
  }
  const mean = sum / count // (16)
  let squares = 0
  for (let i = 0; i < count; i++) {
    const deviation = summands[i]! - mean
    squares += deviation * deviation
  }
  return {
    mean,
    standardError: Math.sqrt(squares / (count - 1) / count),
    effectiveSampleSize: (weights * weights) / squaredWeights,
    epsilon,
  }
}
