import jStat from 'jstat'

/** A mean with its confidence interval. */
export interface MeanInterval {
  readonly count: number
  readonly mean: number
  readonly standardError: number
  readonly lower: number
  readonly upper: number
}

/** Student's t-interval of the mean; infinitely wide with fewer than two values. */
export function studentInterval(values: readonly number[], confidence = 0.95): MeanInterval {
  if (!(confidence > 0 && confidence < 1)) throw new Error(`confidence must be in (0, 1), got ${confidence}`)
  const count = values.length
  const mean = values.reduce((a, b) => a + b, 0) / count
  if (count < 2) return { count, mean, standardError: Number.NaN, lower: -Infinity, upper: Infinity }
  const squares = values.reduce((sum, x) => sum + (x - mean) * (x - mean), 0)
  const standardError = Math.sqrt(squares / (count - 1) / count)
  const reach = studentQuantile(confidence, count - 1) * standardError
  return { count, mean, standardError, lower: mean - reach, upper: mean + reach }
}

/** t with P(|T| ≤ t) = `confidence`, T of Student's distribution with `degrees` of freedom. */
export function studentQuantile(confidence: number, degrees: number): number {
  return jStat.studentt.inv((1 + confidence) / 2, degrees)
}
