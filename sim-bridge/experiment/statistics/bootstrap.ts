import type { Rng } from '../../../device/core/rng.ts'

/**
 * Percentile bootstrap of the mean (Efron 1979): [lower, upper] between which the middle `confidence` of `draws` resampled
 * means lies. Infinitely wide with fewer than two values.
 */
export function bootstrapMean(
  values: readonly number[],
  rng: Rng,
  draws = 2000,
  confidence = 0.95,
): [lower: number, upper: number] {
  if (!(confidence > 0 && confidence < 1)) throw new Error(`confidence must be in (0, 1), got ${confidence}`)
  if (!(Number.isInteger(draws) && draws >= 1)) throw new Error(`draws must be a positive whole number, got ${draws}`)
  if (values.length < 2) return [-Infinity, Infinity]
  const means = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++) {
    let sum = 0
    for (let i = 0; i < values.length; i++) sum += values[rng.integer(values.length)]!
    means[draw] = sum / values.length
  }
  means.sort()
  const tail = (1 - confidence) / 2
  return [quantileOf(means, tail), quantileOf(means, 1 - tail)]
}

/** The quantile `q` of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996); NaN of none. */
export function quantileOf(sorted: ArrayLike<number>, q: number): number {
  const place = q * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN
  return low + (high - low) * (place - below)
}
