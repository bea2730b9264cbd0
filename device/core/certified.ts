import type { Engine, Vector } from './engine.ts'
import { isFinite32, NonFiniteError } from './finite.ts'
import { type Judgement, minimumSamples } from './gate.ts'
import { gaussianLogProb, gaussianMeanKl } from './gaussian.ts'
import { type AdvantageEstimator, type MixedAdvantage, mixedAdvantage } from './mixed-advantage.ts'
import { policyLayout, policySize, slotOf } from './parameters.ts'
import type { Evidence, States } from './replay.ts'
import { penaltyCoefficient } from './trust-bound.ts'
import { noEvidence, type Reason, type VerdictEvidence, type VerdictIdentity, verdictOf } from './verdict.ts'

/** What the lower bound of the advantage must exceed: the penalty C·KL, or 0 inside a trust region of mean KL. */
export type CertifiedTest = 'penalty' | 'radius'

export interface CertifiedOptions {
  readonly test: CertifiedTest
  readonly advantageEstimator: AdvantageEstimator
  /** Discount, in [0, 1). */
  readonly gamma: number
  /** Standard errors below the mean at which the lower bound lies. */
  readonly z: number
  /** Largest mean KL(own ‖ new) over the states, nat; only the test `radius` reads it. */
  readonly klRadius: number
  /** Smallest α worth taking, in (0, 1]: of a peer of whom less passes, samples near θ say little. */
  readonly minimumAlpha: number
  /** Abstain where the weights of the mixed policy leave fewer effective samples. */
  readonly minimumEffectiveSampleSize: number
}

export interface CertifiedInput {
  readonly engine: Engine
  /** θ, flat. */
  readonly own: Vector
  /** θ̃, flat. */
  readonly peer: Vector
  readonly evidence: Evidence
  readonly states: States
  readonly options: CertifiedOptions
  readonly identity: VerdictIdentity
}

/** Candidates for α, rising: 2^(−k/2), those from `minimumAlpha` on. */
export function alphaCandidates(minimumAlpha: number): number[] {
  const candidates: number[] = []
  for (let power = 1; power >= minimumAlpha; power /= 2) {
    candidates.unshift(power)
    if (power * Math.SQRT1_2 >= minimumAlpha) candidates.unshift(power * Math.SQRT1_2)
  }
  return candidates
}

/**
 * Judges the policies that would really run: θ mixed with θ̃ and rounded to float32, at each α of a grid. The largest α found
 * by bisection whose advantage has a lower confidence bound above the penalty of its own exact mean KL is taken. Fails
 * closed: every test is written so that NaN rejects. Throws only on options that the configuration should have caught.
 */
export function certified(input: CertifiedInput): Judgement {
  const { engine, own, peer, evidence, states, options, identity } = input
  checkOptions(options)
  const M = evidence.count
  const K = states.count
  const base = { mode: 'certified', estimator: 'exact', M, K, gamma: options.gamma, identity } as const
  const reject = (reason: Reason, found: VerdictEvidence): Judgement => ({ verdict: verdictOf(base, reason, found, 0) })
  if (!(own.length === peer.length && hasShapes(input))) return reject('shape-mismatch', noEvidence)
  if (!(M >= minimumSamples && K >= minimumSamples)) return reject('too-few-samples', noEvidence)
  if (!(isFinite32(evidence.logProb, M) && isFinite32(evidence.advantage, M))) return reject('non-finite', noEvidence)
  if (!(isFinite32(own, own.length) && isFinite32(peer, peer.length))) return reject('non-finite', noEvidence)
  try {
    return judge()
  } catch (error) {
    // All other numbers pass through the engine, which refuses what is not finite.
    if (error instanceof NonFiniteError) return reject('non-finite', noEvidence)
    throw error
  }

  function judge(): Judgement {
    const epsilon = largest(evidence.advantage, M)
    const c = penaltyCoefficient(epsilon, options.gamma)
    const fisher = engine.fisherExact(own, peer, states.observations, K)
    const judged = { ...noEvidence, epsilon, c, fisher, kl: 0 }
    if (fisher === 0 && equal(own, peer))
      return reject('identical', { ...judged, policyAdvantage: 0, policyAdvantageMean: 0 })
    const candidates = alphaCandidates(options.minimumAlpha)
    const trial = createTrial(input, candidates, c)
    const smallest = trial(0)
    const first = evidenceOf(smallest)
    if (smallest.reason !== 'accepted') return reject(smallest.reason, { ...judged, ...first, alphaBound: 0, kl: 0 })
    let [low, high] = [0, candidates.length]
    let best = smallest
    while (high - low > 1) {
      // The whole peer first: where it passes nothing needs to be searched.
      const middle = high === candidates.length ? high - 1 : Math.floor((low + high) / 2)
      const found = trial(middle)
      if (found.reason === 'accepted') {
        low = middle
        best = found
      } else high = middle
    }
    const { alpha } = best
    const found = { ...judged, ...evidenceOf(best), alphaBound: alpha }
    return { verdict: verdictOf(base, 'accepted', found, alpha), policy: best.policy }
  }

  function evidenceOf({ estimate, kl }: Trial) {
    const { mean, standardError, effectiveSampleSize } = estimate
    const scale = 1 / (1 - options.gamma)
    return {
      policyAdvantage: mean * scale,
      policyAdvantageMean: mean,
      standardError,
      lowerBound: (mean - options.z * standardError) * scale,
      effectiveSampleSize,
      kl,
    }
  }
}

interface Trial {
  readonly alpha: number
  readonly policy: Float32Array
  readonly estimate: MixedAdvantage
  readonly kl: number
  readonly reason: Reason
}

/** Tries candidates by their index. Evidence and states go through the network in one pass. */
function createTrial(input: CertifiedInput, candidates: readonly number[], c: number): (index: number) => Trial {
  const { engine, own, peer, evidence, states, options } = input
  const { observationSize, actionSize } = engine.architecture
  const { offset } = slotOf(policyLayout(engine.architecture), 'log_std')
  const [M, K] = [evidence.count, states.count]
  if (!isFinite32(evidence.actions, M * actionSize)) throw new NonFiniteError('actions', 0, Number.NaN)
  const rows = new Float64Array((M + K) * observationSize)
  rows.set(evidence.observations.subarray(0, M * observationSize))
  rows.set(states.observations.subarray(0, K * observationSize), M * observationSize)
  const samples = { ...evidence, count: M }
  const before = passed(own)

  function passed(policy: Vector) {
    const mean = new Float64Array((M + K) * actionSize)
    const logProb = new Float64Array(M)
    engine.policyMean(policy, rows, M + K, mean)
    gaussianLogProb(mean, evidence.actions, M, actionSize, policy, offset, logProb)
    return { logProb, stateMean: mean.subarray(M * actionSize) }
  }

  return (index) => {
    const alpha = candidates[index]!
    const policy = engine.mix(own, peer, alpha) // (4)
    const next = passed(policy)
    const estimate = mixedAdvantage(options.advantageEstimator, samples, before.logProb, next.logProb)
    const kl = gaussianMeanKl(before.stateMean, next.stateMean, K, actionSize, own, policy, offset)
    return { alpha, policy, estimate, kl, reason: reasonOf(options, estimate, kl, c) }
  }
}

function reasonOf(options: CertifiedOptions, estimate: MixedAdvantage, kl: number, c: number): Reason {
  const { mean, standardError, effectiveSampleSize } = estimate
  const scale = 1 / (1 - options.gamma)
  const lowerBound = (mean - options.z * standardError) * scale
  if (!(Number.isFinite(lowerBound) && Number.isFinite(kl) && Number.isFinite(c))) return 'non-finite'
  if (!(effectiveSampleSize >= options.minimumEffectiveSampleSize)) return 'low-effective-sample-size'
  if (!(mean > 0)) return 'non-positive-advantage'
  // Outside the trust region the penalty counts as infinite.
  const penalty = options.test === 'penalty' ? c * kl : kl <= options.klRadius ? 0 : Number.POSITIVE_INFINITY
  return lowerBound > penalty ? 'accepted' : 'below-lower-bound'
}

function equal(a: Vector, b: Vector): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function largest(values: Vector, count: number): number {
  let most = 0
  for (let i = 0; i < count; i++) most = Math.max(most, Math.abs(values[i]!))
  return most
}

function checkOptions(options: CertifiedOptions): void {
  const { gamma, z, klRadius, minimumAlpha, minimumEffectiveSampleSize } = options
  if (!(gamma >= 0 && gamma < 1)) throw new Error(`gamma must be in [0, 1), got ${gamma}`)
  if (!(z >= 0 && Number.isFinite(z))) throw new Error(`z must be finite and not negative, got ${z}`)
  if (!(klRadius > 0)) throw new Error(`klRadius must be positive, got ${klRadius}`)
  if (!(minimumAlpha > 0 && minimumAlpha <= 1)) throw new Error(`minimumAlpha must be in (0, 1], got ${minimumAlpha}`)
  if (!(minimumEffectiveSampleSize >= 0))
    throw new Error(`minimumEffectiveSampleSize must not be negative, got ${minimumEffectiveSampleSize}`)
}

function hasShapes({ engine, own, evidence, states }: CertifiedInput): boolean {
  const { observationSize, actionSize } = engine.architecture
  return (
    own.length === policySize(engine.architecture) &&
    evidence.observations.length >= evidence.count * observationSize &&
    evidence.actions.length >= evidence.count * actionSize &&
    evidence.logProb.length >= evidence.count &&
    evidence.advantage.length >= evidence.count &&
    states.observations.length >= states.count * observationSize
  )
}
