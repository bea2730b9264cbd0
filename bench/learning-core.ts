import {
  createLearner,
  createRng,
  gate,
  initialPolicy,
  initialValue,
  type Minibatch,
  type PpoOptions,
  ppoStep,
  ppoUpdate,
  type Verdict,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { type Figure, figureOf, timeInTurnsUs, timeUs } from './measure.ts'

const architecture = { observationSize: 6, actionSize: 1, hidden: [64, 64] }
const ppo: PpoOptions = {
  learningRate: 3e-4,
  clipRange: 0.2,
  entropyCoef: 0.01,
  valueCoef: 0.5,
  maxGradNorm: 0.5,
  adamEpsilon: 1e-5,
  normalizeAdvantage: false,
}

/** Inference, a PPO minibatch step, a whole update and the gate per peer, on the engine that devices use. */
export function learningCore(quick: boolean): Figure[] {
  return [inference(), ...training(quick), ...gatePerPeer(50, quick), ...gatePerPeer(256, quick)]
}

function inference(): Figure {
  const { engine, policy } = createSubject()
  const { observations } = samples(1)
  const out = new Float64Array(1)
  const values = timeUs(() => engine.policyMean(policy, observations, 1, out), { batch: 2_000, repetitions: 9 })
  return figureOf('inference', 'µs', values, 'mean action of one observation, 6-64-64-1')
}

function training(quick: boolean): Figure[] {
  const { engine, policy, value } = createSubject()
  const learner = createLearner(policy, value)
  const step = timeUs(() => ppoStep(engine, learner, samples64, ppo), { batch: 20, repetitions: quick ? 5 : 15 })
  const epochs = quick ? 2 : 10
  const rollout = samples(2048)
  const options = { ...ppo, epochs, minibatchSize: 64, targetKl: null }
  const rng = createRng(1, 'bench', 'shuffle')
  const update = timeUs(
    () => {
      ppoUpdate(engine, learner, rollout, options, rng)
    },
    { batch: 1, repetitions: quick ? 2 : 5 },
  )
  return [
    figureOf('ppo-step', 'µs', step, 'one minibatch of 64: policy and value 6-64-64-1, both passes, clip, Adam'),
    figureOf('ppo-update', 'µs', update, `2048 samples × ${epochs} epochs = ${32 * epochs} minibatch steps`),
  ]
}

/**
 * One judgement: log-probabilities, policy advantage, Fisher form, exact KL at α. Cold: nothing of the own policy is
 * kept (two own policies take turns). Warm: one own policy judges peer after peer.
 */
function gatePerPeer(count: number, quick: boolean): Figure[] {
  const { engine, policy } = createSubject()
  const owns = [policy, changed(policy, 1e-3, 'own')]
  const evidence = samples(count)
  // Advantages that like what each peer does more often than the own policy, so that every judgement goes the whole way.
  const logProbOf = (theta: Float64Array): Float64Array => {
    const out = new Float64Array(count)
    engine.logProb(theta, evidence.observations, evidence.actions, count, out)
    return out
  }
  const judged = Array.from({ length: 6 }, (_, i) => {
    const peer = changed(policy, 0.02, `peer-${i}`)
    const [own, other] = [logProbOf(policy), logProbOf(peer)]
    return { peer, advantage: own.map((logProb, row) => Math.sign((other[row] ?? 0) - logProb)) }
  })
  const states = { count, observations: samples(count, 'states').observations }
  const options = { mode: 'theorem1', estimator: 'exact', gamma: 0.99, margin: 0.1, z: 1 } as const
  const identity = { ownHash: null, peerHash: null, peerId: null, peerBoot: null, peerSequence: null }
  const judge = (own: Float64Array, { peer, advantage }: (typeof judged)[number]): Verdict => {
    const verdict = gate({ engine, own, peer, evidence: { ...evidence, advantage }, states, options, identity })
    if (!verdict.accepted) throw new Error(`the benchmark's peers must be accepted, got ${verdict.reason}`)
    return verdict
  }
  let n = 0
  const next = () => judged[n++ % judged.length]!
  const times = timeInTurnsUs(
    {
      cold: () => judge(owns[n % 2] ?? policy, next()),
      warm: () => judge(policy, next()),
    },
    { batch: 24, repetitions: quick ? 5 : 15 },
  )
  return [
    figureOf(`gate-cold-${count}`, 'µs', times.cold, `one peer, M = K = ${count}, own policy new to the engine`),
    figureOf(`gate-warm-${count}`, 'µs', times.warm, `one peer, M = K = ${count}, own policy judged with before`),
  ]
}

export function createSubject() {
  const policy = initialPolicy(architecture, createRng(1, 'bench', 'policy'), 0)
  const value = initialValue(architecture, createRng(1, 'bench', 'value'))
  return { engine: createReferenceEngine(architecture), architecture, policy, value }
}

/** Drawn rows in the shape of a rollout; the behaviour policy is the own one. */
export function samples(count: number, purpose = 'samples'): Minibatch {
  const rng = createRng(1, 'bench', purpose, count)
  const draw = (size: number): Float64Array =>
    Float64Array.from({ length: size }, () => Math.fround(2 * rng.uniform() - 1))
  const { engine, policy } = createSubject()
  const observations = draw(count * architecture.observationSize)
  const actions = draw(count)
  const logProb = new Float64Array(count)
  engine.logProb(policy, observations, actions, count, logProb)
  return { count, observations, actions, logProb, advantage: draw(count), returns: draw(count) }
}

const samples64 = samples(64)

/** A policy near another one. */
export function changed(policy: Float64Array, size: number, purpose: string): Float64Array {
  const rng = createRng(1, 'bench', purpose)
  return policy.map((x) => Math.fround(x + size * (2 * rng.uniform() - 1)))
}
