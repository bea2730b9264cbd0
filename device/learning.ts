import type { Engine, Learner, PpoOptions } from './core/engine.ts'
import type { Rollout } from './core/rollout.ts'

/** Everything that shapes learning, with its meaning in `schemas/config.ts`. */
export interface AgentOptions extends Omit<PpoOptions, 'normalizeAdvantage'> {
  readonly seed: number
  readonly vehicle: string
  readonly initialLogStd: number
  readonly ppoEpochs: number
  readonly minibatchSize: number
  /** Discount per decision; null: exp(−Δt / horizonS). */
  readonly gamma: number | null
  readonly horizonS: number
  readonly lambda: number
  readonly replayRounds: number
  /** Whole rounds of rewards that a return holds beyond the sample's own round before the sample is learned from. */
  readonly returnRounds: number
}

export interface Learned {
  /** Samples learned from. */
  readonly samples: number
  /** Mean reward per second of the round, NaN without samples. */
  readonly meanReward: number
}

/** An update in progress. */
export interface Learning extends Learned {
  /** One minibatch step; false once the update is done, or given up. */
  step(): boolean
  /** The update ended without a result: nothing was learned. */
  readonly givenUp: boolean
}

/** GAE of all samples of the rollout: raw advantages and returns. */
export function estimateAdvantages({
  engine,
  learner,
  rollout,
  discount,
  lambda,
}: {
  readonly engine: Engine
  readonly learner: Learner
  readonly rollout: Rollout
  /** Discount of a decision held so many seconds. */
  readonly discount: (seconds: number) => number
  readonly lambda: number
}): { readonly advantage: Float64Array; readonly returns: Float64Array } {
  const { count, observations, nextObservations, reward, duration, terminated, truncated } = rollout
  const [value, nextValue] = [new Float64Array(count), new Float64Array(count)]
  const [advantage, returns] = [new Float64Array(count), new Float64Array(count)]
  engine.stateValue(learner.value, observations, count, value)
  engine.stateValue(learner.value, nextObservations, count, nextValue)
  const discounts = Float64Array.from(duration.subarray(0, count), discount)
  const transitions = { count, reward, value, nextValue, terminated, truncated, discount: discounts, lambda }
  engine.generalizedAdvantage(transitions, advantage, returns)
  return { advantage, returns }
}

/** Mean reward per step, weighted by how long each action was held. */
export function timeMean(
  { count, reward, duration }: Rollout,
  from: number,
  discount: (seconds: number) => number,
): number {
  let sum = 0
  let seconds = 0
  for (let i = from; i < count; i++) {
    const held = duration[i] as number
    sum += ((reward[i] as number) / (1 - discount(held))) * held
    seconds += held
  }
  return sum / seconds
}
