import type { Learner } from './core/engine.ts'
import type { RecentSamplesState } from './core/recent-samples.ts'
import type { Evidence } from './core/replay.ts'
import { createRng, type Rng } from './core/rng.ts'
import type { RolloutState } from './core/rollout.ts'
import type { RunningScaleState } from './core/running-stats.ts'

/** Streams beside that of the actor's noise. */
export interface Streams {
  readonly shuffle: Rng
  readonly replay: Rng
  readonly fisher: Rng
}

/** All that a checkpoint keeps, so that a resumed agent continues bit for bit. */
export interface AgentState {
  readonly epoch: number
  readonly updates: number
  readonly samples: number
  readonly policy: Float64Array
  readonly value: Float64Array
  readonly adamStep: number
  readonly adamM: Float64Array
  readonly adamV: Float64Array
  readonly scale: RunningScaleState
  readonly streams: Readonly<Record<keyof Streams | 'explore', number[]>>
  readonly rollout: RolloutState
  /** Samples in the rollout at the end of each of its rounds. */
  readonly rounds: readonly number[]
  readonly replay: readonly Evidence[]
  readonly recent: RecentSamplesState
  readonly held: Held | undefined
}

export interface Held {
  readonly observation: Float32Array
  readonly action: Float32Array
  readonly logProb: number
}

/** One stream per purpose, each from (seed, vehicle, purpose, epoch). */
export function createStreams(seed: number, vehicle: string, epoch: number): Streams {
  return {
    shuffle: createRng(seed, vehicle, 'shuffle', epoch),
    replay: createRng(seed, vehicle, 'replay', epoch),
    fisher: createRng(seed, vehicle, 'fisher', epoch),
  }
}

/** Where the actor's noise starts in an epoch. */
export function initialNoise(seed: number, vehicle: string, epoch: number): number[] {
  return createRng(seed, vehicle, 'explore', epoch).state()
}

/** Throws where the state is of networks of other sizes than the learner's. */
export function checkLearnerState(state: AgentState, { policy, value, adam }: Learner): void {
  expectLength('policy', state.policy, policy.length)
  expectLength('value', state.value, value.length)
  expectLength('adam', state.adamM, adam.m.length)
  expectLength('adam', state.adamV, adam.v.length)
}

function expectLength(name: string, vector: Float64Array, length: number): void {
  if (vector.length !== length) throw new Error(`${name} must hold ${length} values, got ${vector.length}`)
}
