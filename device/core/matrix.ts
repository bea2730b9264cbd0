/**
 * out[i, j] = Σ_k a[i, k] · b[j, k]; a [rows, inner] from `aOffset`,
 * b [columns, inner] from `bOffset`, out [rows, columns] from `outOffset`, all row-major. Each sum runs over k in
 * ascending order whatever the tile, so a row's value does not depend on the batch around it.
 */
export function multiplyTransposed(
  a: Float64Array,
  aOffset: number,
  rows: number,
  b: Float64Array,
  bOffset: number,
  columns: number,
  inner: number,
  out: Float64Array,
  outOffset: number,
): void {
  const tiledRows = rows - (rows % 4)
  const tiledColumns = columns - (columns % 2)
  // Four rows by two columns: eight running sums and six operands are what the registers of a double pipeline hold.
  for (let i = 0; i < tiledRows; i += 4) {
    const a0 = aOffset + i * inner
    const a1 = a0 + inner
    const a2 = a1 + inner
    const a3 = a2 + inner
    for (let j = 0; j < tiledColumns; j += 2) {
      const b0 = bOffset + j * inner
      const b1 = b0 + inner
      let s00 = 0
      let s01 = 0
      let s10 = 0
      let s11 = 0
      let s20 = 0
      let s21 = 0
      let s30 = 0
      let s31 = 0
      for (let k = 0; k < inner; k++) {
        const x0 = a[a0 + k]!
        const x1 = a[a1 + k]!
        const x2 = a[a2 + k]!
        const x3 = a[a3 + k]!
        const y0 = b[b0 + k]!
        const y1 = b[b1 + k]!
        s00 += x0 * y0
        s01 += x0 * y1
        s10 += x1 * y0
        s11 += x1 * y1
        s20 += x2 * y0
        s21 += x2 * y1
        s30 += x3 * y0
        s31 += x3 * y1
      }
      const o = outOffset + i * columns + j
      out[o] = s00
      out[o + 1] = s01
      out[o + columns] = s10
      out[o + columns + 1] = s11
      out[o + 2 * columns] = s20
      out[o + 2 * columns + 1] = s21
      out[o + 3 * columns] = s30
      out[o + 3 * columns + 1] = s31
    }
  }
  multiplyEdge(a, aOffset, 0, tiledRows, b, bOffset, tiledColumns, columns, inner, out, outOffset)
  multiplyEdge(a, aOffset, tiledRows, rows, b, bOffset, 0, columns, inner, out, outOffset)
}

/** out[j, i] = a[i, j]; a [rows, columns] from `aOffset`, out [columns, rows] from 0. */
export function transpose(a: Float64Array, aOffset: number, rows: number, columns: number, out: Float64Array): void {
  for (let i = 0; i < rows; i++) {
    const row = aOffset + i * columns
    for (let j = 0; j < columns; j++) out[j * rows + i] = a[row + j]!
  }
}

/** The rows and columns that the tiles of `multiplyTransposed` leave over, four columns at a time. */
function multiplyEdge(
  a: Float64Array,
  aOffset: number,
  rowStart: number,
  rowEnd: number,
  b: Float64Array,
  bOffset: number,
  columnStart: number,
  columns: number,
  inner: number,
  out: Float64Array,
  outOffset: number,
): void {
  for (let i = rowStart; i < rowEnd; i++) {
    const a0 = aOffset + i * inner
    const o = outOffset + i * columns
    let j = columnStart
    for (; j + 4 <= columns; j += 4) {
      const b0 = bOffset + j * inner
      const b1 = b0 + inner
      const b2 = b1 + inner
      const b3 = b2 + inner
      let s0 = 0
      let s1 = 0
      let s2 = 0
      let s3 = 0
      for (let k = 0; k < inner; k++) {
        const x = a[a0 + k]!
        s0 += x * b[b0 + k]!
        s1 += x * b[b1 + k]!
        s2 += x * b[b2 + k]!
        s3 += x * b[b3 + k]!
      }
      out[o + j] = s0
      out[o + j + 1] = s1
      out[o + j + 2] = s2
      out[o + j + 3] = s3
    }
    for (; j < columns; j++) {
      const b0 = bOffset + j * inner
      let s = 0
      for (let k = 0; k < inner; k++) s += a[a0 + k]! * b[b0 + k]!
      out[o + j] = s
    }
  }
}
