import type { Vector } from './engine.ts'

/** One held action of one agent: from the observation it was chosen on to the one it ended in. */
export interface Sample {
  readonly observation: Vector
  readonly action: Vector
  /** log π(a|s) of the policy that chose the action. */
  readonly logProb: number
  /** Over the whole hold, as the scenario defines it. */
  readonly reward: number
  /** Seconds the action was held. */
  readonly duration: number
  readonly nextObservation: Vector
  /** The world ended: nothing follows. */
  readonly terminated: boolean
  /** A time limit cut the hold: V(nextObservation) stands for what would have followed. */
  readonly truncated: boolean
}

/** What a checkpoint keeps of a `Rollout`; plain copies. */
export interface RolloutState {
  readonly count: number
  readonly observations: Float64Array
  readonly actions: Float64Array
  readonly logProb: Float64Array
  readonly reward: Float64Array
  readonly duration: Float64Array
  readonly nextObservations: Float64Array
  readonly terminated: Uint8Array
  readonly truncated: Uint8Array
}

/**
 * The samples of one round in order of time, as columns that grow; only the first `count` rows hold samples. −0 becomes +0
 * in observations and actions.
 */
export class Rollout {
  readonly observationSize: number
  readonly actionSize: number
  count = 0
  /** Samples held at the end of each round that is still held, the oldest first. */
  rounds: number[] = []
  observations: Float64Array
  actions: Float64Array
  logProb: Float64Array
  reward: Float64Array
  duration: Float64Array
  nextObservations: Float64Array
  terminated: Uint8Array
  truncated: Uint8Array

  constructor(observationSize: number, actionSize: number, capacity = 64) {
    if (!(capacity >= 1)) throw new Error(`capacity must be at least 1, got ${capacity}`)
    this.observationSize = observationSize
    this.actionSize = actionSize
    this.observations = new Float64Array(capacity * observationSize)
    this.actions = new Float64Array(capacity * actionSize)
    this.logProb = new Float64Array(capacity)
    this.reward = new Float64Array(capacity)
    this.duration = new Float64Array(capacity)
    this.nextObservations = new Float64Array(capacity * observationSize)
    this.terminated = new Uint8Array(capacity)
    this.truncated = new Uint8Array(capacity)
  }

  /** Appends one sample. Throws where the observation or action has another size. */
  push(sample: Sample): void {
    const { observationSize, actionSize, count } = this
    expectSize('observation', sample.observation, observationSize)
    expectSize('nextObservation', sample.nextObservation, observationSize)
    expectSize('action', sample.action, actionSize)
    if (count === this.logProb.length) this.#grow()
    copyRow(sample.observation, this.observations, count)
    copyRow(sample.nextObservation, this.nextObservations, count)
    copyRow(sample.action, this.actions, count)
    this.logProb[count] = sample.logProb
    this.reward[count] = sample.reward
    this.duration[count] = sample.duration
    this.terminated[count] = sample.terminated ? 1 : 0
    this.truncated[count] = sample.truncated ? 1 : 0
    this.count = count + 1
  }

  /** What comes next does not follow on the last sample: its hold counts as truncated. */
  interrupt(): void {
    if (this.count > 0) this.truncated[this.count - 1] = 1
  }

  /** A round ends here. Returns where it began. */
  endRound(): number {
    const began = this.rounds.at(-1) ?? 0
    this.rounds.push(this.count)
    return began
  }

  /** How many of the oldest samples have rewards of `later` whole rounds after their own; all at an epoch's end. */
  ripe(later: number): number {
    const last = this.count - 1
    if (this.terminated[last] === 1 || this.truncated[last] === 1) return this.count
    return this.rounds.at(-1 - later) ?? 0
  }

  /** Forgets all samples, keeps the memory. */
  clear(): void {
    this.count = 0
    this.rounds = []
  }

  /** Forgets the oldest `rows` samples. */
  drop(rows: number): void {
    const kept = this.count - rows
    if (!(kept >= 0)) throw new Error(`at most ${this.count} samples can be dropped, got ${rows}`)
    shift(this.observations, rows, kept, this.observationSize)
    shift(this.actions, rows, kept, this.actionSize)
    shift(this.logProb, rows, kept, 1)
    shift(this.reward, rows, kept, 1)
    shift(this.duration, rows, kept, 1)
    shift(this.nextObservations, rows, kept, this.observationSize)
    shift(this.terminated, rows, kept, 1)
    shift(this.truncated, rows, kept, 1)
    this.count = kept
    this.rounds = this.rounds.filter((end) => end > rows).map((end) => end - rows)
  }

  state(): RolloutState {
    const { count, observationSize, actionSize } = this
    return {
      count,
      observations: this.observations.slice(0, count * observationSize),
      actions: this.actions.slice(0, count * actionSize),
      logProb: this.logProb.slice(0, count),
      reward: this.reward.slice(0, count),
      duration: this.duration.slice(0, count),
      nextObservations: this.nextObservations.slice(0, count * observationSize),
      terminated: this.terminated.slice(0, count),
      truncated: this.truncated.slice(0, count),
    }
  }

  /** Takes back what `state()` returned. Throws where a column does not hold `count` rows of this rollout's sizes. */
  restore(state: RolloutState): void {
    const { count } = state
    expectSize('observations', state.observations, count * this.observationSize)
    expectSize('nextObservations', state.nextObservations, count * this.observationSize)
    expectSize('actions', state.actions, count * this.actionSize)
    expectSize('logProb', state.logProb, count)
    expectSize('reward', state.reward, count)
    expectSize('duration', state.duration, count)
    expectSize('terminated', state.terminated, count)
    expectSize('truncated', state.truncated, count)
    while (this.logProb.length < count) this.#grow()
    this.observations.set(state.observations)
    this.nextObservations.set(state.nextObservations)
    this.actions.set(state.actions)
    this.logProb.set(state.logProb)
    this.reward.set(state.reward)
    this.duration.set(state.duration)
    this.terminated.set(state.terminated)
    this.truncated.set(state.truncated)
    this.count = count
  }

  #grow(): void {
    this.observations = doubled(this.observations)
    this.actions = doubled(this.actions)
    this.logProb = doubled(this.logProb)
    this.reward = doubled(this.reward)
    this.duration = doubled(this.duration)
    this.nextObservations = doubled(this.nextObservations)
    this.terminated = doubledFlags(this.terminated)
    this.truncated = doubledFlags(this.truncated)
  }
}

function copyRow(from: Vector, to: Float64Array, row: number): void {
  for (let i = 0, o = row * from.length; i < from.length; i++, o++) to[o] = from[i]! + 0
}

function shift(column: Float64Array | Uint8Array, rows: number, kept: number, width: number): void {
  column.copyWithin(0, rows * width, (rows + kept) * width)
}

function doubled(column: Float64Array): Float64Array {
  const larger = new Float64Array(2 * column.length)
  larger.set(column)
  return larger
}

function doubledFlags(column: Uint8Array): Uint8Array {
  const larger = new Uint8Array(2 * column.length)
  larger.set(column)
  return larger
}

function expectSize(name: string, column: ArrayLike<number>, size: number): void {
  if (column.length !== size) throw new Error(`${name} must hold ${size} values, got ${column.length}`)
}
