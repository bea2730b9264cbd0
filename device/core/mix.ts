import type { Vector } from './engine.ts'

/** (4) in float64, before it is rounded. */
export function unroundedMix(own: Vector, peer: Vector, alpha: number): Float64Array {
  const mixed = new Float64Array(own.length)
  for (let i = 0; i < mixed.length; i++) mixed[i] = own[i]! + alpha * (peer[i]! - own[i]!)
  return mixed
}

/** Mixing rule (4): θ_new = θ + α (θ̃ − θ) in float32, −0 as +0. Throws where the lengths differ. */
export function mix(own: Vector, peer: Vector, alpha: number): Float32Array {
  if (own.length !== peer.length) throw new Error(`peer must hold ${own.length} parameters, got ${peer.length}`)
  const mixed = new Float32Array(own.length)
  for (let i = 0; i < own.length; i++) {
    mixed[i] = Math.fround(own[i]! + alpha * (peer[i]! - own[i]!)) + 0 // (4)
  }
  return mixed
}
