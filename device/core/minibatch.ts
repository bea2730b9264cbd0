import type { Architecture, Learner, Minibatch, Vector } from './engine.ts'
import { requireFinite } from './finite.ts'
import { policySize, valueLayout } from './parameters.ts'

/** A minibatch of its own memory, filled by `gather`. */
export interface Gathered extends Minibatch {
  count: number
  readonly observations: Float64Array
  readonly actions: Float64Array
  readonly logProb: Float64Array
  readonly advantage: Float64Array
  readonly returns: Float64Array
}

/** Room for `rows` samples. */
export function createGathered({ observationSize, actionSize }: Architecture, rows: number): Gathered {
  return {
    count: 0,
    observations: new Float64Array(rows * observationSize),
    actions: new Float64Array(rows * actionSize),
    logProb: new Float64Array(rows),
    advantage: new Float64Array(rows),
    returns: new Float64Array(rows),
  }
}

/** Copies these rows of `from`. */
export function gather(from: Minibatch, rows: Int32Array, to: Gathered, architecture: Architecture): void {
  requireRows(rows, from.count)
  to.count = rows.length
  gatherRows(from.observations, rows, architecture.observationSize, to.observations)
  gatherRows(from.actions, rows, architecture.actionSize, to.actions)
  gatherRows(from.logProb, rows, 1, to.logProb)
  gatherRows(from.advantage, rows, 1, to.advantage)
  gatherRows(from.returns, rows, 1, to.returns)
}

/** RangeError where a row is not one of `count`. */
export function requireRows(rows: Int32Array, count: number): void {
  for (let i = 0; i < rows.length; i++)
    if (!(rows[i]! >= 0 && rows[i]! < count))
      throw new RangeError(`rows[${i}] must be in 0…${count - 1}, got ${rows[i]}`)
}

/** RangeError at the first value of the samples or of the learner's parameters that is not finite. */
export function requireTrainable(learner: Learner, batch: Minibatch, architecture: Architecture): void {
  const { count } = batch
  requireFinite('policy', learner.policy, policySize(architecture))
  requireFinite('value', learner.value, valueLayout(architecture).size)
  requireFinite('observations', batch.observations, count * architecture.observationSize)
  requireFinite('actions', batch.actions, count * architecture.actionSize)
  requireFinite('logProb', batch.logProb, count)
  requireFinite('advantage', batch.advantage, count)
  requireFinite('returns', batch.returns, count)
}

function gatherRows(from: Vector, rows: Int32Array, width: number, to: Float64Array): void {
  for (let i = 0, o = 0; i < rows.length; i++) {
    const start = rows[i]! * width
    for (let j = 0; j < width; j++, o++) to[o] = from[start + j]!
  }
}
