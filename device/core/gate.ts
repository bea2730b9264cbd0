import type { Engine, Vector } from './engine.ts'
import { isFinite32, NonFiniteError } from './finite.ts'
import { kroneckerFisher, kroneckerForm } from './kfac.ts'
import { policySize } from './parameters.ts'
import { policyAdvantage } from './policy-advantage.ts'
import type { Evidence, States } from './replay.ts'
import { type BoundMode, penaltyCoefficient, trustBound } from './trust-bound.ts'
import {
  type Estimator,
  noEvidence,
  type Reason,
  type Verdict,
  type VerdictEvidence,
  type VerdictIdentity,
  verdictOf,
} from './verdict.ts'

export interface GateOptions {
  readonly mode: BoundMode
  readonly estimator: Estimator
  /** Discount of Theorem 1, in [0, 1). */
  readonly gamma: number
  /** How much less than the bound α is, in [0, 1): the letter's "slightly less". */
  readonly margin: number
  /** Standard errors below Ā at which `lowerBound` lies. */
  readonly z: number
  /** Abstain below this effective sample size; the letter has no such floor. */
  readonly minimumEffectiveSampleSize?: number
}

export interface GateInput {
  readonly engine: Engine
  /** θ, flat. */
  readonly own: Vector
  /** θ̃, flat. */
  readonly peer: Vector
  readonly evidence: Evidence
  readonly states: States
  readonly options: GateOptions
  readonly identity: VerdictIdentity
  /** Decides on A ≠ 0 in place of condition (5); the bound is then that of |A|. For controls only. */
  readonly admits?: (policyAdvantage: number) => boolean
}

/** With fewer samples or states the gate abstains. */
export const minimumSamples = 4

/**
 * Algorithm 1 for one peer: whether, and with which α, to mix θ̃ into θ. It fails closed: every test is written so that NaN
 * rejects. Throws only on options that the configuration should have caught and on `sampled` without actions.
 */
export function gate(input: GateInput): Verdict {
  return gateAndMix(input).verdict
}

export interface Judgement {
  readonly verdict: Verdict
  /** The mixed θ in float32, where the verdict accepts. */
  readonly policy?: Float32Array
}

/** As `gate`, with the policy that was judged. */
export function gateAndMix(input: GateInput): Judgement {
  const { engine, own, peer, evidence, states, options, identity, admits } = input
  const { mode, estimator, gamma, margin, z } = options
  checkOptions(options)
  const M = evidence.count
  const K = states.count
  const base = { mode, estimator, M, K, gamma, identity }
  const reject = (reason: Reason, found: VerdictEvidence): Judgement => ({ verdict: verdictOf(base, reason, found, 0) })

  if (!(own.length === peer.length && hasShapes(input))) return reject('shape-mismatch', noEvidence)
  if (!(M >= minimumSamples && K >= minimumSamples)) return reject('too-few-samples', noEvidence)
  if (!(isFinite32(evidence.logProb, M) && isFinite32(evidence.advantage, M))) return reject('non-finite', noEvidence)
  try {
    return judge()
  } catch (error) {
    // All other numbers pass through the engine, which refuses what is not finite.
    if (error instanceof NonFiniteError) return reject('non-finite', noEvidence)
    throw error
  }

  function judge(): Judgement {
    const ownLogProb = new Float64Array(M)
    const peerLogProb = new Float64Array(M)
    engine.logProb(own, evidence.observations, evidence.actions, M, ownLogProb)
    engine.logProb(peer, evidence.observations, evidence.actions, M, peerLogProb)
    const estimate = policyAdvantage(ownLogProb, peerLogProb, evidence.logProb, evidence.advantage, M) // (16)
    const advantage = estimate.mean / (1 - gamma)
    const lowerBound = (estimate.mean - z * estimate.standardError) / (1 - gamma)
    const size = admits ? Math.abs(advantage) : advantage
    const c = penaltyCoefficient(estimate.epsilon, gamma)

    const fisher = fisherForm(input)
    const alphaBound = fisher === 0 ? null : trustBound(mode, size, c, fisher)
    const found: VerdictEvidence = {
      alphaBound,
      policyAdvantage: advantage,
      policyAdvantageMean: estimate.mean,
      standardError: estimate.standardError,
      lowerBound,
      effectiveSampleSize: estimate.effectiveSampleSize,
      epsilon: estimate.epsilon,
      c,
      fisher,
      kl: 0, // α = 0 leaves the own policy
    }

    if (fisher === 0) return reject('identical', found)
    if (!(Number.isFinite(fisher) && Number.isFinite(advantage) && Number.isFinite(c)))
      return reject('non-finite', found)
    const floor = options.minimumEffectiveSampleSize ?? 0
    if (!(estimate.effectiveSampleSize >= floor)) return reject('low-effective-sample-size', found)
    if (!(size > 0)) return reject('non-positive-advantage', found) // (5)
    if (admits && !admits(advantage)) return reject('control', found)
    if (!(alphaBound !== null && Number.isFinite(alphaBound))) return reject('non-finite', found)
    const alpha = (1 - margin) * Math.min(alphaBound, 1) // (6)
    if (!(alpha > 0 && alpha <= 1)) return reject('non-finite', found)
    const kl = engine.mixKl(own, peer, alpha, states.observations, K)
    if (!Number.isFinite(kl)) return reject('non-finite', { ...found, kl })
    const policy = engine.mix(own, peer, alpha) // (4)
    return { verdict: verdictOf(base, 'accepted', { ...found, kl }, alpha), policy }
  }
}

function fisherForm({ engine, own, peer, states, options }: GateInput): number {
  const { count, observations } = states
  if (options.estimator === 'exact') return engine.fisherExact(own, peer, observations, count)
  if (options.estimator === 'sampled')
    return engine.fisherSampled(own, peer, observations, requiredActions(states), count)
  return kroneckerForm(kroneckerFisher(engine.architecture, own, observations, count), difference(peer, own))
}

function checkOptions({ gamma, margin, z, minimumEffectiveSampleSize = 0 }: GateOptions): void {
  if (!(gamma >= 0 && gamma < 1)) throw new Error(`gamma must be in [0, 1), got ${gamma}`)
  if (!(margin >= 0 && margin < 1)) throw new Error(`margin must be in [0, 1), got ${margin}`)
  if (!(z >= 0 && Number.isFinite(z))) throw new Error(`z must be finite and not negative, got ${z}`)
  if (!(minimumEffectiveSampleSize >= 0))
    throw new Error(`minimumEffectiveSampleSize must not be negative, got ${minimumEffectiveSampleSize}`)
}

function hasShapes({ engine, evidence, states, options, own }: GateInput): boolean {
  const { observationSize, actionSize } = engine.architecture
  const { count: M } = evidence
  const { count: K } = states
  return (
    own.length === policySize(engine.architecture) &&
    evidence.observations.length >= M * observationSize &&
    evidence.actions.length >= M * actionSize &&
    evidence.logProb.length >= M &&
    evidence.advantage.length >= M &&
    states.observations.length >= K * observationSize &&
    (options.estimator !== 'sampled' || requiredActions(states).length >= K * actionSize)
  )
}

function difference(a: Vector, b: Vector): Float64Array {
  const out = new Float64Array(a.length)
  for (let i = 0; i < out.length; i++) out[i] = a[i]! - b[i]!
  return out
}

function requiredActions({ actions }: States): Vector {
  if (actions === undefined) throw new Error('estimator sampled needs states with actions, got none')
  return actions
}
