import type { Outcome } from '../schemas/lock-step.ts'
import { type AgentState, createStreams, type Held, type Streams } from './agent-state.ts'
import { createLearner } from './core/adam.ts'
import type { Engine, Learner, PpoOptions } from './core/engine.ts'
import { discountOverTime, generalizedAdvantage } from './core/gae.ts'
import { gaussianSample } from './core/gaussian.ts'
import { initialPolicy, initialValue, policyLayout, slotOf } from './core/parameters.ts'
import { ppoUpdate } from './core/ppo.ts'
import { Replay } from './core/replay.ts'
import { createRng } from './core/rng.ts'
import { Rollout } from './core/rollout.ts'
import { RunningScale } from './core/running-stats.ts'

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

/** One agent: policy and value, what it has seen, how it acts and learns. Neither clock nor I/O. */
export interface Agent {
  readonly engine: Engine
  readonly learner: Learner
  readonly replay: Replay
  /** PPO updates made. */
  readonly updates: number
  /** Samples closed. */
  readonly samples: number
  /** Streams of the present epoch, one per purpose, so that one more draw in one moves no other. */
  readonly streams: Streams
  startEpoch(epoch: number): void
  /** Draws an action u for the observation and holds it; returns the float32 action [actionSize]. */
  act(observation: Float32Array): Float32Array
  /** Closes the held action: what it earned per step, for how many seconds, and what it ended in. */
  close(outcome: Outcome, seconds: number, nextObservation: Float32Array): void
  /** Forgets the held action, because something else was driven: what follows is no sample of it. */
  release(): void
  /** One PPO update on the round's samples; mean reward per second of the round, NaN without samples. */
  learn(): { readonly samples: number; readonly meanReward: number }
  /** Discount of a decision held `seconds`. */
  discount(seconds: number): number
  /** Takes mixed parameters. Adam's moments stay: they scale steps by the gradients of the own data, which a mix does not change. */
  adopt(policy: Float64Array): void
  state(): AgentState
  restore(state: AgentState): void
}

/** Effective number of samples that the running scale of advantages remembers. */
const scaleWindow = 2_000

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
  const scale = new RunningScale(scaleWindow)
  const logStdOffset = slotOf(policyLayout(architecture), 'log_std').offset
  const mean = new Float64Array(actionSize)
  const drawn = new Float64Array(actionSize)
  const logProb = new Float64Array(1)
  let epoch = 0
  let streams = createStreams(options.seed, options.vehicle, epoch)
  /** Samples held at the end of each round that is still in the rollout. */
  let rounds: number[] = []
  let held: Held | undefined
  let updates = 0
  let samples = 0

  const ended = (): boolean => {
    const last = rollout.count - 1
    return last >= 0 && (rollout.terminated[last] === 1 || rollout.truncated[last] === 1)
  }

  /** How many of the oldest samples have rewards of `returnRounds` whole rounds after their own; all at an epoch's end. */
  const ripe = (): number => (ended() ? rollout.count : (rounds.at(-1 - options.returnRounds) ?? 0))

  const discount = (seconds: number): number => options.gamma ?? discountOverTime(seconds, options.horizonS)

  return {
    engine,
    learner,
    replay,
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
    startEpoch(next) {
      epoch = next
      streams = createStreams(options.seed, options.vehicle, epoch)
      held = undefined
      rollout.clear()
      rounds = []
    },
    act(observation) {
      engine.policyMean(learner.policy, observation, 1, mean)
      gaussianSample(mean, 1, actionSize, learner.policy, logStdOffset, streams.explore, drawn)
      const action = Float32Array.from(drawn, (u) => Math.fround(u) + 0)
      engine.logProb(learner.policy, observation, action, 1, logProb)
      held = { observation: observation.slice(), action, logProb: logProb[0] as number }
      return action
    },
    close(outcome, seconds, nextObservation) {
      if (!held) return
      const { reward, terminated, truncated } = outcome
      rollout.push({
        ...held,
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
    learn() {
      const { count } = rollout
      const newest = rounds.at(-1) ?? 0
      rounds.push(count)
      const meanReward = timeMean(rollout, newest, options.gamma === null ? discount : () => 0)
      const trained = ripe()
      if (trained === 0) return { samples: 0, meanReward }
      const value = new Float64Array(count)
      const nextValue = new Float64Array(count)
      engine.stateValue(learner.value, rollout.observations, count, value)
      engine.stateValue(learner.value, rollout.nextObservations, count, nextValue)
      const advantage = new Float64Array(count)
      const returns = new Float64Array(count)
      const { reward, duration, terminated, truncated, observations, actions, logProb: behaviour } = rollout
      const gammas = Float64Array.from(duration.subarray(0, count), discount)
      generalizedAdvantage(
        { count, reward, value, nextValue, terminated, truncated, discount: gammas, lambda: options.lambda },
        advantage,
        returns,
      )
      scale.update(advantage, trained)
      const scaled = advantage.map((a) => a / scale.scale)
      const batch = { count: trained, observations, actions, logProb: behaviour, advantage: scaled, returns }
      const ppo = { ...options, epochs: options.ppoEpochs, normalizeAdvantage: false, targetKl: null }
      ppoUpdate(engine, learner, batch, ppo, streams.shuffle)
      replay.addRound({ count: trained, observations, actions, logProb: behaviour, advantage })
      rollout.drop(trained)
      rounds = rounds.filter((end) => end > trained).map((end) => end - trained)
      updates++
      return { samples: trained, meanReward }
    },
    adopt(policy) {
      learner.policy.set(policy)
    },
    state: () => ({
      epoch,
      updates,
      samples,
      policy: learner.policy.slice(),
      value: learner.value.slice(),
      adamStep: learner.adam.step,
      adamM: learner.adam.m.slice(),
      adamV: learner.adam.v.slice(),
      scale: scale.state(),
      streams: {
        explore: streams.explore.state(),
        shuffle: streams.shuffle.state(),
        replay: streams.replay.state(),
        fisher: streams.fisher.state(),
      },
      rollout: rollout.state(),
      rounds: [...rounds],
      replay: replay.state(),
      held,
    }),
    restore(state) {
      expectLength('policy', state.policy, learner.policy.length)
      expectLength('value', state.value, learner.value.length)
      expectLength('adam', state.adamM, learner.adam.m.length)
      expectLength('adam', state.adamV, learner.adam.v.length)
      epoch = state.epoch
      updates = state.updates
      samples = state.samples
      learner.policy.set(state.policy)
      learner.value.set(state.value)
      learner.adam.step = state.adamStep
      learner.adam.m.set(state.adamM)
      learner.adam.v.set(state.adamV)
      scale.restore(state.scale)
      streams = createStreams(options.seed, options.vehicle, epoch)
      for (const purpose of ['explore', 'shuffle', 'replay', 'fisher'] as const)
        streams[purpose].restore(state.streams[purpose])
      rollout.restore(state.rollout)
      rounds = [...state.rounds]
      replay.restore(state.replay)
      held = state.held
    },
  }
}

/** Mean reward per step, weighted by how long each action was held. */
function timeMean({ count, reward, duration }: Rollout, from: number, discount: (seconds: number) => number): number {
  let sum = 0
  let seconds = 0
  for (let i = from; i < count; i++) {
    const held = duration[i] as number
    sum += ((reward[i] as number) / (1 - discount(held))) * held
    seconds += held
  }
  return sum / seconds
}

function expectLength(name: string, vector: Float64Array, length: number): void {
  if (vector.length !== length) throw new Error(`${name} must hold ${length} values, got ${vector.length}`)
}
