import { log } from './elementary'

/** The next 32 bits of xoshiro128** (Blackman and Vigna 2018), whose four words are at `state`. */
function next(state: usize): u32 {
  const b = load<u32>(state, 4)
  const result = rotl<u32>(b * 5, 7) * 9
  const c = load<u32>(state, 8) ^ load<u32>(state)
  const d = load<u32>(state, 12) ^ b
  store<u32>(state, b ^ c, 4)
  store<u32>(state, load<u32>(state) ^ d)
  store<u32>(state, c ^ (b << 9), 8)
  store<u32>(state, rotl<u32>(d, 11), 12)
  return result
}

/** Uniform in [0, 1) with 53 bits. */
function uniform(state: usize): f64 {
  const high = <f64>(next(state) >> 5)
  return (high * 67108864 + <f64>(next(state) >> 6)) / 9007199254740992
}

/** Standard normal by Marsaglia's polar method, without sine; the same bits as `Rng.normal` of `device/core/rng.ts`. */
export function normal(state: usize): f64 {
  let u: f64
  let s: f64
  do {
    u = 2 * uniform(state) - 1
    const v = 2 * uniform(state) - 1
    s = u * u + v * v
  } while (!(s > 0 && s < 1))
  return u * sqrt((-2 * log(s)) / s)
}
