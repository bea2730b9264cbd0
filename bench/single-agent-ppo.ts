import {
  createLearner,
  createRng,
  gaussianSample,
  generalizedAdvantage,
  initialPolicy,
  initialValue,
  policyLayout,
  ppoUpdate,
  Rollout,
  slotOf,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import type { Decisions } from '../sim-bridge/serve/decisions.ts'

/** What shapes the training; the defaults are those of CleanRL's `ppo_continuous_action.py` but for what is said. */
export interface SingleAgentOptions {
  readonly seed: number
  /** Decisions to train for; a rest that fills no rollout is left out. */
  readonly decisions: number
  /** Steps of the world per decision. */
  readonly decisionSteps: number
  /** Decisions per update. */
  readonly rolloutSize: number
  readonly minibatchSize: number
  readonly updateEpochs: number
  readonly learningRate: number
  readonly gamma: number
  readonly lambda: number
  readonly clipRange: number
  readonly entropyCoef: number
  readonly valueCoef: number
  readonly maxGradNorm: number
  readonly adamEpsilon: number
  /**
   * `kept`: a time limit bootstraps from V of the last observation; `merged`: it counts as a termination, as CleanRL does;
   * `hidden`: the next epoch's first observation follows the last action as if nothing had happened.
   */
  readonly ends: 'kept' | 'merged' | 'hidden'
}

/** The options that both sides of the comparison use: CleanRL's without annealing and without a clipped value loss. */
export const singleAgentDefaults = {
  seed: 1,
  decisions: 200_000,
  decisionSteps: 10,
  rolloutSize: 2048,
  minibatchSize: 64,
  updateEpochs: 10,
  learningRate: 3e-4,
  gamma: 0.99,
  lambda: 0.95,
  clipRange: 0.2,
  entropyCoef: 0,
  valueCoef: 0.5,
  maxGradNorm: 0.5,
  adamEpsilon: 1e-5,
  ends: 'merged',
} as const satisfies SingleAgentOptions

/** One finished epoch of the world. */
export interface Episode {
  /** Decisions made in all when it ended. */
  readonly decision: number
  /** Sum of the rewards. */
  readonly return: number
  readonly length: number
  /** Of all cars over the epoch, m/s. */
  readonly meanSpeed: number
  readonly collisions: number
}

/**
 * PPO on the first agent of a world, the other agents' cars left to their drivers: the learning core with the structure of
 * CleanRL's script (rollouts of a fixed size, advantages normalised per minibatch), so that the two can be compared.
 */
export async function trainSingleAgent(
  world: Decisions,
  options: SingleAgentOptions,
  onEpisode: (episode: Episode) => void,
): Promise<void> {
  const { seed, rolloutSize, decisionSteps } = options
  const observationSize = world.observationNames.length
  const architecture = { observationSize, actionSize: 1, hidden: [64, 64] }
  const engine = createReferenceEngine(architecture)
  const learner = createLearner(
    initialPolicy(architecture, createRng(seed, 'initial-policy'), 0),
    initialValue(architecture, createRng(seed, 'initial-value')),
  )
  const logStdOffset = slotOf(policyLayout(architecture), 'log_std').offset
  const explore = createRng(seed, 'explore')
  const order = createRng(seed, 'shuffle')
  const starts = createRng(seed, 'starts')
  const rollout = new Rollout(observationSize, 1, rolloutSize)
  const actions = new Float64Array(world.agents.length).fill(Number.NaN)
  const mean = new Float64Array(1)
  const action = new Float64Array(1)
  const logProb = new Float64Array(1)
  const update = {
    ...options,
    epochs: options.updateEpochs,
    targetKl: null,
    normalizeAdvantage: true,
  }

  const seen = (): Promise<Float32Array> =>
    world.reset(starts.integer(2 ** 32)).then(({ observations }) => observations.slice(0, observationSize))

  let observation = await seen()
  let sum = 0
  let length = 0
  for (let decision = 1; decision <= options.decisions - (options.decisions % rolloutSize); decision++) {
    engine.policyMean(learner.policy, observation, 1, mean)
    gaussianSample(mean, 1, 1, learner.policy, logStdOffset, explore, action)
    engine.logProb(learner.policy, observation, action, 1, logProb)
    actions[0] = action[0]!
    const { observations, rewards, steps, terminated, truncated, info } = await world.step(actions, decisionSteps)
    const reward = rewards[0]!
    const last = observations.slice(0, observationSize)
    const ended = terminated || truncated
    sum += reward
    length++
    if (ended) onEpisode({ decision, return: sum, length, meanSpeed: info.epochMeanSpeed, collisions: info.collisions })
    const next = ended ? await seen() : last
    rollout.push({
      observation,
      action,
      logProb: logProb[0]!,
      reward,
      duration: steps * world.world.stepLength,
      nextObservation: options.ends === 'hidden' ? next : last,
      terminated: options.ends === 'merged' ? ended : terminated && options.ends === 'kept',
      truncated: truncated && options.ends !== 'hidden',
    })
    if (ended) {
      sum = 0
      length = 0
    }
    observation = next
    if (rollout.count < rolloutSize) continue
    ppoUpdate(engine, learner, batchOf(), update, order)
    rollout.clear()
  }

  function batchOf() {
    const { count, observations, nextObservations, reward, terminated, truncated } = rollout
    const value = new Float64Array(count)
    const nextValue = new Float64Array(count)
    const advantage = new Float64Array(count)
    const returns = new Float64Array(count)
    engine.stateValue(learner.value, observations, count, value)
    engine.stateValue(learner.value, nextObservations, count, nextValue)
    const { gamma: discount, lambda } = options
    generalizedAdvantage(
      { count, reward, value, nextValue, terminated, truncated, discount, lambda },
      advantage,
      returns,
    )
    return { count, observations, actions: rollout.actions, logProb: rollout.logProb, advantage, returns }
  }
}
