/** Holm's (1979) step-down p-values of one family of tests, in the order given; NaN stays NaN and is no test. */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues
    .map((p, i) => ({ p, i }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p || a.i - b.i)
  const adjusted = pValues.map(() => Number.NaN)
  let largest = 0
  for (const [rank, { p, i }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (order.length - rank) * p))
    adjusted[i] = largest
  }
  return adjusted
}
