import type { Rng } from '../../../device/core/rng.ts'
import { riseOf } from './evaluation.ts'
import type { Mix, Pair } from './pair.ts'
import { bounded, margin } from './readings.ts'

/** One step of the letter's proof, or what would be right in its place. */
export interface ProofStep {
  readonly id: string
  readonly statement: string
  /** Whether it holds; undefined where its premises do not. */
  holds(pair: Pair, rng: Rng): boolean | undefined
}

/** What rounding may leave of a rise that is 0. */
export const tolerance = 1e-12

/**
 * The steps from (10) to (14), in the letter's order. Where α is not given by the step it is uniform in (0, 1]. D is
 * D_KL(π ‖ π_new) over the states of π, A the policy advantage of the peer.
 */
export const proofSteps: readonly ProofStep[] = [
  {
    id: 'a1',
    statement: '(10) for mixed distributions: η(π_β) − η(π) ≥ βA − Cβ²',
    holds: (pair, rng) => {
      const beta = 1 - rng.uniform()
      return mixtureRise(pair, beta) >= beta * pair.policyAdvantage - pair.c * beta * beta - tolerance
    },
  },
  {
    id: 'a2',
    statement: 'A > 0 and β = 0.9 min(1, A/C): the mixture of distributions rises',
    holds: (pair) =>
      given(pair.policyAdvantage > 0, () => {
        return mixtureRise(pair, (1 - margin) * Math.min(1, pair.policyAdvantage / pair.c)) >= -tolerance
      }),
  },
  {
    id: 'b1',
    statement: 'TRPO: η(π_new) − η(π) ≥ A(π_new) − C max D',
    holds: (pair, rng) => {
      const mix = pair.mix(1 - rng.uniform())
      return mix.rise() >= mix.policyAdvantage - pair.c * mix.maxKl - tolerance
    },
  },
  {
    id: 'b2',
    statement: '(10) with β = √max D for mixed parameters: η(π_new) − η(π) ≥ βA − Cβ²',
    holds: (pair, rng) =>
      given(pair.policyAdvantage > 0, () => {
        const mix = pair.mix(1 - rng.uniform())
        const beta = Math.sqrt(mix.maxKl)
        return mix.rise() >= beta * pair.policyAdvantage - pair.c * mix.maxKl - tolerance
      }),
  },
  {
    id: 'b3',
    statement: 'max D = 0.9 A/C makes βA − Cβ² positive',
    holds: (pair) => at(pair, 'maxKl', 1, ({ maxKl }) => Math.sqrt(maxKl) * pair.policyAdvantage > pair.c * maxKl),
  },
  {
    id: 'b4',
    statement: 'condition 2: A > 0 and max D ≤ 0.9 A/C: η rises',
    holds: (pair) => at(pair, 'maxKl', 1, rises),
  },
  {
    id: 'b5',
    statement: 'A > 0 and max D ≤ 0.9 (A/C)²: η rises',
    holds: (pair) => at(pair, 'maxKl', 2, rises),
  },
  {
    id: 'c1',
    statement: 'mean for maximum: mean D ≤ 0.9 A/C gives max D < A/C',
    holds: (pair) => at(pair, 'meanKl', 1, ({ maxKl }) => maxKl < pair.policyAdvantage / pair.c),
  },
  {
    id: 'c2',
    statement: 'A > 0 and mean D ≤ 0.9 A/C: η rises',
    holds: (pair) => at(pair, 'meanKl', 1, rises),
  },
  {
    id: 'd1',
    statement: 'A > 0 gives A(π_new) > 0 at the α of (14)',
    holds: (pair) => atBound(pair, (mix) => mix.policyAdvantage > 0),
  },
  {
    id: 'd2',
    statement: 'A > 0 gives A(π_new) ≥ αA at the α of (14)',
    holds: (pair) => atBound(pair, (mix) => mix.policyAdvantage >= mix.alpha * pair.policyAdvantage - tolerance),
  },
  {
    id: 'd3',
    statement: 'A > 0 makes θ̃ − θ a direction of ascent: dη/dα > 0 at α = 0',
    holds: (pair) => given(pair.policyAdvantage > 0, () => pair.slope > 0),
  },
  {
    id: 'e1',
    statement: '(12), (13): ½α²q < A/C gives mean D < A/C at the α of (14)',
    holds: (pair) => atBound(pair, ({ meanKl }) => meanKl < pair.policyAdvantage / pair.c),
  },
  {
    id: 'e2',
    statement: '(12) from above: mean D ≤ ½α²q at the α of (14)',
    holds: (pair) => atBound(pair, ({ alpha, meanKl }) => meanKl <= 0.5 * alpha * alpha * pair.fisher * (1 + 1e-9)),
  },
]

function given(premise: boolean, holds: () => boolean): boolean | undefined {
  return premise ? holds() : undefined
}

function rises(mix: Mix): boolean {
  return mix.rise() >= -tolerance
}

/** At the α of `theorem1`; undefined unless A > 0. */
function atBound(pair: Pair, holds: (mix: Mix) => boolean): boolean | undefined {
  const mix = bounded(pair, 'theorem1', pair.policyAdvantage)
  return mix && holds(mix)
}

/** At the α where the exact divergence is 0.9 (A/C)^power, or at α = 1 where it stays below; undefined unless A > 0. */
function at(pair: Pair, measure: 'maxKl' | 'meanKl', power: 1 | 2, holds: (mix: Mix) => boolean): boolean | undefined {
  if (!(pair.policyAdvantage > 0)) return undefined
  const ratio = pair.policyAdvantage / pair.c
  return holds(mixWithin(pair, measure, (1 - margin) * (power === 1 ? ratio : ratio * ratio)))
}

/** The largest α with a divergence of at most `limit`, by bisection: both divergences grow with α, being convex with 0 at α = 0. */
function mixWithin(pair: Pair, measure: 'maxKl' | 'meanKl', limit: number): Mix {
  const whole = pair.mix(1)
  if (whole[measure] <= limit) return whole
  let [low, high] = [0, 1]
  // 1 step in 2^60 of a unit is less than the last bit of the smallest α that occurs.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (pair.mix(middle)[measure] <= limit) low = middle
    else high = middle
  }
  return pair.mix(low)
}

/** η(π_β) − η(π) of π_β = (1 − β)π + βπ̃ (7). */
function mixtureRise(pair: Pair, beta: number): number {
  const difference = pair.path.at(1).difference.map((x) => beta * x)
  const policy = pair.path.own.map((p, i) => p + difference[i]!)
  return riseOf(pair.mdp, pair.own.advantage, policy, difference)
}
