/** Allows a rate on average and bursts of `burstS` seconds of it; times are monotonic ms. */
export class TokenBucket {
  readonly #burstS: number
  #rate = 0
  #tokens = 0
  #lastMs = 0

  constructor(perSecond: number, burstS: number, nowMs: number) {
    this.#burstS = burstS
    this.reset(perSecond, nowMs)
  }

  /** Another rate from now on, with a full bucket. */
  reset(perSecond: number, nowMs: number): void {
    this.#rate = perSecond
    this.#tokens = this.#burstS * perSecond
    this.#lastMs = nowMs
  }

  /** Takes `count` tokens; false, and none taken, where there are fewer. */
  take(count: number, nowMs: number): boolean {
    if (!this.has(count, nowMs)) return false
    this.#tokens -= count
    return true
  }

  /** Whether `count` tokens are there. */
  has(count: number, nowMs: number): boolean {
    this.#tokens = Math.min(this.#burstS * this.#rate, this.#tokens + ((nowMs - this.#lastMs) * this.#rate) / 1000)
    this.#lastMs = nowMs
    return count <= this.#tokens
  }
}
