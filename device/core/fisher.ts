import { exp } from './elementary.ts'
import type { Vector } from './engine.ts'

/**
 * q = Δᵀ G(θ) Δ with the expectation over actions in closed form: mean_k Σ_j (J_k Δ)_j² / σ_j² + 2 Σ_j (Δ log σ_j)², given
 * the derivative of the means along Δ, `meanTangent` [count, size]. Own and peer's log σ start at `offset` of
 * both vectors.
 */
export function fisherExact(
  meanTangent: Float64Array,
  logStd: Vector,
  towardsLogStd: Vector,
  offset: number,
  count: number,
  size: number,
): number {
  let q = 0
  for (let j = 0; j < size; j++) {
    const inverseStd = exp(-logStd[offset + j]!)
    let squares = 0
    for (let k = 0; k < count; k++) {
      const change = meanTangent[k * size + j]! * inverseStd
      squares += change * change
    }
    const delta = towardsLogStd[offset + j]! - logStd[offset + j]!
    q += squares / count + 2 * delta * delta
  }
  return q
}

/**
 * q by the letter's (17), Monte Carlo over actions: mean_k (Γ_kᵀ Δ)² with Γ_k = ∇ log π(a_k|s_k), whose product with Δ is
 * the derivative of log π along Δ, so that no matrix is built. Means, their tangent and actions are [count, size].
 */
export function fisherSampled(
  mean: Float64Array,
  meanTangent: Float64Array,
  actions: Vector,
  logStd: Vector,
  towardsLogStd: Vector,
  offset: number,
  count: number,
  size: number,
): number {
  let squares = 0
  for (let k = 0; k < count; k++) {
    let change = 0
    for (let j = 0; j < size; j++) {
      const inverseStd = exp(-logStd[offset + j]!)
      const z = (actions[k * size + j]! - mean[k * size + j]!) * inverseStd
      const delta = towardsLogStd[offset + j]! - logStd[offset + j]!
      change += z * meanTangent[k * size + j]! * inverseStd + (z * z - 1) * delta
    }
    squares += change * change // (17)
  }
  return squares / count
}
