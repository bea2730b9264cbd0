/**
 * Solves `matrix` x = `rhs` by elimination with row pivoting; both are overwritten, the solution stands in `rhs` [n], the
 * matrix is [n, n] by rows. Throws where the matrix is singular.
 */
export function solveInPlace(matrix: Float64Array, rhs: Float64Array): void {
  const n = rhs.length
  for (let column = 0; column < n; column++) {
    const pivot = pivotRow(matrix, n, column)
    if (!(Math.abs(matrix[pivot * n + column]!) > 0)) throw new Error(`matrix must be regular, got rank ${column}`)
    if (pivot !== column) swapRows(matrix, rhs, pivot, column)
    for (let row = column + 1; row < n; row++) {
      const factor = matrix[row * n + column]! / matrix[column * n + column]!
      for (let k = column; k < n; k++) matrix[row * n + k]! -= factor * matrix[column * n + k]!
      rhs[row]! -= factor * rhs[column]!
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    let sum = rhs[row]!
    for (let k = row + 1; k < n; k++) sum -= matrix[row * n + k]! * rhs[k]!
    rhs[row] = sum / matrix[row * n + row]!
  }
}

function pivotRow(matrix: Float64Array, n: number, column: number): number {
  let best = column
  for (let row = column + 1; row < n; row++)
    if (Math.abs(matrix[row * n + column]!) > Math.abs(matrix[best * n + column]!)) best = row
  return best
}

function swapRows(matrix: Float64Array, rhs: Float64Array, a: number, b: number): void {
  const n = rhs.length
  for (let k = 0; k < n; k++) {
    const kept = matrix[a * n + k]!
    matrix[a * n + k] = matrix[b * n + k]!
    matrix[b * n + k] = kept
  }
  const kept = rhs[a]!
  rhs[a] = rhs[b]!
  rhs[b] = kept
}
