import type { Test } from 'tap'
import {
  type Architecture,
  createLearner,
  type Engine,
  initialPolicy,
  initialValue,
  type Layout,
  type Learner,
  type Minibatch,
  type PpoOptions,
  policyLayout,
  type Rng,
  roundToFloat32,
  valueLayout,
} from '../../device/core/index.ts'

/** An engine under the suite, and what it promises. */
export interface Candidate {
  readonly name: string
  readonly create: (architecture: Architecture) => Engine
  /** Largest error relative to max(|y|, mean size of the summands). */
  readonly tolerance: number
  /** The same of the KL between policies that are 1e-4 of a large step apart, whose means agree in their first digits. */
  readonly nearbyTolerance: number
  /** Whether the bits of a row are the same alone and in any batch. */
  readonly rowsStandAlone: boolean
  /** Slow engines are asked less often and with smaller networks. */
  readonly slow: boolean
  /** What is held outside the heap of JavaScript: tensors, or bytes. */
  readonly held: () => number
}

export const ppo: PpoOptions = {
  learningRate: 3e-4,
  clipRange: 0.2,
  entropyCoef: 0.01,
  valueCoef: 0.5,
  maxGradNorm: 0.5,
  adamEpsilon: 1e-5,
  normalizeAdvantage: true,
}

/** `count` standard normals, rounded to float32. */
export function normals(rng: Rng, count: number): Float64Array {
  return roundToFloat32(Float64Array.from({ length: count }, () => rng.normal()))
}

/** Both networks at some distance from their start, log σ about −0.5, float32 values. */
export function learnerOf(rng: Rng, architecture: Architecture): Learner {
  const shaken = (vector: Float64Array) => roundToFloat32(vector.map((x) => x + 0.05 * rng.normal()))
  return createLearner(shaken(initialPolicy(architecture, rng, -0.5)), shaken(initialValue(architecture, rng)))
}

/** The same values in memory of its own. */
export function copyOf({ policy, value, adam }: Learner): Learner {
  return { policy: policy.slice(), value: value.slice(), adam: { ...adam, m: adam.m.slice(), v: adam.v.slice() } }
}

/** Samples with every column standard normal. */
export function batchOf(rng: Rng, { observationSize, actionSize }: Architecture, count: number): Minibatch {
  return {
    count,
    observations: normals(rng, count * observationSize),
    actions: normals(rng, count * actionSize),
    logProb: normals(rng, count),
    advantage: normals(rng, count),
    returns: normals(rng, count),
  }
}

/** The batch with behaviour probabilities such that the ratios are 0.5, 1 and 1.6 in turn: none beside a clip border. */
export function awayFromClipping(engine: Engine, policy: Float64Array, batch: Minibatch): Minibatch {
  const logProb = new Float64Array(batch.count)
  engine.logProb(policy, batch.observations, batch.actions, batch.count, logProb)
  const ratios = [0.5, 1, 1.6]
  return { ...batch, logProb: roundToFloat32(logProb.map((x, i) => x - Math.log(ratios[i % 3]!))) }
}

/** Rows 0 … count − 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i)
}

/** What a function writes into an array of this length. */
export function written(length: number, write: (out: Float64Array) => void): Float64Array {
  const out = new Float64Array(length)
  write(out)
  return out
}

/** Every |x − y| ≤ tolerance · max(|y|, scale), scale being the mean size of the summands where they cancel. */
export function nearAll(
  t: Test,
  name: string,
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  scale = 0,
): void {
  const off = Array.from(wanted).flatMap((y, i) =>
    Math.abs(actual[i]! - y) <= tolerance * Math.max(Math.abs(y), scale) ? [] : [`[${i}] ${actual[i]} is not ${y}`],
  )
  if (actual.length < wanted.length) off.push(`${actual.length} values are not ${wanted.length}`)
  t.same(off.slice(0, 10), [], name)
}

/** The same for one number. */
export function near(t: Test, name: string, actual: number | null, wanted: number, tolerance: number, scale = 0): void {
  nearAll(t, name, [actual ?? Number.NaN], [wanted], tolerance, scale)
}

/** Root of the mean square. */
export function rms(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return Math.sqrt(sum / values.length)
}

/** Name and values of every tensor of a policy vector followed by a value vector. */
export function tensorsOf(architecture: Architecture, vector: Float64Array): [string, Float64Array][] {
  const policy = policyLayout(architecture)
  const cut = ({ tensors }: Layout, start: number) =>
    tensors.map(({ name, offset, size }): [string, Float64Array] => [
      name,
      vector.subarray(start + offset, start + offset + size),
    ])
  return [...cut(policy, 0), ...cut(valueLayout(architecture), policy.size)]
}
