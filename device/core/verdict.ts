import type { BoundMode } from './trust-bound.ts'

/** How q is estimated: `exact` in closed form over actions, `sampled` by the letter's (17), `kfac` by Kronecker factors. */
export type Estimator = 'exact' | 'sampled' | 'kfac'

/** Why a peer was mixed or not: decided by the gate, where messages are judged, or (the last three) by another method. */
export type Reason =
  | 'accepted'
  | 'non-positive-advantage'
  | 'below-lower-bound'
  | 'low-effective-sample-size'
  | 'too-few-samples'
  | 'identical'
  | 'non-finite'
  | 'shape-mismatch'
  | 'malformed'
  | 'unsupported-version'
  | 'unknown-peer'
  | 'wrong-sender'
  | 'bad-signature'
  | 'revoked'
  | 'replayed'
  | 'stale'
  | 'clock-not-synchronised'
  | 'over-size'
  | 'rate-limited'
  | 'missing'
  | 'control'
  | 'too-few-policies'
  | 'zero-weight'

/** The evidence of one verdict; null is what can't be computed or is not finite. */
export interface VerdictEvidence {
  /** α_max before margin and clamp; 0 when A ≤ 0, null when q = 0. */
  readonly alphaBound: number | null
  /** A = Ā / (1 − γ). */
  readonly policyAdvantage: number | null
  /** Ā of (16). */
  readonly policyAdvantageMean: number | null
  /** Of Ā. */
  readonly standardError: number | null
  /** (Ā − z · standardError) / (1 − γ). */
  readonly lowerBound: number | null
  readonly effectiveSampleSize: number | null
  /** ε = max |A_i|. */
  readonly epsilon: number | null
  /** C = 2εγ/(1 − γ)². */
  readonly c: number | null
  /** q = Δᵀ G(θ) Δ. */
  readonly fisher: number | null
  /** Mean exact KL(own ‖ new) over the K states at the returned α. */
  readonly kl: number | null
}

/** Whose policies were compared; null is what is unknown. */
export interface VerdictIdentity {
  readonly ownHash: string | null
  readonly peerHash: string | null
  readonly peerId: string | null
  readonly peerBoot: number | null
  readonly peerSequence: number | null
}

/** The gate's decision on one peer and everything it rests on. */
export interface Verdict extends VerdictEvidence, VerdictIdentity {
  readonly mode: BoundMode | 'certified'
  readonly estimator: Estimator
  readonly accepted: boolean
  readonly reason: Reason
  /** Mixture metric to apply; 0 unless accepted. */
  readonly alpha: number
  readonly M: number | null
  readonly K: number | null
  readonly gamma: number
}

/** Evidence of a verdict for which nothing was computed. */
export const noEvidence: VerdictEvidence = {
  alphaBound: null,
  policyAdvantage: null,
  policyAdvantageMean: null,
  standardError: null,
  lowerBound: null,
  effectiveSampleSize: null,
  epsilon: null,
  c: null,
  fisher: null,
  kl: null,
}

/** The verdict on a peer that never came as far as the gate: no evidence, only the reason. */
export function refusal(
  reason: Reason,
  options: { readonly mode: BoundMode; readonly estimator: Estimator; readonly gamma: number },
  identity: VerdictIdentity,
): Verdict {
  const { mode, estimator, gamma } = options
  return { mode, estimator, accepted: false, reason, alpha: 0, ...noEvidence, M: null, K: null, gamma, ...identity }
}

/** What a verdict says beside its reason and evidence. */
export type VerdictBase = Pick<Verdict, 'mode' | 'estimator' | 'M' | 'K' | 'gamma'> & {
  readonly identity: VerdictIdentity
}

/** A verdict with null for every number of its evidence that is not finite; `alpha` is 0 unless accepted. */
export function verdictOf(base: VerdictBase, reason: Reason, found: VerdictEvidence, alpha: number): Verdict {
  const { mode, estimator, M, K, gamma, identity } = base
  // Field by field: spreading objects took longer than the judgement's arithmetic on small samples.
  return {
    mode,
    estimator,
    M,
    K,
    gamma,
    ownHash: identity.ownHash,
    peerHash: identity.peerHash,
    peerId: identity.peerId,
    peerBoot: identity.peerBoot,
    peerSequence: identity.peerSequence,
    alphaBound: finite(found.alphaBound),
    policyAdvantage: finite(found.policyAdvantage),
    policyAdvantageMean: finite(found.policyAdvantageMean),
    standardError: finite(found.standardError),
    lowerBound: finite(found.lowerBound),
    effectiveSampleSize: finite(found.effectiveSampleSize),
    epsilon: finite(found.epsilon),
    c: finite(found.c),
    fisher: finite(found.fisher),
    kl: finite(found.kl),
    accepted: reason === 'accepted',
    reason,
    alpha,
  }
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null
}
