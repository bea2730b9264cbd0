/* Between flat vectors, as messages and checkpoints hold them, and blocks, as the kernels do. */

/** Whether `count` float32 at both addresses are equal; NaN equals nothing. */
export function equal(a: usize, b: usize, count: i32): bool {
  const end = a + ((<usize>count) << 2)
  for (; a + 16 <= end; a += 16, b += 16) if (!i32x4.all_true(f32x4.eq(v128.load(a), v128.load(b)))) return false
  for (; a < end; a += 4, b += 4) if (load<f32>(a) !== load<f32>(b)) return false
  return true
}

/** out = a − b; `count` is rounded up to a multiple of 4. */
export function subtract(a: usize, b: usize, count: i32, out: usize): void {
  const end = a + ((<usize>count) << 2)
  for (; a < end; a += 16, b += 16, out += 16) v128.store(out, f32x4.sub(v128.load(a), v128.load(b)))
}

/** out = own + α (peer − own) in float64, rounded to float32, −0 as +0; `count` is rounded up to even. */
export function mix(own: usize, peer: usize, alpha: f64, count: i32, out: usize): void {
  const share = f64x2.splat(alpha)
  const zero = f32x4.splat(0)
  for (let i = 0; i < count; i += 2, own += 8, peer += 8, out += 8) {
    const from = f64x2.promote_low_f32x4(v128.load64_zero(own))
    const to = f64x2.promote_low_f32x4(v128.load64_zero(peer))
    const mixed = f64x2.add(from, f64x2.mul(share, f64x2.sub(to, from)))
    v128.store64_lane(out, f32x4.add(f32x4.demote_f64x2_zero(mixed), zero), 0)
  }
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

/** float64 → float32, rounded to nearest; `count` is rounded up to even. */
export function demote(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 2, from += 16, to += 8)
    v128.store64_lane(to, f32x4.demote_f64x2_zero(v128.load(from)), 0)
}

/** float32 → float64, −0 as +0; `count` is rounded up to even. */
export function promote(from: usize, to: usize, count: i32): void {
  const zero = f64x2.splat(0)
  for (let i = 0; i < count; i += 2, from += 8, to += 16)
    v128.store(to, f64x2.add(f64x2.promote_low_f32x4(v128.load64_zero(from)), zero))
}

/**
 * Copies a flat vector's tensors to where a block has them. A table of 32-bit words holds four of each tensor: byte offset in
 * the flat vector, rows, columns, byte offset in the block, then its stride in float32: PyTorch's [rows, columns] becomes
 * [columns, stride].
 */
export function pack(flat: usize, table: usize, tensors: i32, block: usize): void {
  for (let i = 0; i < tensors; i++, table += 20) {
    const rows = load<i32>(table, 4)
    const columns = load<i32>(table, 8)
    transpose(
      flat + <usize>load<i32>(table),
      columns,
      rows,
      columns,
      block + <usize>load<i32>(table, 12),
      load<i32>(table, 16),
    )
  }
}

/** The way back. */
export function unpack(block: usize, table: usize, tensors: i32, flat: usize): void {
  for (let i = 0; i < tensors; i++, table += 20) {
    const rows = load<i32>(table, 4)
    const columns = load<i32>(table, 8)
    transpose(
      block + <usize>load<i32>(table, 12),
      load<i32>(table, 16),
      columns,
      rows,
      flat + <usize>load<i32>(table),
      columns,
    )
  }
}

/** to[c, r] = from[r, c] of `rows` × `columns`; strides in float32. */
export function transpose(from: usize, fromStride: i32, rows: i32, columns: i32, to: usize, toStride: i32): void {
  const fromBytes = (<usize>fromStride) << 2
  const toBytes = (<usize>toStride) << 2
  let r = 0
  for (; r + 4 <= rows; r += 4) {
    let read = from + <usize>r * fromBytes
    let write = to + ((<usize>r) << 2)
    let c = columns
    for (; c >= 4; c -= 4) {
      const r0 = v128.load(read)
      const r1 = v128.load(read + fromBytes)
      const r2 = v128.load(read + 2 * fromBytes)
      const r3 = v128.load(read + 3 * fromBytes)
      const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
      const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
      const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
      const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
      v128.store(write, v128.shuffle<i64>(low01, low23, 0, 2))
      v128.store(write + toBytes, v128.shuffle<i64>(low01, low23, 1, 3))
      v128.store(write + 2 * toBytes, v128.shuffle<i64>(high01, high23, 0, 2))
      v128.store(write + 3 * toBytes, v128.shuffle<i64>(high01, high23, 1, 3))
      read += 16
      write += toBytes << 2
    }
    for (; c > 0; c--) {
      for (let k: usize = 0; k < 4; k++) store<f32>(write + (k << 2), load<f32>(read + k * fromBytes))
      read += 4
      write += toBytes
    }
  }
  for (; r < rows; r++) {
    let read = from + <usize>r * fromBytes
    let write = to + ((<usize>r) << 2)
    for (let c = columns; c > 0; c--) {
      store<f32>(write, load<f32>(read))
      read += 4
      write += toBytes
    }
  }
}
