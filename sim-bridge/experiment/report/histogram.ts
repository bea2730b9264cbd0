import { quantileOf } from '../statistics/bootstrap.ts'

/** Counts of values in equal bins of [low, high]. */
export interface HistogramCounts {
  readonly low: number
  readonly high: number
  readonly bins: readonly number[]
  /** Values over `high`. */
  readonly above: number
  readonly count: number
  /** NaN without values. */
  readonly quartiles: readonly [lower: number, median: number, upper: number]
}

/** Bins `values`; below `low` counts in the first bin, a value of `high` itself in the last one. */
export function histogramOf(values: readonly number[], low: number, high: number, bins: number): HistogramCounts {
  const counts = new Array<number>(bins).fill(0)
  let above = 0
  for (const value of values) {
    if (value > high) above++
    else {
      const bin = Math.min(bins - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * bins)))
      counts[bin] = counts[bin]! + 1
    }
  }
  const sorted = Float64Array.from(values).sort()
  const quartiles = [0.25, 0.5, 0.75].map((q) => quantileOf(sorted, q))
  return {
    low,
    high,
    bins: counts,
    above,
    count: values.length,
    quartiles: [quartiles[0]!, quartiles[1]!, quartiles[2]!],
  }
}
