import type { Rng } from '../../../device/core/rng.ts'
import { trustBound } from '../../../device/core/trust-bound.ts'
import type { Mix, Pair } from './pair.ts'

/** What a reading of the bound takes: the mix it allows, or none. */
export type Reading = (pair: Pair, rng: Rng) => Mix | undefined

/** How much less than the bound α is. */
export const margin = 0.1

/** Candidates for α that `certified` tries, falling: 0.9 · 2^(−k/2), down to 9e-7. */
export const alphaGrid: readonly number[] = Array.from(
  { length: 41 },
  (_, k) => ((1 - margin) * (k % 2 === 0 ? 1 : Math.SQRT1_2)) / 2 ** Math.floor(k / 2),
)

/**
 * Readings on exact evidence. `theorem1` and `strict` as in `trust-bound.ts`; `certified` takes the largest α of the grid where
 * the policy advantage of π_new is above its penalty:
 * - `max KL`: C · max KL (Schulman et al. 2015, TRPO, arXiv:1502.05477, theorem 1);
 * - `mean KL`: C · mean KL, which no theorem covers;
 * - `CPO`: as in `constrainedPenalty`;
 * - `max × mean`: C · √(max KL · mean KL), what is left of `CPO` where ε' is replaced by its bound 2ε · max D_TV.
 *
 * `coin` and `reversed` are controls: theorem1's α with |A|, taken by chance or where A < 0; `fixed` is α = 0.5 always.
 */
export const readings = {
  theorem1: (pair) => bounded(pair, 'theorem1', pair.policyAdvantage),
  strict: (pair) => bounded(pair, 'strict', pair.policyAdvantage),
  'certified, mean KL': (pair) => largestMix(pair, (mix) => mix.policyAdvantage > pair.c * mix.meanKl),
  'certified, max KL': (pair) => largestMix(pair, (mix) => mix.policyAdvantage > pair.c * mix.maxKl),
  'certified, max × mean': (pair) =>
    largestMix(pair, (mix) => mix.policyAdvantage > pair.c * Math.sqrt(mix.maxKl * mix.meanKl)),
  'certified, CPO': (pair) => largestMix(pair, (mix) => mix.policyAdvantage > constrainedPenalty(pair, mix)),
  coin: (pair, rng) => (rng.uniform() < 0.5 ? bounded(pair, 'theorem1', Math.abs(pair.policyAdvantage)) : undefined),
  reversed: (pair) => bounded(pair, 'theorem1', -pair.policyAdvantage),
  'fixed 0.5': (pair) => pair.mix(0.5),
} as const satisfies Record<string, Reading>

export type ReadingName = keyof typeof readings

/** The mix with α = 0.9 · min(1, bound); none where the advantage is not above 0, or the policies are the same. */
export function bounded(pair: Pair, mode: 'theorem1' | 'strict', advantage: number): Mix | undefined {
  const alpha = (1 - margin) * Math.min(1, trustBound(mode, advantage, pair.c, pair.fisher)) // (6)
  return alpha > 0 ? pair.mix(alpha) : undefined
}

function largestMix(pair: Pair, allows: (mix: Mix) => boolean): Mix | undefined {
  for (const alpha of alphaGrid) {
    const mix = pair.mix(alpha)
    if (allows(mix)) return mix
  }
  return undefined
}

/**
 * 2γε'/(1 − γ)² · √(mean KL / 2) with ε' = max_s |Σ_a π_new(a|s) A(s, a)|: corollaries 1 and 2 of Achiam et al. 2017
 * (Constrained Policy Optimization, arXiv:1705.10528) with d_π unnormalised.
 */
function constrainedPenalty({ mdp, own }: Pair, { difference, meanKl }: Mix): number {
  let epsilon = 0
  for (let s = 0; s < mdp.states; s++) {
    let mean = 0
    for (let a = 0; a < mdp.actions; a++) mean += difference[s * mdp.actions + a]! * own.advantage[s * mdp.actions + a]!
    epsilon = Math.max(epsilon, Math.abs(mean))
  }
  return ((2 * mdp.gamma * epsilon) / ((1 - mdp.gamma) * (1 - mdp.gamma))) * Math.sqrt(meanKl / 2)
}
