import jStat from 'jstat'
import type { Rng } from '../../../device/core/rng.ts'
import { bootstrapMean } from './bootstrap.ts'
import { type MeanInterval, studentInterval } from './student-interval.ts'

/** The mean of paired differences, its t-interval, its bootstrap interval and its p-value. */
export interface PairedDifference extends MeanInterval {
  readonly bootstrapLower: number
  readonly bootstrapUpper: number
  /** Two-sided, of the t-test that the mean is 0; NaN with fewer than two pairs or where all differences are 0. */
  readonly pValue: number
  /** In how many pairs the first was larger. */
  readonly larger: number
}

/** What `first` has more than `second`, over the keys (seeds) that both have, in the order of `first`. */
export function pairedDifference(
  first: ReadonlyMap<number, number>,
  second: ReadonlyMap<number, number>,
  rng: Rng,
): PairedDifference {
  const differences: number[] = []
  for (const [key, value] of first) {
    const other = second.get(key)
    if (other !== undefined) differences.push(value - other)
  }
  const interval = studentInterval(differences)
  const [bootstrapLower, bootstrapUpper] = bootstrapMean(differences, rng)
  return {
    ...interval,
    bootstrapLower,
    bootstrapUpper,
    pValue: studentPValue(interval),
    larger: differences.filter((difference) => difference > 0).length,
  }
}

/** The two-sided p-value of Student's t-test that the mean is 0; NaN where nothing varies around 0 or with under two values. */
export function studentPValue({ count, mean, standardError }: MeanInterval): number {
  if (count < 2) return Number.NaN
  return 2 * jStat.studentt.cdf(-Math.abs(mean / standardError), count - 1)
}
