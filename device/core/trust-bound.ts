/**
 * Which reading of the bound: `theorem1` is the letter as printed; `strict` keeps the square root that its step from (10)
 * to condition 2 loses, D_KL < (A/C)².
 */
export type BoundMode = 'theorem1' | 'strict'

/** C = 2 ε γ / (1 − γ)² of Theorem 1. */
export function penaltyCoefficient(epsilon: number, gamma: number): number {
  return (2 * epsilon * gamma) / ((1 - gamma) * (1 - gamma))
}

/**
 * Upper bound of the mixture metric α before margin and clamp: (6)/(14) √(2A/C)/√q, or √2·(A/C)/√q in the mode `strict`.
 * 0 unless A > 0 (5); infinite or NaN where C or q leaves no number: callers reject what is not finite.
 */
export function trustBound(mode: BoundMode, policyAdvantage: number, c: number, fisher: number): number {
  if (policyAdvantage <= 0) return 0 // (5)
  const ratio = policyAdvantage / c
  if (mode === 'strict') return (Math.SQRT2 * ratio) / Math.sqrt(fisher)
  return Math.sqrt(2 * ratio) / Math.sqrt(fisher) // (6), (14)
}
