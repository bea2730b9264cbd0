/**
 * The numeric work of one agent, behind one interface so that the readable float64 reference and faster engines are
 * interchangeable. Batches are row-major: `observations` is [count, observationSize], `actions` [count, actionSize].
 * Parameter vectors are flat, tensors in code-unit order of their names (`parameters.ts`).
 */
export interface Engine {
  /** Name and version of the arithmetic, e.g. `reference/1`: files that depend on its bits carry it. */
  readonly id: string
  readonly architecture: Architecture
  /** Means of the Gaussian policy, written to `out` [count, actionSize]. */
  policyMean(policy: Vector, observations: Vector, count: number, out: Float64Array): void
  /** State values V(s), written to `out` [count]. */
  stateValue(value: Vector, observations: Vector, count: number, out: Float64Array): void
  /** log π(a|s) per row, written to `out` [count]. */
  logProb(policy: Vector, observations: Vector, actions: Vector, count: number, out: Float64Array): void
  /** q = Δᵀ G(θ) Δ of the letter's (6), closed form over actions (estimator `exact`), mean over the rows. */
  fisherExact(policy: Vector, delta: Vector, observations: Vector, count: number): number
  /** q by the letter's (17): mean of (∇log π(a|s) · Δ)² over the rows (estimator `sampled`), without a matrix. */
  fisherSampled(policy: Vector, delta: Vector, observations: Vector, actions: Vector, count: number): number
  /** Mean exact KL(π_from ‖ π_to) over the rows. */
  meanKl(from: Vector, to: Vector, observations: Vector, count: number): number
  /** One PPO minibatch step on policy and value together; changes `learner` in place. */
  ppoStep(learner: Learner, batch: Minibatch, options: PpoOptions): PpoStatistics
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
  readonly adam: AdamState
}

export interface AdamState {
  /** Steps taken. */
  step: number
  /** First moment, [policy.length + value.length]. */
  readonly m: Float64Array
  /** Second moment, [policy.length + value.length]. */
  readonly v: Float64Array
}

/** One minibatch: advantages are used as given unless `normalizeAdvantage`. */
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
