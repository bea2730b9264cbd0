import { exp, expm1 } from './elementary.ts'
import type { Vector } from './engine.ts'
import type { Rng } from './rng.ts'

/** ½ log 2π */
const HALF_LOG_TWO_PI = 0.9189385332046728

/**
 * log π(a|s) of a diagonal Gaussian per row, written to `out` [count]; means and actions [count, size], the `size` log
 * standard deviations start at `logStd[logStdOffset]`.
 */
export function gaussianLogProb(
  mean: Float64Array,
  actions: Vector,
  count: number,
  size: number,
  logStd: Vector,
  logStdOffset: number,
  out: Float64Array,
): void {
  out.fill(0, 0, count)
  for (let j = 0; j < size; j++) {
    const inverseStd = exp(-logStd[logStdOffset + j]!)
    const constant = logStd[logStdOffset + j]! + HALF_LOG_TWO_PI
    for (let i = 0; i < count; i++) {
      const z = (actions[i * size + j]! - mean[i * size + j]!) * inverseStd
      out[i] = out[i]! - (0.5 * z * z + constant)
    }
  }
}

/** Entropy of a diagonal Gaussian with state-independent log σ: Σ_j (½ + ½ log 2π + log σ_j). */
export function gaussianEntropy(logStd: Vector, offset: number, size: number): number {
  let sum = 0
  for (let j = 0; j < size; j++) sum += 0.5 + HALF_LOG_TWO_PI + logStd[offset + j]!
  return sum
}

/**
 * Mean over the rows of the exact KL(from ‖ to) of diagonal Gaussians, means [count, size]. The form
 * Δlogσ + ½ expm1(−2 Δlogσ) + ½ (Δμ/σ_to)² keeps its digits where both policies nearly agree.
 */
export function gaussianMeanKl(
  fromMean: Float64Array,
  toMean: Float64Array,
  count: number,
  size: number,
  fromLogStd: Vector,
  toLogStd: Vector,
  logStdOffset: number,
): number {
  let sum = 0
  for (let j = 0; j < size; j++) {
    const to = toLogStd[logStdOffset + j]!
    const difference = to - fromLogStd[logStdOffset + j]!
    const inverseStd = exp(-to)
    let squares = 0
    for (let i = 0; i < count; i++) {
      const z = (toMean[i * size + j]! - fromMean[i * size + j]!) * inverseStd
      squares += z * z
    }
    sum += difference + 0.5 * expm1(-2 * difference) + (0.5 * squares) / count
  }
  return sum
}

/** One action per row, mean + σ · normal, −0 as +0, written to `out` [count, size]. */
export function gaussianSample(
  mean: Float64Array,
  count: number,
  size: number,
  logStd: Vector,
  logStdOffset: number,
  rng: Rng,
  out: Float64Array,
): void {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < size; j++) {
      out[i * size + j] = mean[i * size + j]! + exp(logStd[logStdOffset + j]!) * rng.normal() + 0
    }
  }
}
