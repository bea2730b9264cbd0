import type { Vector } from './engine.ts'
import { drawWithoutReplacement, type Rng } from './rng.ts'

/** Samples that the gate judges a peer on: every row with the log-probability of the policy that chose it. */
export interface Evidence {
  /** Number of rows, the letter's M. */
  readonly count: number
  /** [count, observationSize] */
  readonly observations: Vector
  /** [count, actionSize] */
  readonly actions: Vector
  /** log π*(a|s) of the behaviour policy, stored with the sample and never recomputed. */
  readonly logProb: Vector
  /** Raw GAE advantages, never normalised. */
  readonly advantage: Vector
}

/** States that the Fisher form is averaged over. */
export interface States {
  /** Number of rows, the letter's K. */
  readonly count: number
  /** [count, observationSize] */
  readonly observations: Vector
  /** [count, actionSize]; only the estimator `sampled` needs them. */
  readonly actions?: Vector
}

/** The samples of the last `rounds` rounds of one agent, oldest round first. */
export class Replay {
  readonly observationSize: number
  readonly actionSize: number
  readonly rounds: number
  #blocks: Evidence[] = []
  /** What `newest` gathered last. */
  #newest: Evidence | undefined

  constructor(observationSize: number, actionSize: number, rounds: number) {
    if (!(Number.isInteger(rounds) && rounds >= 1)) throw new Error(`rounds must be an integer from 1, got ${rounds}`)
    this.observationSize = observationSize
    this.actionSize = actionSize
    this.rounds = rounds
  }

  /** Number of samples held. */
  get count(): number {
    return this.#blocks.reduce((sum, block) => sum + block.count, 0)
  }

  /** Copies in the samples of one round, in order of time, and drops the oldest round if there are too many. */
  addRound(round: Evidence): void {
    this.#newest = undefined
    this.#blocks.push(this.#copied(round))
    if (this.#blocks.length > this.rounds) this.#blocks.shift()
  }

  /** `min(draws, count)` samples without replacement, every set equally likely; always the same for the same `rng` state. Where all are taken they stay in order of time. */
  draw(draws: number, rng: Rng): Evidence {
    const total = this.count
    if (draws >= total) return this.newest(total)
    const indices = new Int32Array(total)
    for (let i = 0; i < total; i++) indices[i] = i // `from` with a function took longer than the judgement's arithmetic
    drawWithoutReplacement(indices, total, draws, rng)
    return this.#gather(indices.subarray(0, draws))
  }

  /** The newest `min(states, count)` states, in order of time; the same arrays until a round is added. */
  newest(states: number): Evidence {
    const total = this.count
    const taken = Math.min(states, total)
    if (this.#newest?.count === taken) return this.#newest
    const gathered = this.#empty(taken)
    let left = taken
    for (let b = this.#blocks.length - 1; left > 0; b--) {
      const block = this.#blocks[b]!
      const rows = Math.min(block.count, left)
      left -= rows
      copyRows(block.observations, block.count - rows, gathered.observations, left, rows, this.observationSize)
      copyRows(block.actions, block.count - rows, gathered.actions, left, rows, this.actionSize)
      copyRows(block.logProb, block.count - rows, gathered.logProb, left, rows, 1)
      copyRows(block.advantage, block.count - rows, gathered.advantage, left, rows, 1)
    }
    this.#newest = gathered
    return gathered
  }

  #empty(count: number) {
    return {
      count,
      observations: new Float64Array(count * this.observationSize),
      actions: new Float64Array(count * this.actionSize),
      logProb: new Float64Array(count),
      advantage: new Float64Array(count),
    }
  }

  /** Copies of all rounds, oldest first. */
  state(): Evidence[] {
    return this.#blocks.map((block) => this.#copied(block))
  }

  /** Takes back what `state()` returned. Throws where a column has another size, or there are too many rounds. */
  restore(blocks: readonly Evidence[]): void {
    if (blocks.length > this.rounds) throw new Error(`at most ${this.rounds} rounds fit, got ${blocks.length}`)
    this.#newest = undefined
    this.#blocks = blocks.map((block) => this.#copied(block))
  }

  #gather(indices: Int32Array): Evidence {
    const { observationSize, actionSize } = this
    const count = indices.length
    const gathered = this.#empty(count)
    for (let i = 0; i < count; i++) {
      let row = indices[i]!
      let b = 0
      while (row >= this.#blocks[b]!.count) row -= this.#blocks[b++]!.count
      const block = this.#blocks[b]!
      for (let j = 0; j < observationSize; j++) {
        gathered.observations[i * observationSize + j] = block.observations[row * observationSize + j]!
      }
      for (let j = 0; j < actionSize; j++) gathered.actions[i * actionSize + j] = block.actions[row * actionSize + j]!
      gathered.logProb[i] = block.logProb[row]!
      gathered.advantage[i] = block.advantage[row]!
    }
    return gathered
  }

  #copied({ count, observations, actions, logProb, advantage }: Evidence): Evidence {
    return {
      count,
      observations: leading(observations, count * this.observationSize, 'observations'),
      actions: leading(actions, count * this.actionSize, 'actions'),
      logProb: leading(logProb, count, 'logProb'),
      advantage: leading(advantage, count, 'advantage'),
    }
  }
}

function copyRows(from: Vector, fromRow: number, to: Float64Array, toRow: number, rows: number, width: number): void {
  to.set(from.subarray(fromRow * width, (fromRow + rows) * width), toRow * width)
}

function leading(column: Vector, size: number, name: string): Float64Array {
  if (!(column.length >= size)) throw new Error(`${name} must hold at least ${size} values, got ${column.length}`)
  return Float64Array.from(column.subarray(0, size))
}
