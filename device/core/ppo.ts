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

/** An update that is taken step by step, so that control ticks find room between its minibatches. */
export interface PpoUpdate {
  /** One minibatch step; false once the last one is done and the learner holds the result. */
  step(): boolean
  /** Means over the minibatches of the last whole epoch so far; NaN before. */
  readonly statistics: PpoUpdateStatistics
}

/**
 * One PPO update (Schulman et al. 2017) over all rows of `batch`, in an order drawn from `rng`. The learner changes with
 * the last step, where both of its vectors are rounded to float32. A batch without rows changes nothing and gives NaN.
 */
export function createPpoUpdate(
  engine: Engine,
  learner: Learner,
  batch: Minibatch,
  options: PpoUpdateOptions,
  rng: Rng,
): PpoUpdate {
  const { count } = batch
  const parts = Math.ceil(count / options.minibatchSize)
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  const session = engine.startUpdate(learner, batch, options)
  let part = 0
  let epochs = 0
  let steps: PpoStatistics[] = []
  let last = meanOf([])
  let over = !(count > 0 && options.epochs > 0)

  return {
    step() {
      if (over) return false
      if (part === 0) shuffle(order, count, rng)
      const start = Math.floor((part * count) / parts)
      const end = Math.floor(((part + 1) * count) / parts)
      steps.push(session.step(order.subarray(start, end)))
      part += 1
      if (part < parts) return true
      part = 0
      epochs += 1
      last = meanOf(steps)
      steps = []
      over = epochs >= options.epochs || (options.targetKl !== null && !(last.approxKl <= options.targetKl))
      if (!over) return true
      session.finish()
      roundToFloat32(learner.policy)
      roundToFloat32(learner.value)
      return false
    },
    get statistics() {
      return { ...last, epochs, steps: epochs * parts }
    },
  }
}

/** A whole update at once; see `createPpoUpdate`. */
export function ppoUpdate(
  engine: Engine,
  learner: Learner,
  batch: Minibatch,
  options: PpoUpdateOptions,
  rng: Rng,
): PpoUpdateStatistics {
  const update = createPpoUpdate(engine, learner, batch, options, rng)
  while (update.step());
  return update.statistics
}

/** One step on all rows of the batch at once, not rounded; changes `learner` in place. */
export function ppoStep(engine: Engine, learner: Learner, batch: Minibatch, options: PpoOptions): PpoStatistics {
  const update = engine.startUpdate(learner, batch, options)
  const statistics = update.step(Int32Array.from({ length: batch.count }, (_, i) => i))
  update.finish()
  return statistics
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
