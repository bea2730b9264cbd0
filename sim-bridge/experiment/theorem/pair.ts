import type { Rng } from '../../../device/core/rng.ts'
import { penaltyCoefficient } from '../../../device/core/trust-bound.ts'
import { advantageOf, type Evaluation, evaluate, riseOf } from './evaluation.ts'
import type { Mdp } from './mdp.ts'
import {
  createSoftmaxPath,
  largestOf,
  type PathPoint,
  type SoftmaxPath,
  softmax,
  weightedMean,
} from './softmax-path.ts'

/**
 * Where θ̃ comes from. `random`: normal logits of its own; `near`: θ and a normal step of 0.3 in each logit; `improved`: θ and
 * one to five steps along the exact policy gradient.
 */
export const peerKinds = ['random', 'near', 'improved'] as const
export type PeerKind = (typeof peerKinds)[number]

/** A policy, the one it may learn from, and what Theorem 1 is made of, all exact. */
export interface Pair {
  readonly mdp: Mdp
  readonly kind: PeerKind
  readonly path: SoftmaxPath
  readonly own: Evaluation
  /** A_π(π̃) (9), with the unnormalised d_π. */
  readonly policyAdvantage: number
  /** C = 2εγ/(1 − γ)². */
  readonly c: number
  /** q = Δᵀ G(θ) Δ, mean over the states by d_π. */
  readonly fisher: number
  /** dη/dα at α = 0, exactly: the policy gradient along θ̃ − θ. */
  readonly slope: number
  mix(alpha: number): Mix
}

/** The mix with one α, before it is driven. */
export interface Mix extends PathPoint {
  readonly alpha: number
  /** A_π(π_new), with the unnormalised d_π. */
  readonly policyAdvantage: number
  /** Mean over the states by d_π. */
  readonly meanKl: number
  readonly maxKl: number
  /** η(π_new) − η(π). */
  rise(): number
}

/** Logits [states, actions]. */
export function createPair(mdp: Mdp, kind: PeerKind, ownLogits: Float64Array, peerLogits: Float64Array): Pair {
  const path = createSoftmaxPath(ownLogits, peerLogits, mdp.actions)
  const own = evaluate(mdp, path.own)
  const { visitation, advantage, epsilon } = own
  return {
    mdp,
    kind,
    path,
    own,
    policyAdvantage: advantageOf(visitation, path.at(1).difference, advantage),
    c: penaltyCoefficient(epsilon, mdp.gamma),
    fisher: weightedMean(path.fisher, visitation),
    slope: advantageOf(
      visitation,
      path.own.map((p, i) => p * path.score[i]!),
      advantage,
    ),
    mix(alpha) {
      const point = path.at(alpha)
      return {
        alpha,
        ...point,
        policyAdvantage: advantageOf(visitation, point.difference, advantage),
        meanKl: weightedMean(point.kl, visitation),
        maxKl: largestOf(point.kl),
        rise: () => riseOf(mdp, advantage, point.policy, point.difference),
      }
    },
  }
}

/** Own logits with a standard deviation of 0.5, 1 or 2, and a peer of the kind. */
export function drawPair(mdp: Mdp, kind: PeerKind, rng: Rng): Pair {
  const size = mdp.states * mdp.actions
  const spread = [0.5, 1, 2][rng.integer(3)] ?? 1
  const normals = (scale: number): Float64Array => Float64Array.from({ length: size }, () => scale * rng.normal())
  const own = normals(spread)
  if (kind === 'random') return createPair(mdp, kind, own, normals(spread))
  if (kind === 'improved') return createPair(mdp, kind, own, climb(mdp, own, rng))
  const step = normals(0.3)
  return createPair(
    mdp,
    kind,
    own,
    own.map((x, i) => x + step[i]!),
  )
}

/** Steps along the exact gradient ∂η/∂θ(s, a) = d(s) π(a|s) A(s, a), each moving its largest entry by up to 1. */
function climb(mdp: Mdp, from: Float64Array, rng: Rng): Float64Array {
  const logits = from.slice()
  const length = rng.uniform()
  const gradient = new Float64Array(logits.length)
  for (let steps = 1 + rng.integer(5); steps > 0; steps--) {
    const policy = softmax(logits, mdp.actions)
    const { visitation, advantage } = evaluate(mdp, policy)
    let most = 0
    for (let i = 0; i < logits.length; i++) {
      gradient[i] = visitation[Math.floor(i / mdp.actions)]! * policy[i]! * advantage[i]!
      most = Math.max(most, Math.abs(gradient[i]!))
    }
    for (let i = 0; i < logits.length; i++) logits[i]! += (length * gradient[i]!) / most
  }
  return logits
}
