import type { Engine, Learner, Minibatch, PpoOptions } from './core/engine.ts'
import { isFinite32 } from './core/finite.ts'
import type { PpoUpdateOptions } from './core/ppo.ts'
import type { RecentSamples } from './core/recent-samples.ts'
import type { Rollout } from './core/rollout.ts'
import type { RunningScale } from './core/running-stats.ts'

/** Everything that shapes learning, with its meaning in `schemas/config.ts`. */
export interface AgentOptions extends Omit<PpoOptions, 'normalizeAdvantage'> {
  readonly seed: number
  readonly vehicle: string
  readonly initialLogStd: number
  /** Epochs over which the learning rate falls; null: it is constant. */
  readonly annealEpochs: number | null
  readonly ppoEpochs: number
  /** A batch of fewer samples is filled up to this many with the newest older ones. */
  readonly reuseSamples: number
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

/** Adam's step size in an epoch (from 1): falls linearly, to a twentieth at `annealEpochs` and beyond; null: constant. */
function annealed({ learningRate, annealEpochs }: AgentOptions, epoch: number): number {
  if (annealEpochs === null) return learningRate
  return learningRate * Math.max(0.05, 1 - (epoch - 1) / annealEpochs)
}

/** Of the update of an epoch. Advantages are scaled over many rounds, so not by the minibatch; no KL ends it early. */
export function updateOptions(options: AgentOptions, epoch: number): PpoUpdateOptions {
  return {
    clipRange: options.clipRange,
    entropyCoef: options.entropyCoef,
    valueCoef: options.valueCoef,
    maxGradNorm: options.maxGradNorm,
    adamEpsilon: options.adamEpsilon,
    minibatchSize: options.minibatchSize,
    epochs: options.ppoEpochs,
    learningRate: annealed(options, epoch),
    normalizeAdvantage: false,
    targetKl: null,
  }
}

interface BatchOptions {
  readonly engine: Engine
  readonly learner: Learner
  readonly rollout: Rollout
  /** Fills a small batch up. */
  readonly recent: RecentSamples
  /** Takes the advantages of the new samples in. */
  readonly scale: RunningScale
  /** Discount of a decision held so many seconds. */
  readonly discount: (seconds: number) => number
  readonly lambda: number
  /** The oldest samples of the rollout, which are learned from. */
  readonly count: number
}

/** What an update learns from. */
export interface Batches {
  /** The new samples, advantages as they are. */
  readonly fresh: Minibatch
  /** The new samples and, where they are few, older ones; advantages scaled. */
  readonly batch: Minibatch
}

/** Undefined where one of the numbers is not finite. */
export function prepareBatches(options: BatchOptions): Batches | undefined {
  const { rollout, recent, scale, count } = options
  const { observations, actions, logProb } = rollout
  const { advantage, returns } = estimateAdvantages(options)
  // A mixed policy can be finite and yet so large that what it did has no finite log-probability.
  if (!(isFinite32(logProb, count) && isFinite32(actions, count * rollout.actionSize))) return undefined
  // What is not learned from must not set the scale either.
  if (!(isFinite32(advantage, count) && isFinite32(returns, count))) return undefined
  scale.update(advantage, count)
  const fresh = { count, observations, actions, logProb, advantage, returns }
  const filled = recent.fill(fresh)
  const scaled = new Float64Array(filled.count)
  for (let i = 0; i < filled.count; i++) scaled[i] = (filled.advantage[i] as number) / scale.scale
  return isFinite32(scaled, filled.count) ? { fresh, batch: { ...filled, advantage: scaled } } : undefined
}

/** GAE of all samples of the rollout: raw advantages and returns. */
function estimateAdvantages({ engine, learner, rollout, discount, lambda }: BatchOptions): {
  readonly advantage: Float64Array
  readonly returns: Float64Array
} {
  const { count, observations, nextObservations, reward, duration, terminated, truncated } = rollout
  const [value, nextValue] = [new Float64Array(count), new Float64Array(count)]
  const [advantage, returns] = [new Float64Array(count), new Float64Array(count)]
  engine.stateValue(learner.value, observations, count, value)
  engine.stateValue(learner.value, nextObservations, count, nextValue)
  const discounts = duration.slice(0, count).map(discount)
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
