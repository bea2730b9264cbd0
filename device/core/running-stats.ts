import type { Vector } from './engine.ts'

/** What a checkpoint keeps of a `RunningScale`. */
export interface RunningScaleState {
  readonly weight: number
  readonly sumOfSquares: number
}

/**
 * A running root mean square, without centring: dividing advantages by it keeps their sign, which the z-score of a batch
 * of two would not.
 */
export class RunningScale {
  readonly #window: number
  #weight = 0
  #sumOfSquares = 0

  /** `window`: effective number of samples remembered; older ones fade geometrically. Default: all count alike. */
  constructor(window = Number.POSITIVE_INFINITY) {
    if (!(window >= 1)) throw new Error(`window must be at least 1, got ${window}`)
    this.#window = window
  }

  /** Takes in the first `count` values; one that is not finite is left out. */
  update(values: Vector, count: number): void {
    for (let i = 0; i < count; i++) {
      const square = values[i]! * values[i]!
      if (!(square < Number.POSITIVE_INFINITY)) continue
      this.#weight += 1
      this.#sumOfSquares += square
      if (this.#weight > this.#window) {
        this.#sumOfSquares *= this.#window / this.#weight
        this.#weight = this.#window
      }
    }
  }

  /** Root mean square so far; 1 while there is nothing but zeros, so that it is always safe to divide by. */
  get scale(): number {
    const scale = Math.sqrt(this.#sumOfSquares / this.#weight)
    return scale > 1e-8 && scale < Number.POSITIVE_INFINITY ? scale : 1
  }

  state(): RunningScaleState {
    return { weight: this.#weight, sumOfSquares: this.#sumOfSquares }
  }

  /** Throws where the state can't have come from `state()`. */
  restore({ weight, sumOfSquares }: RunningScaleState): void {
    if (!(weight >= 0 && weight <= this.#window))
      throw new Error(`weight must be in [0, ${this.#window}], got ${weight}`)
    if (!(sumOfSquares >= 0 && sumOfSquares < Number.POSITIVE_INFINITY))
      throw new Error(`sumOfSquares must be finite and not negative, got ${sumOfSquares}`)
    this.#weight = weight
    this.#sumOfSquares = sumOfSquares
  }
}
