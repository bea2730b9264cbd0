import type { Vector } from '../core/engine.ts'
import { isFinite32 } from '../core/finite.ts'
import { noEvidence, type Reason } from '../core/verdict.ts'
import type { Finding, RoundConsideration, RoundDecision, RoundPeer } from './method.ts'

export type RobustMode = 'median' | 'trimmed-mean' | 'krum' | 'fltrust'

/** All policies of a round that can be combined, the own one among them, in code-unit order of ids. */
export interface RobustRound {
  readonly policies: readonly Vector[]
  /** Where the own policy stands among them. */
  readonly ownAt: number
  readonly own: Vector
  readonly before: Vector
  readonly byzantine: number
}

/** The new θ and, where the rule weighs whole policies, the weight of each of `policies`. */
export interface Combined {
  readonly policy: Float32Array
  readonly weights?: ArrayLike<number>
}

/**
 * Applies a robust rule to the own policy and those that came. It fails closed: a policy that is not finite or of another
 * length is not in the round, and where the rule gives a reason instead of a policy the own one stays.
 */
export function considerRobustly(
  mode: RobustMode,
  rule: (round: RobustRound) => Combined | Reason,
  input: RoundConsideration,
): RoundDecision {
  const { own, before, byzantine, peers, vehicle } = input
  const refusals = peers.map((peer) => refusalOf(peer, own))
  const sound = peers.filter((_, i) => refusals[i] === undefined)
  const ownAt = sound.filter(({ id }) => id < vehicle).length
  const policies: Vector[] = sound.map(({ policy }) => policy)
  policies.splice(ownAt, 0, own)
  const verdictOn = (peer: RoundPeer, reason: Reason, alpha: number | null): Finding => ({
    mode,
    estimator: null,
    accepted: reason === 'accepted',
    reason,
    alpha,
    ...noEvidence,
    M: null,
    K: null,
    gamma: input.gamma,
    ...peer.identity,
  })
  const outcome = sound.length === 0 ? 'too-few-policies' : combine(rule, { policies, ownAt, own, before, byzantine })
  if (typeof outcome === 'string')
    return { verdicts: peers.map((peer, i) => verdictOn(peer, refusals[i] ?? outcome, 0)) }
  const { policy, weights } = outcome
  const verdicts = peers.map((peer, i) => {
    const refused = refusals[i]
    if (refused) return verdictOn(peer, refused, 0)
    const at = sound.indexOf(peer)
    const weight = weights?.[at < ownAt ? at : at + 1] ?? null
    return weight === 0 ? verdictOn(peer, 'zero-weight', 0) : verdictOn(peer, 'accepted', weight)
  })
  return verdicts.some(({ accepted }) => accepted) ? { verdicts, policy } : { verdicts }
}

function combine(rule: (round: RobustRound) => Combined | Reason, round: RobustRound): Combined | Reason {
  if (!isFinite32(round.own, round.own.length)) return 'non-finite'
  const outcome = rule(round)
  if (typeof outcome === 'string') return outcome
  return isFinite32(outcome.policy, outcome.policy.length) ? outcome : 'non-finite'
}

function refusalOf({ policy }: RoundPeer, own: Vector): Reason | undefined {
  if (policy.length !== own.length) return 'shape-mismatch'
  return isFinite32(policy, policy.length) ? undefined : 'non-finite'
}
