/** The newest `capacity` items, oldest first when read; older ones are forgotten. */
export class Ring<T> {
  readonly #items: T[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#items.length
  }

  push(item: T): void {
    if (this.#items.length < this.#capacity) this.#items.push(item)
    else this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The i-th item, 0 the oldest; negative counts from the newest, as `Array.at`. */
  at(i: number): T | undefined {
    const { length } = this.#items
    const index = i < 0 ? length + i : i
    if (index < 0 || index >= length) return undefined
    return this.#items[length < this.#capacity ? index : (this.#next + index) % length]
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.#items.length; i++) yield this.at(i) as T
  }
}

/** The newest points of a curve, in two flat arrays. */
export class Series {
  readonly #times: Float64Array
  readonly #values: Float64Array
  #length = 0
  #next = 0

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity)
    this.#values = new Float64Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  push(time: number, value: number): void {
    this.#times[this.#next] = time
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % this.#times.length
    this.#length = Math.min(this.#length + 1, this.#times.length)
  }

  get last(): number | undefined {
    return this.#length === 0 ? undefined : this.#values[(this.#next + this.#times.length - 1) % this.#times.length]
  }

  /** Times and values in order of arrival, as new arrays. */
  points(): { readonly times: number[]; readonly values: number[] } {
    const start = this.#length < this.#times.length ? 0 : this.#next
    const times: number[] = []
    const values: number[] = []
    for (let i = 0; i < this.#length; i++) {
      const at = (start + i) % this.#times.length
      times.push(this.#times[at] as number)
      values.push(this.#values[at] as number)
    }
    return { times, values }
  }
}
