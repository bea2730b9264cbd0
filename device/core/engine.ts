import type { GaeInput } from './gae.ts'

/**
 * The numeric work of one agent, behind one interface so that the readable float64 reference and faster engines are
 * interchangeable. Batches are row-major: `observations` is [count, observationSize], `actions` [count, actionSize].
 * Parameter vectors are flat, tensors in code-unit order of their names (`parameters.ts`). A parameter, observation or
 * sample that is not finite as float32 is refused: RangeError with its name, index and value.
 */
export interface Engine {
  /** Name and version of the arithmetic, e.g. `reference/1`: files that depend on its bits carry it. */
  readonly id: string
  readonly architecture: Architecture
  /** Something that acts, with a policy and a noise generator of its own. */
  createActor(): Actor
  /** Means of the Gaussian policy, written to `out` [count, actionSize]. */
  policyMean(policy: Vector, observations: Vector, count: number, out: Float64Array): void
  /** State values V(s), written to `out` [count]. */
  stateValue(value: Vector, observations: Vector, count: number, out: Float64Array): void
  /** log π(a|s) per row, written to `out` [count]. */
  logProb(policy: Vector, observations: Vector, actions: Vector, count: number, out: Float64Array): void
  /** q = Δᵀ G(θ) Δ of the letter's (6) with Δ = towards − θ, closed form over actions (estimator `exact`), mean over the rows. */
  fisherExact(policy: Vector, towards: Vector, observations: Vector, count: number): number
  /** q by the letter's (17): mean of (∇log π(a|s) · Δ)² over the rows (estimator `sampled`), without a matrix. */
  fisherSampled(policy: Vector, towards: Vector, observations: Vector, actions: Vector, count: number): number
  /** Mixing rule (4), with the bits of `mix` (`mix.ts`) on every engine. */
  mix(own: Vector, peer: Vector, alpha: number): Float32Array
  /** Mean exact KL(π_from ‖ π_to) over the rows. */
  meanKl(from: Vector, to: Vector, observations: Vector, count: number): number
  /** The same from the own policy to its mix (4) with a peer, before that is rounded to float32. */
  mixKl(own: Vector, peer: Vector, alpha: number, observations: Vector, count: number): number
  /** GAE(λ), the same bits on every engine: see `gae.ts`. */
  generalizedAdvantage(input: GaeInput, advantage: Float64Array, returns: Float64Array): void
  /** Begins a PPO update of `learner` with samples of `batch`, both copied; it may end the update begun before. */
  startUpdate(learner: Learner, batch: Minibatch, options: PpoOptions): EngineUpdate
}

/** Acts by a policy that it keeps, so that a control tick costs one forward pass of one row. */
export interface Actor {
  /** Copies in θ. */
  load(policy: Vector): void
  /** Draws a ~ π(·|s) for one observation; writes it as float32, −0 as +0, to `action` and returns its log π(a|s). */
  act(observation: Vector, action: Float32Array): number
  /** The generator of the noise, as `Rng.state()`. */
  noiseState(): number[]
  restoreNoise(state: readonly number[]): void
}

/**
 * An update in progress. The learner stays as it is until `finish`, so that acting goes on with the old policy and an
 * update that is given up leaves no trace.
 */
export interface EngineUpdate {
  /**
   * One PPO minibatch step on these rows of the batch. Where the gradient is not finite nothing is changed. Throws where
   * a row is outside the batch.
   */
  step(rows: Int32Array): PpoStatistics
  /** Writes parameters and Adam's state back to the learner; the session is over. */
  finish(): void
}

export type Vector = Float32Array | Float64Array

/** Sizes of the two separate tanh networks (policy mean and value) that share the hidden sizes. */
export interface Architecture {
  readonly observationSize: number
  readonly actionSize: number
  readonly hidden: readonly number[]
}

/** What learning changes: both parameter vectors and Adam's state over their concatenation (policy first). */
export interface Learner {
  /** θ: policy network and `log_std`. */
  readonly policy: Float64Array
  /** The value network; it stays private. */
  readonly value: Float64Array
  /** An engine may put one in its place that computes the moments when they are read. */
  adam: AdamState
}

export interface AdamState {
  /** Steps taken. */
  step: number
  /** First moment, [policy.length + value.length]. */
  readonly m: Float64Array
  /** Second moment, [policy.length + value.length]. */
  readonly v: Float64Array
}

/** Samples for PPO: advantages are used as given unless `normalizeAdvantage`. */
export interface Minibatch {
  readonly count: number
  readonly observations: Vector
  readonly actions: Vector
  /** log π*(a|s) of the behaviour policy. */
  readonly logProb: Vector
  readonly advantage: Vector
  /** Target of the value network. */
  readonly returns: Vector
}

export interface PpoOptions {
  readonly learningRate: number
  readonly clipRange: number
  readonly entropyCoef: number
  readonly valueCoef: number
  readonly maxGradNorm: number
  readonly adamEpsilon: number
  /** Â = (A − mean)/(unbiased std + 1e-8) within the minibatch (CleanRL); off where a running scale is used. */
  readonly normalizeAdvantage: boolean
}

export interface PpoStatistics {
  readonly policyLoss: number
  /** ½(V − R)², mean. */
  readonly valueLoss: number
  readonly entropy: number
  readonly loss: number
  /** Before clipping. */
  readonly gradNorm: number
  /** mean((ratio − 1) − log ratio). */
  readonly approxKl: number
  /** Share of samples with |ratio − 1| > clipRange. */
  readonly clipFraction: number
}
