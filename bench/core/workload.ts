import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Architecture,
  createRng,
  decodeSafetensors,
  encodeSafetensors,
  initialPolicy,
  initialValue,
  type Minibatch,
  type PpoOptions,
  policyLayout,
  shuffle,
  valueLayout,
} from '../../device/core/index.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { encodeOnnx } from '../../device/formats/onnx-encoder.ts'

/** What every contender computes on: drawn once, all values float32, written to a folder for other processes. */
export interface Workload {
  readonly architecture: Architecture
  readonly policy: Float64Array
  readonly value: Float64Array
  /** A second own policy, to take turns with the first so that nothing kept from the call before is of use. */
  readonly otherPolicy: Float64Array
  /** Policies to judge. */
  readonly peers: readonly Float64Array[]
  /** 2048 samples of the own policy. */
  readonly batch: Minibatch
  /** Rows of the minibatches of one update, [steps, 64]. */
  readonly order: Int32Array
  /** Samples for the policy advantage: columns as in `batch`. */
  readonly evidence: Minibatch
  /** Per peer an advantage that favours what it does more often than the own policy: every judgement goes the whole way. */
  readonly advantages: readonly Float64Array[]
  /** States of the Fisher form, [count, observationSize]. */
  readonly states: Float64Array
}

export const minibatchSize = 64
export const epochs = 10
export const rolloutSize = 2048

export const ppo: PpoOptions = {
  learningRate: 3e-4,
  clipRange: 0.2,
  entropyCoef: 0.01,
  valueCoef: 0.5,
  maxGradNorm: 0.5,
  adamEpsilon: 1e-5,
  normalizeAdvantage: true,
}

export const gateOptions = { mode: 'theorem1', estimator: 'exact', gamma: 0.99, margin: 0.1, z: 1 } as const

/** Draws a workload: the default is policy 6-64-64-1 with `log_std`, value 6-64-64-1, six peers, M = K = 256. */
export function drawWorkload({
  hidden = [64, 64],
  gateSize = 256,
  peerCount = 6,
  rollout = rolloutSize,
}: {
  readonly hidden?: readonly number[]
  readonly gateSize?: number
  readonly peerCount?: number
  readonly rollout?: number
} = {}): Workload {
  const architecture = { observationSize: 6, actionSize: 1, hidden }
  const engine = createReferenceEngine(architecture)
  const start = initialPolicy(architecture, createRng(1, 'bench', 'policy'), 0)
  // The head of a fresh policy is nearly 0: moved a little, its outputs and their derivatives are of usual size.
  const policy = changed(start, 0.05, 'moved')
  const value = initialValue(architecture, createRng(1, 'bench', 'value'))
  const peers = Array.from({ length: peerCount }, (_, i) => changed(policy, 0.02, `peer-${i}`))
  const evidence = samples('evidence', gateSize)
  const advantages = peers.map((peer) => {
    const logProb = new Float64Array(gateSize)
    engine.logProb(peer, evidence.observations, evidence.actions, gateSize, logProb)
    return logProb.map((x, i) => Math.sign(x - evidence.logProb[i]!))
  })
  const order = new Int32Array(epochs * rollout)
  const rng = createRng(1, 'bench', 'order')
  for (let e = 0; e < epochs; e++) {
    const rows = order.subarray(e * rollout, (e + 1) * rollout)
    for (let i = 0; i < rollout; i++) rows[i] = i
    shuffle(rows, rollout, rng)
  }
  const otherPolicy = changed(policy, 1e-3, 'other')
  const states = draw('states', gateSize * architecture.observationSize)
  const batch = samples('batch', rollout)
  return { architecture, policy, value, otherPolicy, peers, batch, order, evidence, advantages, states }

  function samples(purpose: string, count: number): Minibatch {
    const observations = draw(`${purpose}-observations`, count * architecture.observationSize)
    const actions = draw(`${purpose}-actions`, count)
    const logProb = new Float64Array(count)
    engine.logProb(policy, observations, actions, count, logProb)
    const [advantage, returns] = [draw(`${purpose}-advantage`, count), draw(`${purpose}-returns`, count)]
    return { count, observations, actions, logProb: logProb.map(Math.fround), advantage, returns }
  }
}

/** A policy near another one, float32 values. */
export function changed(policy: Float64Array, size: number, purpose: string): Float64Array {
  const rng = createRng(1, 'bench', purpose)
  return policy.map((x) => Math.fround(x + size * (2 * rng.uniform() - 1)))
}

function draw(purpose: string, size: number): Float64Array {
  const rng = createRng(1, 'bench', purpose, size)
  return Float64Array.from({ length: size }, () => Math.fround(2 * rng.uniform() - 1))
}

/** Where both vectors lie in files: names in code-unit order, so [policy, value] are one flat vector each. */
export function layouts({ architecture }: Workload) {
  return { policy: policyLayout(architecture), value: valueLayout(architecture) }
}

/** Writes `workload.safetensors` (all columns, F32), `workload.json` (options and tensor names) and `policy.onnx`. */
export function saveWorkload(workload: Workload, folder: string): void {
  const { architecture, policy, value, otherPolicy, peers, batch, order, evidence, advantages, states } = workload
  const { observationSize, actionSize } = architecture
  const tensor = (data: ArrayLike<number>, width = 0) => ({
    shape: width > 0 ? [data.length / width, width] : [data.length],
    data: Float32Array.from(data),
  })
  const columns = (name: string, { observations, actions, logProb, advantage, returns }: Minibatch) => [
    [`${name}.observations`, tensor(observations, observationSize)] as const,
    [`${name}.actions`, tensor(actions, actionSize)] as const,
    [`${name}.logProb`, tensor(logProb)] as const,
    [`${name}.advantage`, tensor(advantage)] as const,
    [`${name}.returns`, tensor(returns)] as const,
  ]
  const tensors = new Map([
    ['policy', tensor(policy)] as const,
    ['value', tensor(value)] as const,
    ['otherPolicy', tensor(otherPolicy)] as const,
    [
      'peers',
      tensor(
        peers.flatMap((peer) => [...peer]),
        policy.length,
      ),
    ] as const,
    [
      'advantages',
      tensor(
        advantages.flatMap((row) => [...row]),
        evidence.count,
      ),
    ] as const,
    ['order', tensor(order, minibatchSize)] as const,
    ['states', tensor(states, observationSize)] as const,
    ...columns('batch', batch),
    ...columns('evidence', evidence),
  ])
  writeFileSync(join(folder, 'workload.safetensors'), encodeSafetensors({ tensors, metadata: new Map() }))
  const facts = { architecture, ppo, gate: gateOptions, layouts: layouts(workload) }
  writeFileSync(join(folder, 'workload.json'), JSON.stringify(facts))
  const observationNames = Array.from({ length: observationSize }, (_, i) => `x${i}`)
  const named = { architecture, policy, observationNames, actionNames: ['action'], vehicle: undefined }
  writeFileSync(join(folder, 'policy.onnx'), encodeOnnx(named))
}

/** Takes back what `saveWorkload` wrote. */
export function loadWorkload(folder: string): Workload {
  const { architecture } = JSON.parse(readFileSync(join(folder, 'workload.json'), 'utf8')) as Workload
  const { tensors } = decodeSafetensors(readFileSync(join(folder, 'workload.safetensors')))
  const column = (name: string): Float64Array => Float64Array.from(tensors.get(name)?.data ?? [])
  const rows = (name: string): Float64Array[] => {
    const [count = 0, width = 0] = tensors.get(name)?.shape ?? []
    const values = column(name)
    return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width))
  }
  const columns = (name: string): Minibatch => ({
    count: column(`${name}.logProb`).length,
    observations: column(`${name}.observations`),
    actions: column(`${name}.actions`),
    logProb: column(`${name}.logProb`),
    advantage: column(`${name}.advantage`),
    returns: column(`${name}.returns`),
  })
  return {
    architecture,
    policy: column('policy'),
    value: column('value'),
    otherPolicy: column('otherPolicy'),
    peers: rows('peers'),
    batch: columns('batch'),
    order: Int32Array.from(column('order')),
    evidence: columns('evidence'),
    advantages: rows('advantages'),
    states: column('states'),
  }
}
