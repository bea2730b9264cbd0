import type { Rng } from './rng.ts'

/**
 * A [rows, columns] matrix, row-major, whose shorter side is orthonormal, times `gain` (Saxe et al. 2014): Gram-Schmidt
 * with a second pass on standard normals, which leaves the distribution uniform (the diagonal of R is positive).
 */
export function orthogonal(rows: number, columns: number, gain: number, rng: Rng): Float64Array {
  const count = Math.min(rows, columns)
  const length = Math.max(rows, columns)
  const basis = new Float64Array(count * length)
  for (let i = 0; i < count; i++) {
    const vector = basis.subarray(i * length, (i + 1) * length)
    let norm = 0
    // A draw that nearly lies in the span of the earlier ones is drawn again.
    while (!(norm > 1e-6)) {
      for (let k = 0; k < length; k++) vector[k] = rng.normal()
      for (let pass = 0; pass < 2; pass++) {
        for (let j = 0; j < i; j++) removeComponent(vector, basis.subarray(j * length, (j + 1) * length))
      }
      norm = Math.sqrt(dot(vector, vector))
    }
    for (let k = 0; k < length; k++) vector[k] = vector[k]! / norm
  }
  const matrix = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      matrix[i * columns + j] = gain * (rows <= columns ? basis[i * length + j]! : basis[j * length + i]!)
    }
  }
  return matrix
}

function removeComponent(vector: Float64Array, unit: Float64Array): void {
  const component = dot(vector, unit)
  for (let k = 0; k < vector.length; k++) vector[k] = vector[k]! - component * unit[k]!
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}
