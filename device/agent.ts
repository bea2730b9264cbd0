import type { Outcome } from '../schemas/lock-step.ts'
import {
  type AgentState,
  createStreams,
  type Held,
  initialNoise,
  type LearnerState,
  learnerState,
  restoreLearner,
  type Streams,
} from './agent-state.ts'
import { createLearner } from './core/adam.ts'
import type { Engine, Learner } from './core/engine.ts'
import { discountOverTime } from './core/gae.ts'
import { initialPolicy, initialValue } from './core/parameters.ts'
import { createPpoUpdate } from './core/ppo.ts'
import { RecentSamples } from './core/recent-samples.ts'
import { Replay } from './core/replay.ts'
import { createRng } from './core/rng.ts'
import { Rollout } from './core/rollout.ts'
import { RunningScale } from './core/running-stats.ts'
import { policyHash } from './identity.ts'
import { type AgentOptions, type Learned, type Learning, prepareBatches, timeMean, updateOptions } from './learning.ts'

/** One agent: policy and value, what it has seen, how it acts and learns. Neither clock nor I/O. */
export interface Agent {
  readonly engine: Engine
  readonly learner: Learner
  /** θ as it is sent, hashed and judged; a new array with every change. */
  readonly policy: Float32Array
  /** θ as it was when the last learning began. */
  readonly before: Float32Array
  readonly replay: Replay
  /** `policyHash` of the policy as it is. */
  readonly policyHash: string
  /** PPO updates made. */
  readonly updates: number
  /** Samples closed. */
  readonly samples: number
  /** Streams of the present epoch, one per purpose: one more draw in one moves no other. */
  readonly streams: Streams
  startEpoch(epoch: number): void
  /** Draws an action u for the observation and holds it; returns the float32 action [actionSize]. */
  act(observation: Float32Array): Float32Array
  /** Closes the held action: what it earned per step, for how many seconds, and what it ended in. */
  close(outcome: Outcome, seconds: number, nextObservation: Float32Array): void
  /** Forgets the held action, because something else was driven: what follows is no sample of it. */
  release(): void
  /** Begins a PPO update on the round's samples. Acting goes on meanwhile; a new epoch gives the update up. */
  startLearning(): Learning
  /** A whole update at once. */
  learn(): Learned
  /** Gives up the update in progress, if any. */
  giveUp(): void
  /** Discount of a decision held `seconds`. */
  discount(seconds: number): number
  /** Takes mixed parameters, and the array that holds them: nobody writes to it any more. Adam's moments stay: they scale steps by the gradients of the own data, which a mix does not change. */
  adopt(policy: Float32Array): void
  /** What learning has made so far; copies. */
  learned(): LearnerState
  /** Goes on from an earlier `learned()`, without the update in progress and the samples not learned from yet. */
  goBack(state: LearnerState): void
  state(): AgentState
  /** `before` is needed only where the state was taken between learning and mixing. */
  restore(state: AgentState, before?: Float32Array): void
}

export function createAgent(engine: Engine, options: AgentOptions): Agent {
  const { architecture } = engine
  const { observationSize, actionSize } = architecture
  // All agents start equal: the streams of the initial weights do not know the vehicle.
  const learner = createLearner(
    initialPolicy(architecture, createRng(options.seed, 'initial-policy'), options.initialLogStd),
    initialValue(architecture, createRng(options.seed, 'initial-value')),
  )
  const rollout = new Rollout(observationSize, actionSize)
  const replay = new Replay(observationSize, actionSize, options.replayRounds)
  const recent = new RecentSamples(observationSize, actionSize, options.reuseSamples)
  const scale = new RunningScale(2_000) // samples that it remembers, effectively
  const actor = engine.createActor()
  let [epoch, updates, samples] = [0, 0, 0]
  let streams = createStreams(options.seed, options.vehicle, epoch)
  let held: Held | undefined
  /** Counts up where an update in progress no longer fits what the agent holds. */
  let generation = 0

  const begin = (next: number): void => {
    epoch = next
    generation++
    streams = createStreams(options.seed, options.vehicle, epoch)
    actor.restoreNoise(initialNoise(options.seed, options.vehicle, epoch))
    held = undefined
    rollout.clear()
  }
  let hash: string | undefined
  let policy: Float32Array = new Float32Array(0)
  const policyChanged = (changed: Float32Array = new Float32Array(learner.policy)): void => {
    policy = changed
    actor.load(policy)
    hash = undefined
  }
  policyChanged()
  let before = policy
  begin(0)

  const discount = (seconds: number): number => options.gamma ?? discountOverTime(seconds, options.horizonS)

  const takeBack = (state: LearnerState): void => {
    restoreLearner(learner, scale, state)
    policyChanged()
  }

  function startLearning(): Learning {
    before = policy
    const meanReward = timeMean(rollout, rollout.endRound(), options.gamma === null ? discount : () => 0)
    const trained = rollout.ripe(options.returnRounds)
    if (trained === 0) return { samples: 0, meanReward, givenUp: false, step: () => false }
    const { lambda } = options
    const batches = prepareBatches({ engine, learner, rollout, recent, scale, discount, lambda, count: trained })
    const update =
      batches && createPpoUpdate(engine, learner, batches.batch, updateOptions(options, epoch), streams.shuffle)
    const begun = generation
    let done = false
    return {
      samples: trained,
      meanReward,
      get givenUp() {
        return !done && begun !== generation
      },
      step() {
        if (begun !== generation) return false
        if (update?.step()) return true
        policyChanged()
        // Without a finite value function there is neither an update nor evidence: the samples are dropped.
        if (batches) {
          replay.addRound(batches.fresh)
          recent.add(batches.fresh)
          updates++
        }
        rollout.drop(trained)
        done = true
        generation++
        return false
      },
    }
  }

  return {
    engine,
    learner,
    get policy() {
      return policy
    },
    get before() {
      return before
    },
    replay,
    get policyHash() {
      hash ??= policyHash(policy)
      return hash
    },
    get updates() {
      return updates
    },
    get samples() {
      return samples
    },
    get streams() {
      return streams
    },
    discount,
    startEpoch: begin,
    act(observation) {
      const action = new Float32Array(actionSize)
      const logProb = actor.act(observation, action)
      held = { observation: observation.slice(), action, logProb }
      return action
    },
    close(outcome, seconds, nextObservation) {
      if (!held) return
      const { reward, terminated, truncated } = outcome
      const { observation, action, logProb } = held
      rollout.push({
        observation,
        action,
        logProb,
        // Per-second discounting: ∫ e^(−t/τ) r dt/τ over the hold, so that V is a time average of r for every interval.
        reward: options.gamma === null ? reward * (1 - discount(seconds)) : reward,
        duration: seconds,
        nextObservation,
        terminated,
        truncated,
      })
      samples++
      if (terminated || truncated) held = undefined
    },
    release() {
      held = undefined
      rollout.interrupt()
    },
    startLearning,
    learn() {
      const learning = startLearning()
      while (learning.step());
      return { samples: learning.samples, meanReward: learning.meanReward }
    },
    giveUp() {
      generation++
    },
    adopt(mixed) {
      learner.policy.set(mixed)
      policyChanged(mixed)
    },
    learned: () => learnerState(learner, scale),
    goBack(state) {
      takeBack(state)
      generation++
      held = undefined
      rollout.clear()
    },
    state: () => ({
      epoch,
      updates,
      samples,
      ...learnerState(learner, scale),
      streams: {
        explore: actor.noiseState(),
        shuffle: streams.shuffle.state(),
        replay: streams.replay.state(),
        fisher: streams.fisher.state(),
      },
      rollout: rollout.state(),
      rounds: [...rollout.rounds],
      replay: replay.state(),
      recent: recent.state(),
      held,
    }),
    restore(state, then) {
      takeBack(state)
      begin(state.epoch)
      updates = state.updates
      samples = state.samples
      before = new Float32Array(then ?? policy)
      actor.restoreNoise(state.streams.explore)
      for (const purpose of ['shuffle', 'replay', 'fisher'] as const) streams[purpose].restore(state.streams[purpose])
      rollout.restore(state.rollout)
      rollout.rounds = [...state.rounds]
      replay.restore(state.replay)
      recent.restore(state.recent)
      held = state.held
    },
  }
}
