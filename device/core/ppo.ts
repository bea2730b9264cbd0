import type { Engine, Learner, Minibatch, PpoOptions, PpoStatistics, Vector } from './engine.ts'
import { roundToFloat32 } from './parameters.ts'
import { type Rng, shuffle } from './rng.ts'

export interface PpoUpdateOptions extends PpoOptions {
  /** Passes over the rollout. */
  readonly epochs: number
  /** Largest minibatch; the rollout is split into parts as equal as possible. */
  readonly minibatchSize: number
  /** Stops after an epoch whose mean approxKl exceeds it; null never stops. */
  readonly targetKl: number | null
}

/** Means over the minibatches of the last epoch. */
export interface PpoUpdateStatistics extends PpoStatistics {
  /** Epochs run. */
  readonly epochs: number
  /** Minibatch steps taken. */
  readonly steps: number
}

/**
 * One PPO update (Schulman et al. 2017) over all rows of `batch`, in an order drawn from `rng`; changes `learner` in place
 * and rounds both of its vectors to float32 at the end. A batch without rows changes nothing and gives NaN statistics.
 */
export function ppoUpdate(
  engine: Engine,
  learner: Learner,
  batch: Minibatch,
  options: PpoUpdateOptions,
  rng: Rng,
): PpoUpdateStatistics {
  const { count } = batch
  const parts = Math.ceil(count / options.minibatchSize)
  const order = Int32Array.from({ length: count }, (_, i) => i)
  const part = createMinibatch(Math.ceil(count / Math.max(parts, 1)), engine)
  let last = meanOf([])
  let epochs = 0
  while (epochs < options.epochs && count > 0) {
    shuffle(order, count, rng)
    const steps: PpoStatistics[] = []
    for (let p = 0; p < parts; p++) {
      const start = Math.floor((p * count) / parts)
      const end = Math.floor(((p + 1) * count) / parts)
      gather(batch, order.subarray(start, end), part, engine)
      steps.push(engine.ppoStep(learner, { ...part, count: end - start }, options))
    }
    epochs += 1
    last = meanOf(steps)
    if (options.targetKl !== null && !(last.approxKl <= options.targetKl)) break
  }
  if (epochs > 0) {
    roundToFloat32(learner.policy)
    roundToFloat32(learner.value)
  }
  return { ...last, epochs, steps: epochs * parts }
}

/** 1 − Var(R − V) / Var(R) over the first `count` rows; NaN where the returns do not vary. */
export function explainedVariance(value: Vector, returns: Vector, count: number): number {
  let meanReturn = 0
  let meanError = 0
  for (let i = 0; i < count; i++) {
    meanReturn += returns[i]! / count
    meanError += (returns[i]! - value[i]!) / count
  }
  let returnSquares = 0
  let errorSquares = 0
  for (let i = 0; i < count; i++) {
    const r = returns[i]! - meanReturn
    const e = returns[i]! - value[i]! - meanError
    returnSquares += r * r
    errorSquares += e * e
  }
  return returnSquares > 0 ? 1 - errorSquares / returnSquares : Number.NaN
}

interface Part {
  readonly observations: Float64Array
  readonly actions: Float64Array
  readonly logProb: Float64Array
  readonly advantage: Float64Array
  readonly returns: Float64Array
}

function createMinibatch(rows: number, { architecture }: Engine): Part {
  return {
    observations: new Float64Array(rows * architecture.observationSize),
    actions: new Float64Array(rows * architecture.actionSize),
    logProb: new Float64Array(rows),
    advantage: new Float64Array(rows),
    returns: new Float64Array(rows),
  }
}

function gather(from: Minibatch, rows: Int32Array, to: Part, { architecture }: Engine): void {
  gatherRows(from.observations, rows, architecture.observationSize, to.observations)
  gatherRows(from.actions, rows, architecture.actionSize, to.actions)
  gatherRows(from.logProb, rows, 1, to.logProb)
  gatherRows(from.advantage, rows, 1, to.advantage)
  gatherRows(from.returns, rows, 1, to.returns)
}

function gatherRows(from: Vector, rows: Int32Array, width: number, to: Float64Array): void {
  for (let i = 0, o = 0; i < rows.length; i++) {
    const start = rows[i]! * width
    for (let j = 0; j < width; j++, o++) to[o] = from[start + j]!
  }
}

function meanOf(steps: readonly PpoStatistics[]): PpoStatistics {
  const mean = (pick: (step: PpoStatistics) => number) =>
    steps.reduce((sum, step) => sum + pick(step), 0) / steps.length
  return {
    policyLoss: mean((step) => step.policyLoss),
    valueLoss: mean((step) => step.valueLoss),
    entropy: mean((step) => step.entropy),
    loss: mean((step) => step.loss),
    gradNorm: mean((step) => step.gradNorm),
    approxKl: mean((step) => step.approxKl),
    clipFraction: mean((step) => step.clipFraction),
  }
}
