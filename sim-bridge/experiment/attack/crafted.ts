import type { Engine, Learner } from '../../../device/core/engine.ts'
import { policyLayout, slotOf, valueLayout } from '../../../device/core/parameters.ts'
import type { Evidence } from '../../../device/core/replay.ts'
import type { Probes } from './harm.ts'

const steps = 4
const learningRate = 0.01

export interface Craft {
  readonly engine: Engine
  /** Where the ascent starts. */
  readonly start: Float64Array
  readonly evidence: Evidence
  /** What an advantage of the evidence counts: 1 keeps the victims' estimate up, −1 drives it down. */
  readonly sign: 1 | -1
  /** States in which to learn the harmful end; none without. */
  readonly bait?: { readonly probes: Probes; readonly ends: readonly number[]; readonly weight: number }
}

/**
 * A few steps of policy gradient up the attackers' aim: good on the evidence (which is what a gate sees), harmful in the states
 * that it does not hold. log σ stays.
 */
export function craft({ engine, start, evidence, sign, bait }: Craft): Float64Array {
  const { observationSize, actionSize } = engine.architecture
  const { count: M } = evidence
  const baits = bait ? bait.probes.count - bait.probes.uncovered : 0
  const count = M + baits
  const observations = new Float64Array(count * observationSize)
  const actions = new Float64Array(count * actionSize)
  const advantage = new Float64Array(count)
  observations.set(evidence.observations.subarray(0, M * observationSize))
  actions.set(evidence.actions.subarray(0, M * actionSize))
  const scale = rootMeanSquare(evidence.advantage, M)
  for (let i = 0; i < M; i++) advantage[i] = scale > 0 ? (sign * evidence.advantage[i]!) / scale : 0
  if (bait) {
    observations.set(bait.probes.observations.subarray(bait.probes.uncovered * observationSize), M * observationSize)
    for (let i = M * actionSize; i < actions.length; i++) actions[i] = bait.ends[i % actionSize]!
    advantage.fill(bait.weight, M)
  }
  const logProb = new Float64Array(count)
  engine.logProb(start, observations, actions, count, logProb)

  const learner = learnerOf(engine, start)
  const batch = { count, observations, actions, logProb, advantage, returns: new Float64Array(count) }
  const update = engine.startUpdate(learner, batch, {
    ...{ learningRate, clipRange: 10, entropyCoef: 0, valueCoef: 0, maxGradNorm: 1, adamEpsilon: 1e-5 },
    normalizeAdvantage: false,
  })
  const rows = Int32Array.from({ length: count }, (_, i) => i)
  for (let step = 0; step < steps; step++) update.step(rows)
  update.finish()
  const { offset, size } = slotOf(policyLayout(engine.architecture), 'log_std')
  learner.policy.set(start.subarray(offset, offset + size), offset)
  return learner.policy
}

/** The policy network with a value network that nobody asks. */
function learnerOf({ architecture }: Engine, policy: Float64Array): Learner {
  const value = new Float64Array(valueLayout(architecture).size)
  const size = policy.length + value.length
  return { policy: policy.slice(), value, adam: { step: 0, m: new Float64Array(size), v: new Float64Array(size) } }
}

function rootMeanSquare(values: ArrayLike<number>, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += values[i]! * values[i]!
  return Math.sqrt(sum / count)
}
