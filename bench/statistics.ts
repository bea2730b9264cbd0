/** A mean with the half width of its 95 % interval. */
export interface Estimate {
  readonly mean: number
  readonly halfWidth: number
}

/** Mean of independent values with Student's 95 % interval; the half width of a single value is NaN. */
export function tInterval(values: readonly number[]): Estimate {
  const n = values.length
  return { mean: meanOf(values), halfWidth: tQuantile(n - 1) * Math.sqrt(varianceOf(values) / n) }
}

/** Mean of a minus mean of b with Welch's 95 % interval (Welch 1947: unequal variances, Satterthwaite's degrees of freedom). */
export function welchInterval(a: readonly number[], b: readonly number[]): Estimate & { readonly freedom: number } {
  const va = varianceOf(a) / a.length
  const vb = varianceOf(b) / b.length
  const freedom = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1))
  return { mean: meanOf(a) - meanOf(b), halfWidth: tQuantile(freedom) * Math.sqrt(va + vb), freedom }
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Unbiased; NaN for a single value. */
function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

/** 97.5 % quantile of Student's t, by bisection on its density integrated by Simpson's rule; NaN without freedom. */
export function tQuantile(freedom: number): number {
  if (!(freedom > 0)) return Number.NaN
  const density = (t: number): number => (1 + (t * t) / freedom) ** (-(freedom + 1) / 2)
  // The half axis under t = s / (1 − s), so that heavy tails are integrated to their end.
  const area = (to: number): number => simpson((s) => (s < 1 ? density(s / (1 - s)) / (1 - s) ** 2 : 0), to / (1 + to))
  const whole = area(1e12)
  let low = 0
  let high = 1e3
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2
    if (area(middle) / whole < 0.95) low = middle
    else high = middle
  }
  return low
}

function simpson(f: (x: number) => number, to: number): number {
  const parts = 2_000
  const h = to / parts
  let sum = f(0) + f(to)
  for (let k = 1; k < parts; k++) sum += (k % 2 === 1 ? 4 : 2) * f(k * h)
  return (sum * h) / 3
}
