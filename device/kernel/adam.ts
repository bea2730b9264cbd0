const BETA1: f32 = 0.9
const BETA2: f32 = 0.999
/**
 * Moments below this become 0: denormals would slow every later step. A gradient that small moves no parameter by as much
 * as its last bit.
 */
const TINY: f32 = 1e-30

/** √ of the sum of squares of `count` float32, a multiple of 4, summed as float64 in two lanes. */
export function norm(values: usize, count: i32): f64 {
  let sum = f64x2.splat(0)
  const end = values + ((<usize>count) << 2)
  for (let at = values; at < end; at += 16) {
    const four = v128.load(at)
    const low = f64x2.promote_low_f32x4(four)
    const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(four, four, 2, 3, 0, 1))
    sum = f64x2.add(sum, f64x2.mul(low, low))
    sum = f64x2.add(sum, f64x2.mul(high, high))
  }
  return sqrt(f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1))
}

/**
 * One Adam step (Kingma and Ba 2015, ε outside the corrected root as in PyTorch) on `count` float32, a multiple of 4:
 * parameters −= stepSize · m / (√v / rootScale + ε), every gradient multiplied by `gradientScale` first.
 */
export function adam(
  parameters: usize,
  gradient: usize,
  firstMoments: usize,
  secondMoments: usize,
  count: i32,
  gradientScale: f32,
  stepSize: f32,
  rootScale: f32,
  epsilon: f32,
): void {
  const scale = f32x4.splat(gradientScale)
  const step = f32x4.splat(stepSize)
  const root = f32x4.splat(rootScale)
  const small = f32x4.splat(epsilon)
  const tiny = f32x4.splat(TINY)
  const keep1 = f32x4.splat(1 - BETA1)
  const beta2 = f32x4.splat(BETA2)
  const keep2 = f32x4.splat(1 - BETA2)
  const bytes = (<usize>count) << 2
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = f32x4.mul(v128.load(gradient + i), scale)
    const m = v128.load(firstMoments + i)
    const first = f32x4.add(m, f32x4.mul(f32x4.sub(g, m), keep1))
    const second = f32x4.add(f32x4.mul(v128.load(secondMoments + i), beta2), f32x4.mul(keep2, f32x4.mul(g, g)))
    v128.store(firstMoments + i, v128.and(first, f32x4.ge(f32x4.abs(first), tiny)))
    v128.store(secondMoments + i, v128.and(second, f32x4.ge(second, tiny)))
    const change = f32x4.div(f32x4.mul(step, first), f32x4.add(f32x4.div(f32x4.sqrt(second), root), small))
    v128.store(parameters + i, f32x4.sub(v128.load(parameters + i), change))
  }
}
