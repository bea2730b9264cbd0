/** m: the length of every car of the scenario. */
export const CAR_LENGTH = 5

/** Who drives ahead of whom on the loop, from the loop coordinates alone; remembers its order, so a step costs one pass. */
export class LoopOrder {
  readonly #order: Int32Array

  constructor(count: number) {
    this.#order = Int32Array.from({ length: count }, (_, i) => i)
  }

  /** Back to the order at the start. */
  reset(): void {
    for (let i = 0; i < this.#order.length; i++) this.#order[i] = i
  }

  /** Fills gap (m, never negative), leader and follower (indices) from `position` (m, in [0, loopLength)). */
  update(
    position: Float64Array,
    loopLength: number,
    gap: Float64Array,
    leader: Int32Array,
    follower: Int32Array,
  ): void {
    const order = this.#order
    const count = order.length
    for (let k = 1; k < count; k++) {
      const car = order[k]!
      let j = k - 1
      for (; j >= 0 && position[order[j]!]! > position[car]!; j--) order[j + 1] = order[j]!
      order[j + 1] = car
    }
    for (let k = 0; k < count; k++) {
      const car = order[k]!
      const ahead = order[(k + 1) % count]!
      leader[car] = ahead
      follower[ahead] = car
      const distance = position[ahead]! - position[car]! + (k + 1 === count ? loopLength : 0)
      gap[car] = Math.max(0, distance - CAR_LENGTH)
    }
  }
}
