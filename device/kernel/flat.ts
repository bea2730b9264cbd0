/*
 * Between flat vectors, as messages and checkpoints hold them, and blocks, as the kernels do: `places` holds for each
 * value of the flat vector its byte offset in the block.
 */

/** Whether `count` float32 at both addresses are equal; NaN equals nothing. */
export function equal(a: usize, b: usize, count: i32): bool {
  const end = a + ((<usize>count) << 2)
  for (; a + 16 <= end; a += 16, b += 16) if (!i32x4.all_true(f32x4.eq(v128.load(a), v128.load(b)))) return false
  for (; a < end; a += 4, b += 4) if (load<f32>(a) !== load<f32>(b)) return false
  return true
}

/** Whether `count` float32 are all finite: x − x is 0 only then. */
export function finite(values: usize, count: i32): bool {
  const zero = f32x4.splat(0)
  const end = values + ((<usize>count) << 2)
  for (; values + 16 <= end; values += 16) {
    const x = v128.load(values)
    if (!i32x4.all_true(f32x4.eq(f32x4.sub(x, x), zero))) return false
  }
  for (; values < end; values += 4) if (load<f32>(values) - load<f32>(values) !== 0) return false
  return true
}

/** block[places[i]] = flat[i]. */
export function scatter(flat: usize, places: usize, count: i32, block: usize): void {
  const end = flat + ((<usize>count) << 2)
  for (; flat < end; flat += 4, places += 4) store<f32>(block + <usize>load<u32>(places), load<f32>(flat))
}

/** flat[i] = block[places[i]], −0 as +0. */
export function collect(block: usize, places: usize, count: i32, flat: usize): void {
  const end = flat + ((<usize>count) << 2)
  for (; flat < end; flat += 4, places += 4) store<f32>(flat, load<f32>(block + <usize>load<u32>(places)) + 0)
}
