/** A span of time in which returns of the whole fleet are put together, ms. */
const binMs = 5_000
/** Returns of one bin that are looked at; of more, a fair sample. */
const maxOfBin = 2_048
/** Bins kept: an hour. */
const maxBins = 720

/** What the middle of a fleet drives: deciles and median of all returns of a span of time. */
export interface ReturnBin {
  /** Middle of the span, ms. */
  readonly atMs: number
  readonly low: number
  readonly median: number
  readonly high: number
}

/** Quantiles of a fleet's returns over time, so that a thousand curves need not be drawn. */
export class FleetReturns {
  readonly bins: ReturnBin[] = []
  #bin = 0
  #values: number[] = []
  #seen = 0

  push(nowMs: number, value: number): void {
    this.close(nowMs)
    this.#seen++
    if (this.#values.length < maxOfBin) this.#values.push(value)
    // Every n-th in the place of an earlier one: fair enough for quantiles, and needs no chance.
    else this.#values[(this.#seen * 7_919) % maxOfBin] = value
  }

  /** Ends the present bin where its time is over. */
  close(nowMs: number): void {
    const bin = Math.floor(nowMs / binMs)
    if (bin === this.#bin) return
    if (this.#values.length > 0) {
      const sorted = Float64Array.from(this.#values).sort()
      const [low, median, high] = [0.1, 0.5, 0.9].map((share) => quantile(sorted, share))
      this.bins.push({ atMs: (this.#bin + 0.5) * binMs, low: low!, median: median!, high: high! })
      if (this.bins.length > maxBins) this.bins.shift()
    }
    this.#bin = bin
    this.#values = []
    this.#seen = 0
  }
}

/** Linear between the two nearest of sorted values. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.min(sorted.length - 1, below + 1)] ?? low
  return low + (at - below) * (high - low)
}
