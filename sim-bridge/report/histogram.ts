/**
 * Counts times in bins that never grow in number: exact to 1 µs up to 128 µs, to 1/64 of the value beyond, up to 71 minutes
 * (the layout of HdrHistogram, Tene 2012). About 14 kB each, however long a run lasts.
 */
export class Histogram {
  readonly #bins = new Float64Array(subBins * (highestExponent + 2))
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  /** Adds one time in ms; what is negative or not a number counts as 0. */
  record(ms: number): void {
    const time = ms > 0 ? ms : 0
    this.#count++
    this.#sum += time
    if (time < this.#min) this.#min = time
    if (time > this.#max) this.#max = time
    this.#bins[binOf(time)]!++
  }

  get count(): number {
    return this.#count
  }

  /** Smallest, mean and largest time, ms; NaN where there is none. */
  get min(): number {
    return this.#count > 0 ? this.#min : Number.NaN
  }

  get mean(): number {
    return this.#count > 0 ? this.#sum / this.#count : Number.NaN
  }

  get max(): number {
    return this.#count > 0 ? this.#max : Number.NaN
  }

  /** The time that the share `q` in (0, 1] of all did not exceed (nearest rank), ms: the upper edge of its bin, at most `max`. */
  quantile(q: number): number {
    let left = Math.ceil(q * this.#count)
    for (let bin = 0; bin < this.#bins.length; bin++) {
      left -= this.#bins[bin]!
      if (left <= 0 && this.#count > 0) return Math.min(this.#max, upperEdge(bin) / 1_000)
    }
    return Number.NaN
  }

  /** How many times were at most `ms`, to the resolution of the bins. */
  countUpTo(ms: number): number {
    let count = 0
    for (let bin = 0; bin < this.#bins.length && upperEdge(bin) <= ms * 1_000; bin++) count += this.#bins[bin]!
    return count
  }
}

const subBins = 64
const highestExponent = 25

function binOf(ms: number): number {
  const us = Math.min(4294967295, Math.ceil(ms * 1_000)) >>> 0
  const exponent = Math.max(0, 25 - Math.clz32(us))
  return subBins * exponent + (us >>> exponent)
}

/** Largest time of a bin, µs. */
function upperEdge(bin: number): number {
  if (bin < 2 * subBins) return bin
  const exponent = Math.floor(bin / subBins) - 1
  return (bin - subBins * exponent + 1) * 2 ** exponent - 1
}
