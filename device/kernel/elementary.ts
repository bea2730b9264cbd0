/**
 * exp, log and tanh from + − × ÷ and the bits of the exponent. exp and log follow `device/core/elementary.ts` operation by
 * operation and give the same bits; tanh works on four float32 at a time.
 */

const INVERSE_LN2: f64 = 1.4426950408889634
/** ln 2 split so that k × high is exact for |k| < 2^20. */
const LN2_HIGH: f64 = 0.6931471803691238
const LN2_LOW: f64 = 1.9082149292705877e-10

/** x · P(x²) / Q(x²) of tanh; the constant term of both is 1. */
const P1: f32 = 0.133797199
const P2: f32 = 0.00349403615
const P3: f32 = 2.0583504e-5
const P4: f32 = 1.33191005e-8
const Q1: f32 = 0.467130333
const Q2: f32 = 0.0258710794
const Q3: f32 = 0.000328309514
const Q4: f32 = 7.76203194e-7

/** e^x. NaN → NaN, −∞ → 0, ∞ → ∞. */
export function exp(x: f64): f64 {
  if (!(x <= 709.782712893384)) return x > 709.782712893384 ? Infinity : NaN
  if (x < -745.1332191019412) return 0
  const k = floor(x * INVERSE_LN2 + 0.5)
  const mantissa = 1 + expm1Reduced(x - k * LN2_HIGH - k * LN2_LOW)
  const exponent = <i32>k
  if (exponent > 1023) return mantissa * 2 * powerOfTwo(exponent - 1)
  // A result below the normal range is scaled in two exact-but-last steps.
  if (exponent < -1021) return mantissa * powerOfTwo(exponent + 200) * powerOfTwo(-200)
  return mantissa * powerOfTwo(exponent)
}

/** Natural logarithm. NaN or negative → NaN, ±0 → −∞, ∞ → ∞. */
export function log(x: f64): f64 {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  let exponent = 0
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984 // 2^54 makes a denormal normal
    exponent = -54
  }
  const bits = reinterpret<u64>(x)
  exponent += <i32>(bits >> 52) - 1023
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000)
  if (m >= 2 * 0.7071067811865476) {
    m *= 0.5
    exponent += 1
  }
  const k = <f64>exponent
  const f = m - 1
  const s = f / (2 + f)
  const z = s * s
  let series: f64 = 2.0 / 23.0
  for (let n: f64 = 21; n >= 3; n -= 2) series = series * z + 2 / n
  const half = 0.5 * f * f
  return k * LN2_HIGH - (half - (s * (half + series * z) + k * LN2_LOW) - f)
}

/**
 * tanh of `count` float32 in place, a multiple of 4: an odd rational function of degrees 9 and 8 that was fitted to
 * tanh on [0, 9.02] (relative error 2e-8, with float32 arithmetic 4e-7); beyond, tanh rounds to ±1. Eight at a time, so
 * that one division waits while the other one is prepared.
 */
export function tanhInPlace(values: usize, count: i32): void {
  const end = values + ((<usize>count) << 2)
  for (; values + 32 <= end; values += 32) {
    const x = clamped(v128.load(values))
    const y = clamped(v128.load(values, 16))
    const xx = f32x4.mul(x, x)
    const yy = f32x4.mul(y, y)
    v128.store(values, quotient(f32x4.mul(x, numerator(xx)), denominator(xx)))
    v128.store(values, quotient(f32x4.mul(y, numerator(yy)), denominator(yy)), 16)
  }
  if (values === end) return
  const x = clamped(v128.load(values))
  const xx = f32x4.mul(x, x)
  v128.store(values, quotient(f32x4.mul(x, numerator(xx)), denominator(xx)))
}

function clamped(x: v128): v128 {
  return f32x4.pmax(f32x4.pmin(x, f32x4.splat(9.02)), f32x4.splat(-9.02))
}

function numerator(z: v128): v128 {
  let p = f32x4.add(f32x4.mul(f32x4.splat(P4), z), f32x4.splat(P3))
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(P2))
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(P1))
  return f32x4.add(f32x4.mul(p, z), f32x4.splat(1))
}

function denominator(z: v128): v128 {
  let q = f32x4.add(f32x4.mul(f32x4.splat(Q4), z), f32x4.splat(Q3))
  q = f32x4.add(f32x4.mul(q, z), f32x4.splat(Q2))
  q = f32x4.add(f32x4.mul(q, z), f32x4.splat(Q1))
  return f32x4.add(f32x4.mul(q, z), f32x4.splat(1))
}

/** p / q, at most 1 in magnitude. */
function quotient(p: v128, q: v128): v128 {
  return f32x4.pmax(f32x4.pmin(f32x4.div(p, q), f32x4.splat(1)), f32x4.splat(-1))
}

/** e^r − 1 for |r| ≤ ln 2 / 2, in the order of `device/core/elementary.ts`. */
function expm1Reduced(r: f64): f64 {
  const r2 = r * r
  const r4 = r2 * r2
  const low = 1.0 / 6.0 + r * (1.0 / 24.0) + r2 * (1.0 / 120.0 + r * (1.0 / 720.0))
  const middle = 1.0 / 5040.0 + r * (1.0 / 40320.0) + r2 * (1.0 / 362880.0 + r * (1.0 / 3628800.0))
  const high = 1.0 / 39916800.0 + r * (1.0 / 479001600.0) + r2 * (1.0 / 6227020800.0 + r * (1.0 / 87178291200.0))
  return r + (0.5 * r2 + r * r2 * (low + r4 * (middle + r4 * high)))
}

/** 2^k for a normal result. */
function powerOfTwo(k: i32): f64 {
  return reinterpret<f64>((<u64>(k + 1023)) << 52)
}
