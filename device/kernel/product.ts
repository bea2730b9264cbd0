import { INNER, packColumns, packRows, panelA, panelB, panelRows } from './panels'

const zeros: usize = memory.data(32, 16)

/**
 * out[r, c] = bias[c] + Σ_k a[r, k] · b[k, c] in float32, `columns` a multiple of 4. Strides are in bytes; either `aInner` or
 * `aRow` is 4, the latter for the product with the transpose of what is stored; bias 0 starts from zeros. Every sum runs
 * over k in ascending order whatever the tile, so a row's value does not depend on the batch around it. Four rows at a time
 * go through panels in which the innermost loop only moves forward (Goto and van de Geijn 2008).
 */
export function product(
  a: usize,
  aRow: usize,
  aInner: usize,
  b: usize,
  bStride: usize,
  bias: usize,
  out: usize,
  outStride: usize,
  rows: i32,
  columns: i32,
  inner: i32,
): void {
  // Without inner values no panel would be written: `oneRow` writes the bias.
  const tiled = inner > 0 ? rows & ~3 : 0
  for (let k = 0; k < inner && tiled > 0; k += INNER) {
    const depth = min(INNER, inner - k)
    const most = panelRows(depth)
    for (let i = 0; i < tiled; i += most) {
      const height = min(most, tiled - i)
      packRows(a + <usize>i * aRow + <usize>k * aInner, aRow, aInner, height, depth)
      for (let j = 0; j < columns; j += 8) {
        const at = (<usize>j) << 2
        const wide = columns - j >= 8
        packColumns(b + <usize>k * bStride + at, bStride, depth, wide)
        let to = out + <usize>i * outStride + at
        let panel = panelA
        for (let r = 0; r < height; r += 4) {
          let from = to
          let fromStride = outStride
          if (k === 0) {
            from = bias === 0 ? zeros : bias + at
            fromStride = 0
          }
          if (wide) fourByEight(panel, depth, from, fromStride, to, outStride)
          else fourByFour(panel, depth, from, fromStride, to, outStride)
          panel += (<usize>depth) << 4
          to += outStride << 2
        }
      }
    }
  }
  for (let i = tiled; i < rows; i++)
    oneRow(a + <usize>i * aRow, aInner, b, bStride, bias, out + <usize>i * outStride, columns, inner)
}

/**
 * Eight sums and three operands are what the sixteen registers of x86-64 hold; a loop that ends on an address saves a counter.
 * `depth` is at least 1.
 */
function fourByEight(a: usize, depth: i32, from: usize, fromStride: usize, out: usize, outStride: usize): void {
  let b = panelB
  let s00 = v128.load(from)
  let s01 = v128.load(from, 16)
  from += fromStride
  let s10 = v128.load(from)
  let s11 = v128.load(from, 16)
  from += fromStride
  let s20 = v128.load(from)
  let s21 = v128.load(from, 16)
  from += fromStride
  let s30 = v128.load(from)
  let s31 = v128.load(from, 16)
  const end = a + ((<usize>depth) << 4)
  do {
    const y0 = v128.load(b, 0)
    const y1 = v128.load(b, 16)
    const x0 = v128.load32_splat(a, 0)
    s00 = f32x4.add(s00, f32x4.mul(x0, y0))
    s01 = f32x4.add(s01, f32x4.mul(x0, y1))
    const x1 = v128.load32_splat(a, 4)
    s10 = f32x4.add(s10, f32x4.mul(x1, y0))
    s11 = f32x4.add(s11, f32x4.mul(x1, y1))
    const x2 = v128.load32_splat(a, 8)
    s20 = f32x4.add(s20, f32x4.mul(x2, y0))
    s21 = f32x4.add(s21, f32x4.mul(x2, y1))
    const x3 = v128.load32_splat(a, 12)
    s30 = f32x4.add(s30, f32x4.mul(x3, y0))
    s31 = f32x4.add(s31, f32x4.mul(x3, y1))
    a += 16
    b += 32
  } while (a !== end)
  v128.store(out, s00)
  v128.store(out, s01, 16)
  out += outStride
  v128.store(out, s10)
  v128.store(out, s11, 16)
  out += outStride
  v128.store(out, s20)
  v128.store(out, s21, 16)
  out += outStride
  v128.store(out, s30)
  v128.store(out, s31, 16)
}

function fourByFour(a: usize, depth: i32, from: usize, fromStride: usize, out: usize, outStride: usize): void {
  let b = panelB
  let s0 = v128.load(from)
  let s1 = v128.load(from + fromStride)
  let s2 = v128.load(from + 2 * fromStride)
  let s3 = v128.load(from + 3 * fromStride)
  const end = a + ((<usize>depth) << 4)
  do {
    const y = v128.load(b)
    s0 = f32x4.add(s0, f32x4.mul(v128.load32_splat(a), y))
    s1 = f32x4.add(s1, f32x4.mul(v128.load32_splat(a, 4), y))
    s2 = f32x4.add(s2, f32x4.mul(v128.load32_splat(a, 8), y))
    s3 = f32x4.add(s3, f32x4.mul(v128.load32_splat(a, 12), y))
    a += 16
    b += 16
  } while (a !== end)
  v128.store(out, s0)
  v128.store(out + outStride, s1)
  v128.store(out + 2 * outStride, s2)
  v128.store(out + 3 * outStride, s3)
}

/** Many sums at once, since each of them has to wait for its last addition. */
function oneRow(
  a: usize,
  aInner: usize,
  b: usize,
  bStride: usize,
  bias: usize,
  out: usize,
  columns: i32,
  inner: i32,
): void {
  let j = 0
  for (; j + 32 <= columns; j += 32) {
    const at = (<usize>j) << 2
    let s0 = f32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let s4 = s0
    let s5 = s0
    let s6 = s0
    let s7 = s0
    if (bias !== 0) {
      s0 = v128.load(bias + at)
      s1 = v128.load(bias + at, 16)
      s2 = v128.load(bias + at, 32)
      s3 = v128.load(bias + at, 48)
      s4 = v128.load(bias + at, 64)
      s5 = v128.load(bias + at, 80)
      s6 = v128.load(bias + at, 96)
      s7 = v128.load(bias + at, 112)
    }
    let from = a
    let y = b + at
    for (let k = inner; k > 0; k--) {
      const x = v128.load32_splat(from)
      s0 = f32x4.add(s0, f32x4.mul(x, v128.load(y)))
      s1 = f32x4.add(s1, f32x4.mul(x, v128.load(y, 16)))
      s2 = f32x4.add(s2, f32x4.mul(x, v128.load(y, 32)))
      s3 = f32x4.add(s3, f32x4.mul(x, v128.load(y, 48)))
      s4 = f32x4.add(s4, f32x4.mul(x, v128.load(y, 64)))
      s5 = f32x4.add(s5, f32x4.mul(x, v128.load(y, 80)))
      s6 = f32x4.add(s6, f32x4.mul(x, v128.load(y, 96)))
      s7 = f32x4.add(s7, f32x4.mul(x, v128.load(y, 112)))
      from += aInner
      y += bStride
    }
    const to = out + at
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
    v128.store(to, s4, 64)
    v128.store(to, s5, 80)
    v128.store(to, s6, 96)
    v128.store(to, s7, 112)
  }
  for (; j < columns; j += 4) {
    const at = (<usize>j) << 2
    let s = f32x4.splat(0)
    if (bias !== 0) s = v128.load(bias + at)
    let from = a
    let y = b + at
    for (let k = inner; k > 0; k--) {
      s = f32x4.add(s, f32x4.mul(v128.load32_splat(from), v128.load(y)))
      from += aInner
      y += bStride
    }
    v128.store(out + at, s)
  }
}
