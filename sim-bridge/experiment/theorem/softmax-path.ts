import { exp, expm1, log } from '../../../device/core/elementary.ts'

/** π(a|s) ∝ exp θ(s, a), [states, actions]. */
export function softmax(logits: Float64Array, actions: number): Float64Array {
  const policy = new Float64Array(logits.length)
  for (let row = 0; row < logits.length; row += actions) {
    let most = Number.NEGATIVE_INFINITY
    for (let a = 0; a < actions; a++) most = Math.max(most, logits[row + a]!)
    let sum = 0
    for (let a = 0; a < actions; a++) {
      policy[row + a] = exp(logits[row + a]! - most)
      sum += policy[row + a]!
    }
    for (let a = 0; a < actions; a++) policy[row + a]! /= sum
  }
  return policy
}

/** A policy on the way from θ to θ̃. */
export interface PathPoint {
  /** π_new(a|s), [states, actions]. */
  readonly policy: Float64Array
  /** π_new − π with full relative precision, [states, actions]. */
  readonly difference: Float64Array
  /** KL(π(·|s) ‖ π_new(·|s)), [states]. */
  readonly kl: Float64Array
}

/** The mixes θ + α(θ̃ − θ) (4) of two tabular softmax policies. */
export interface SoftmaxPath {
  readonly own: Float64Array
  /** Γ·Δ: Δ(s, a) less its mean under π(·|s), [states, actions]. */
  readonly score: Float64Array
  /** Δ_sᵀ G_s Δ_s, the Fisher form of each state: the variance of Δ(s, ·) under π(·|s), [states]. */
  readonly fisher: Float64Array
  at(alpha: number): PathPoint
}

/** Logits θ and θ̃, [states, actions]. */
export function createSoftmaxPath(ownLogits: Float64Array, peerLogits: Float64Array, actions: number): SoftmaxPath {
  const own = softmax(ownLogits, actions)
  const states = own.length / actions
  const score = new Float64Array(own.length)
  const fisher = new Float64Array(states)
  for (let s = 0; s < states; s++) {
    const row = s * actions
    let mean = 0
    for (let a = 0; a < actions; a++) mean += own[row + a]! * (peerLogits[row + a]! - ownLogits[row + a]!)
    for (let a = 0; a < actions; a++) {
      score[row + a] = peerLogits[row + a]! - ownLogits[row + a]! - mean
      fisher[s]! += own[row + a]! * score[row + a]! * score[row + a]!
    }
  }
  return {
    own,
    score,
    fisher,
    at(alpha) {
      const policy = new Float64Array(own.length)
      const difference = new Float64Array(own.length)
      const kl = new Float64Array(states)
      for (let s = 0; s < states; s++) {
        const row = s * actions
        // Z − 1 = Σ_a π(a|s) (exp(α Γ·Δ) − 1); since Γ·Δ has mean 0 under π, KL(π ‖ π_new) = log Z.
        let excess = 0
        for (let a = 0; a < actions; a++) excess += own[row + a]! * expm1(alpha * score[row + a]!)
        kl[s] = logOnePlus(excess)
        for (let a = 0; a < actions; a++) {
          difference[row + a] = (own[row + a]! * (expm1(alpha * score[row + a]!) - excess)) / (1 + excess)
          policy[row + a] = own[row + a]! + difference[row + a]!
        }
      }
      return { policy, difference, kl }
    },
  }
}

/** log(1 + x) for x ≥ 0 with full relative precision (Kahan). */
function logOnePlus(x: number): number {
  const sum = 1 + x
  return sum === 1 ? x : (log(sum) * x) / (sum - 1)
}

/** Σ w(s) x(s) / Σ w(s). */
export function weightedMean(x: Float64Array, weights: Float64Array): number {
  let [sum, total] = [0, 0]
  for (let s = 0; s < x.length; s++) {
    sum += weights[s]! * x[s]!
    total += weights[s]!
  }
  return sum / total
}

export function largestOf(x: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY
  for (let s = 0; s < x.length; s++) most = Math.max(most, x[s]!)
  return most
}
