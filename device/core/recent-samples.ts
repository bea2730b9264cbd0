import type { Minibatch, Vector } from './engine.ts'

const columns = ['observations', 'actions', 'logProb', 'advantage', 'returns'] as const
type Column = (typeof columns)[number]

/** A copy of samples; what a checkpoint keeps. */
export interface RecentSamplesState extends Readonly<Record<Column, Float64Array>> {
  readonly count: number
}

/**
 * The newest `capacity` samples that were learned from, so that an agent whose rounds are short learns from more than a
 * handful at a time: PPO's ratio is taken against the policy that chose each action, however old (Queeney et al. 2021,
 * "Generalized Proximal Policy Optimization with Sample Reuse", arXiv:2111.00072).
 */
export class RecentSamples {
  readonly capacity: number
  readonly #width: Readonly<Record<Column, number>>
  #held: RecentSamplesState

  constructor(observationSize: number, actionSize: number, capacity: number) {
    if (!(Number.isInteger(capacity) && capacity >= 0))
      throw new Error(`capacity must be an integer from 0, got ${capacity}`)
    this.capacity = capacity
    this.#width = { observations: observationSize, actions: actionSize, logProb: 1, advantage: 1, returns: 1 }
    this.#held = this.#columns(0, () => new Float64Array(0))
  }

  /** `batch` after the newest held samples that it takes to reach `capacity` rows; itself where it has as many. */
  fill(batch: Minibatch): Minibatch {
    return this.#filled(batch) ?? batch
  }

  /** Copies the samples in and drops the oldest beyond `capacity`. */
  add(batch: Minibatch): void {
    const kept = Math.min(this.capacity, batch.count)
    this.#held =
      this.#filled(batch) ?? this.#columns(kept, (name, width) => last(batch[name], batch.count * width, kept * width))
  }

  #filled(batch: Minibatch): RecentSamplesState | undefined {
    const held = this.#held
    const older = Math.min(held.count, Math.max(0, this.capacity - batch.count))
    if (older === 0) return undefined
    return this.#columns(older + batch.count, (name, width) => {
      const rows = new Float64Array((older + batch.count) * width)
      rows.set(held[name].subarray((held.count - older) * width))
      rows.set(batch[name].subarray(0, batch.count * width), older * width)
      return rows
    })
  }

  /** A copy of all samples held, oldest first. */
  state(): RecentSamplesState {
    const held = this.#held
    return this.#columns(held.count, (name) => held[name].slice())
  }

  /** Takes back what `state()` returned, the newest where more are given than fit. Throws where a column has another size. */
  restore(state: RecentSamplesState): void {
    for (const name of columns) {
      const size = state.count * this.#width[name]
      if (state[name].length !== size) throw new Error(`${name} must hold ${size} values, got ${state[name].length}`)
    }
    this.#held = this.#columns(0, () => new Float64Array(0))
    this.add(state)
  }

  #columns(count: number, column: (name: Column, width: number) => Float64Array): RecentSamplesState {
    const found = (name: Column): Float64Array => column(name, this.#width[name])
    return {
      count,
      observations: found('observations'),
      actions: found('actions'),
      logProb: found('logProb'),
      advantage: found('advantage'),
      returns: found('returns'),
    }
  }
}

function last(rows: Vector, size: number, kept: number): Float64Array {
  return new Float64Array(rows.subarray(size - kept, size))
}
