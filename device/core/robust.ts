import type { Vector } from './engine.ts'
import { requireFinite } from './finite.ts'

/**
 * Coordinate-wise median (Yin, Chen, Ramchandran and Bartlett, ICML 2018, arXiv:1803.01498, definition 1); of an even number
 * the mean of the middle two. Rounded to float32, −0 as +0. Throws without vectors, where lengths differ, and
 * NonFiniteError.
 */
export function coordinateMedian(vectors: readonly Vector[]): Float32Array {
  const size = checkedSize(vectors)
  const n = vectors.length
  const column = new Float64Array(n)
  const result = new Float32Array(size)
  const [low, high] = [(n - 1) >> 1, n >> 1]
  for (let i = 0; i < size; i++) {
    sortCoordinate(vectors, i, column)
    result[i] = Math.fround((column[low]! + column[high]!) / 2) + 0
  }
  return result
}

/**
 * Coordinate-wise trimmed mean (Yin et al. 2018, arXiv:1803.01498, definition 2, with β = f/n): without the f least and the f
 * greatest values of each coordinate. Summed in rising order in float64, so the order of the vectors changes nothing;
 * rounded to float32, −0 as +0. Throws unless there are more than 2f vectors of one length, and NonFiniteError.
 */
export function trimmedMean(vectors: readonly Vector[], f: number): Float32Array {
  const size = checkedSize(vectors)
  const n = vectors.length
  if (!isEnoughToTrim(n, f)) throw new Error(`vectors must be more than 2f = ${2 * f}, got ${n}`)
  const column = new Float64Array(n)
  const result = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    sortCoordinate(vectors, i, column)
    let sum = 0
    for (let j = f; j < n - f; j++) sum += column[j]!
    result[i] = Math.fround(sum / (n - 2 * f)) + 0
  }
  return result
}

/** Whether f of n values may be arbitrary and the middle ones still lie among honest ones: n > 2f. */
export function isEnoughToTrim(n: number, f: number): boolean {
  return n > 2 * f
}

/**
 * Krum (Blanchard, El Mhamdi, Guerraoui and Stainer, NIPS 2017, arXiv:1703.02757): the index of the vector with the least sum
 * of squared distances to its n − f − 2 nearest others; of equal ones the first, the "smallest identifier". Throws unless
 * there are more than 2f + 2 vectors of one length, and NonFiniteError.
 */
export function krum(vectors: readonly Vector[], f: number): number {
  checkedSize(vectors)
  const n = vectors.length
  if (!isEnoughForKrum(n, f)) throw new Error(`vectors must be more than 2f + 2 = ${2 * f + 2}, got ${n}`)
  const distances = squaredDistances(vectors)
  const others = new Float64Array(n - 1)
  let chosen = 0
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < n; i++) {
    others.set(distances.subarray(i * n, i * n + i))
    others.set(distances.subarray(i * n + i + 1, (i + 1) * n), i)
    others.sort()
    let score = 0
    for (let j = 0; j < n - f - 2; j++) score += others[j]!
    if (score < least) {
      least = score
      chosen = i
    }
  }
  return chosen
}

/** Krum's condition on n vectors of which f may be arbitrary: 2f + 2 < n. */
export function isEnoughForKrum(n: number, f: number): boolean {
  return n > 2 * f + 2
}

/** What FLTrust makes of a round. */
export interface TrustedMean {
  /** θ in float32, −0 as +0. */
  readonly policy: Float32Array
  /** Share that each other's update has in the mean, in [0, 1); 0: it points away from the own one. */
  readonly weights: Float64Array
}

/**
 * FLTrust (Cao, Fang, Liu and Gong, NDSS 2021, arXiv:2012.13995) without a server: `own` − `before` is the trusted update g0,
 * another's is g_i = θ̃_i − `before`. TS_i = ReLU(cos(g_i, g0)), each g_i is brought to the length of g0, and the mean weighted by
 * TS is added to `before`; the own update takes part with trust 1. Undefined where g0 is 0, so that nothing can be compared
 * with it. Sums in float64, in the given order. Throws where lengths differ, and NonFiniteError.
 */
export function trustedMean(before: Vector, own: Vector, others: readonly Vector[]): TrustedMean | undefined {
  const size = checkedSize([before, own, ...others])
  const ownLength = Math.sqrt(product(own, own, before))
  if (!(ownLength > 0)) return undefined
  const sum = new Float64Array(size)
  for (let i = 0; i < size; i++) sum[i] = own[i]! - before[i]!
  const weights = new Float64Array(others.length)
  let total = 1
  for (const [k, other] of others.entries()) {
    const length = Math.sqrt(product(other, other, before))
    const cosine = product(other, own, before) / (length * ownLength)
    if (!(cosine > 0)) continue // ReLU; NaN where the other's update is 0
    weights[k] = cosine
    total += cosine
    const scale = cosine * (ownLength / length)
    for (let i = 0; i < size; i++) sum[i] = sum[i]! + scale * (other[i]! - before[i]!)
  }
  const policy = new Float32Array(size)
  for (let i = 0; i < size; i++) policy[i] = Math.fround(before[i]! + sum[i]! / total) + 0
  return { policy, weights: weights.map((weight) => weight / total) }
}

/** (a − origin)ᵀ(b − origin), in the order of coordinates. */
function product(a: Vector, b: Vector, origin: Vector): number {
  let sum = 0
  for (let i = 0; i < origin.length; i++) sum += (a[i]! - origin[i]!) * (b[i]! - origin[i]!)
  return sum
}

/** [n, n], row by row; each pair once, so that the matrix is symmetric to the last bit. */
function squaredDistances(vectors: readonly Vector[]): Float64Array {
  const n = vectors.length
  const distances = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const [a, b] = [vectors[i]!, vectors[j]!]
      let sum = 0
      for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) * (a[k]! - b[k]!)
      distances[i * n + j] = sum
      distances[j * n + i] = sum
    }
  }
  return distances
}

/** Fills `column` with coordinate `i` of all vectors in rising order (insertion: a fleet's round has few). */
function sortCoordinate(vectors: readonly Vector[], i: number, column: Float64Array): void {
  for (let k = 0; k < vectors.length; k++) {
    const value = vectors[k]![i]!
    let j = k
    while (j > 0 && column[j - 1]! > value) {
      column[j] = column[j - 1]!
      j--
    }
    column[j] = value
  }
}

/** The common length of the vectors, all of whose values are finite. */
function checkedSize(vectors: readonly Vector[]): number {
  const [first] = vectors
  if (first === undefined) throw new Error('at least one vector is needed, got none')
  for (const [k, vector] of vectors.entries()) {
    if (vector.length !== first.length)
      throw new Error(`vectors must hold ${first.length} values, got ${vector.length}`)
    requireFinite(`vectors[${k}]`, vector, vector.length)
  }
  return first.length
}
