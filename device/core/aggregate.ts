import type { Vector } from './engine.ts'

/**
 * Mean of parameter vectors (the letter's central server), summed in float64 in the given order, which callers fix by
 * sorting ids; float32 values, −0 as +0. Throws without vectors and where lengths differ.
 */
export function aggregate(vectors: readonly Vector[]): Float64Array {
  const [first] = vectors
  if (first === undefined) throw new Error('at least one vector is needed, got none')
  const mean = new Float64Array(first.length)
  for (const vector of vectors) {
    if (vector.length !== mean.length) throw new Error(`vectors must hold ${mean.length} values, got ${vector.length}`)
    for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + vector[i]!
  }
  for (let i = 0; i < mean.length; i++) mean[i] = Math.fround(mean[i]! / vectors.length) + 0
  return mean
}
