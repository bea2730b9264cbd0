/**
 * exp, expm1, log and tanh for float64 from + − × ÷, floor and comparisons alone: JavaScript engines round `Math.exp` and its
 * relatives differently per processor, these are the same bits everywhere. Relative error below 1e-15, limits exact.
 */

const INVERSE_LN2 = Math.LOG2E
/** ln 2 split so that k × high is exact for |k| < 2^20. */
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
/** Largest double whose exponential is finite, and the smallest one that is not yet 0. */
const EXP_OVERFLOW = 709.782712893384
const EXP_UNDERFLOW = -745.1332191019412
const SQRT_HALF = Math.SQRT1_2

/** 2^k for k = −1074 … 1023 at index k + 1074, every entry exact. */
const POWERS_OF_TWO: Readonly<Float64Array> = powersOfTwo()

/** From here on tanh rounds to 1. */
const TANH_ONE = 20
/** tanh(i / 32). */
const TANH_TABLE: Readonly<Float64Array> = tanhTable()

/** e^x. NaN → NaN, −∞ → 0, ∞ → ∞. */
export function exp(x: number): number {
  if (!(x <= EXP_OVERFLOW)) return x > EXP_OVERFLOW ? Number.POSITIVE_INFINITY : Number.NaN
  if (x < EXP_UNDERFLOW) return 0
  const k = Math.floor(x * INVERSE_LN2 + 0.5)
  const mantissa = 1 + expm1Reduced(x - k * LN2_HIGH - k * LN2_LOW)
  if (k > 1023) return mantissa * 2 * powerOfTwo(k - 1)
  // A result below the normal range is scaled in two exact-but-last steps.
  if (k < -1021) return mantissa * powerOfTwo(k + 200) * powerOfTwo(-200)
  return mantissa * powerOfTwo(k)
}

/** e^x − 1 without cancellation near 0. NaN → NaN, −∞ → −1, ∞ → ∞, ±0 → ±0. */
export function expm1(x: number): number {
  if (!(x <= EXP_OVERFLOW)) return x > EXP_OVERFLOW ? Number.POSITIVE_INFINITY : Number.NaN
  if (x === 0) return x
  if (x < -40) return -1
  const k = Math.floor(x * INVERSE_LN2 + 0.5)
  if (k === 0) return expm1Reduced(x)
  if (k > 60) return exp(x)
  const scale = powerOfTwo(k)
  return scale * expm1Reduced(x - k * LN2_HIGH - k * LN2_LOW) + (scale - 1)
}

/** tanh by the addition theorem from the nearest entry of a table. NaN → NaN, ±∞ → ±1, ±0 → ±0. */
export function tanh(x: number): number {
  const y = Math.abs(x)
  if (!(y < TANH_ONE)) return x > 0 ? 1 : x < 0 ? -1 : Number.NaN
  if (x === 0) return x
  const i = Math.floor(y * 32 + 0.5)
  const r = y - i * 0.03125
  const r2 = r * r
  // tanh r for |r| ≤ 1/64; the next term is below 1e-16 of the value.
  const t = r - r * r2 * (1 / 3 - r2 * (2 / 15 - r2 * (17 / 315)))
  const node = TANH_TABLE[i]!
  const result = node + (t * (1 - node * node)) / (1 + node * t)
  return x < 0 ? -result : result
}

/** Natural logarithm. NaN or negative → NaN, ±0 → −∞, ∞ → ∞. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN
  if (x === Number.POSITIVE_INFINITY) return x
  let m = x
  let k = 0
  if (m < 2.2250738585072014e-308) {
    m *= 18014398509481984 // 2^54 makes a denormal normal
    k = -54
  }
  // Binary search for the exponent; every scaling by a power of two is exact.
  for (let step = 512; step >= 1; step = Math.floor(step / 2)) {
    if (m >= powerOfTwo(step)) {
      m *= powerOfTwo(-step)
      k += step
    } else if (m < powerOfTwo(1 - step)) {
      m *= powerOfTwo(step)
      k -= step
    }
  }
  // Now m is in [1, 2) or, after a downward step, still in [1/2, 2); bring it to [√½, √2).
  if (m >= 2 * SQRT_HALF) {
    m *= 0.5
    k += 1
  } else if (m < SQRT_HALF) {
    m *= 2
    k -= 1
  }
  const f = m - 1
  const s = f / (2 + f)
  const z = s * s
  // log(1 + f) = 2 atanh(s); arranged so that the largest term, f, enters exactly.
  let series = 2 / 23
  for (let n = 21; n >= 3; n -= 2) series = series * z + 2 / n
  const half = 0.5 * f * f
  return k * LN2_HIGH - (half - (s * (half + series * z) + k * LN2_LOW) - f)
}

/** x^n for an integer n ≥ 0 by repeated squaring. */
export function integerPower(x: number, n: number): number {
  let result = 1
  let square = x
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square
    square *= square
  }
  return result
}

/** e^r − 1 for |r| ≤ ln 2 / 2: the Taylor series up to r^14 (remainder below 1e-17 of the value), in independent halves. */
function expm1Reduced(r: number): number {
  const r2 = r * r
  const r4 = r2 * r2
  const low = 1 / 6 + r * (1 / 24) + r2 * (1 / 120 + r * (1 / 720))
  const middle = 1 / 5040 + r * (1 / 40320) + r2 * (1 / 362880 + r * (1 / 3628800))
  const high = 1 / 39916800 + r * (1 / 479001600) + r2 * (1 / 6227020800 + r * (1 / 87178291200))
  return r + (0.5 * r2 + r * r2 * (low + r4 * (middle + r4 * high)))
}

function powerOfTwo(k: number): number {
  return POWERS_OF_TWO[k + 1074]!
}

function powersOfTwo(): Float64Array {
  const table = new Float64Array(2098)
  let power = 1
  for (let k = 0; k <= 1023; k++, power *= 2) table[k + 1074] = power
  power = 1
  for (let k = 0; k >= -1074; k--, power *= 0.5) table[k + 1074] = power
  return table
}

/** tanh y = E / (E + 2) with E = e^(2y) − 1. */
function tanhTable(): Float64Array {
  const table = new Float64Array(TANH_ONE * 32 + 1)
  for (let i = 0; i < table.length; i++) {
    const e = expm1(i / 16)
    table[i] = e / (e + 2)
  }
  return table
}
