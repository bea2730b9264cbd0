/** Inner values of one packed panel, of eight columns of `b` and of as many rows of `a` as 32 KB hold. */
export const INNER = 256
const PANEL_A = 8192
export const panelA: usize = memory.data(PANEL_A * 4, 16)
export const panelB: usize = memory.data(INNER * 8 * 4, 16)

/** Rows of `a` that a panel holds at this depth, a multiple of 4. */
export function panelRows(depth: i32): i32 {
  return (PANEL_A / depth) & ~3
}

/** panelA[block][k] = the values of four rows at k. */
export function packRows(a: usize, aRow: usize, aInner: usize, rows: i32, depth: i32): void {
  let to = panelA
  for (let r = 0; r < rows; r += 4) {
    let a0 = a + <usize>r * aRow
    if (aRow === 4) {
      for (let k = 0; k < depth; k++) {
        v128.store(to, v128.load(a0))
        a0 += aInner
        to += 16
      }
      continue
    }
    let a1 = a0 + aRow
    let a2 = a1 + aRow
    let a3 = a2 + aRow
    let k = depth
    for (; k >= 4; k -= 4) {
      const r0 = v128.load(a0)
      const r1 = v128.load(a1)
      const r2 = v128.load(a2)
      const r3 = v128.load(a3)
      const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
      const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
      const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
      const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2))
      v128.store(to, v128.shuffle<i64>(low01, low23, 1, 3), 16)
      v128.store(to, v128.shuffle<i64>(high01, high23, 0, 2), 32)
      v128.store(to, v128.shuffle<i64>(high01, high23, 1, 3), 48)
      a0 += 16
      a1 += 16
      a2 += 16
      a3 += 16
      to += 64
    }
    for (; k > 0; k--) {
      store<f32>(to, load<f32>(a0))
      store<f32>(to, load<f32>(a1), 4)
      store<f32>(to, load<f32>(a2), 8)
      store<f32>(to, load<f32>(a3), 12)
      a0 += 4
      a1 += 4
      a2 += 4
      a3 += 4
      to += 16
    }
  }
}

/** panelB[k] = eight columns at k, or four; `depth` is at least 1. */
export function packColumns(b: usize, bStride: usize, depth: i32, wide: bool): void {
  let to = panelB
  const end = to + ((<usize>depth) << (wide ? 5 : 4))
  if (!wide) {
    do {
      v128.store(to, v128.load(b))
      to += 16
      b += bStride
    } while (to !== end)
    return
  }
  do {
    v128.store(to, v128.load(b))
    v128.store(to, v128.load(b, 16), 16)
    to += 32
    b += bStride
  } while (to !== end)
}
