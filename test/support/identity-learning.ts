import {
  type Architecture,
  createLearner,
  createRng,
  type Engine,
  gate,
  initialPolicy,
  initialValue,
  type Learner,
  mix,
  shuffle,
} from '../../device/core/index.ts'
import type { CreateEngine } from '../../device/engines/index.ts'
import { learningProperties } from '../../schemas/config-learning.ts'
import { createDigest } from './identity-digest.ts'

/** That of a device with the default configuration. */
const architecture: Architecture = { observationSize: 6, actionSize: 1, hidden: [64, 64] }
const ppo = {
  ...{ learningRate: 3e-4, clipRange: 0.2, entropyCoef: 0.01, valueCoef: 0.5, maxGradNorm: 0.5, adamEpsilon: 1e-5 },
  normalizeAdvantage: true,
}
const samples = 2_048
const minibatch = 64
const passes = 10

/** 320 PPO minibatch steps: the statistics of each, then all parameters and Adam's moments. */
export function ppoSteps(createEngine: CreateEngine): string {
  const digest = createDigest()
  const { learner } = trained(createEngine(architecture), digest.numbers)
  digest.numbers(learner.policy)
  digest.numbers(learner.value)
  digest.numbers(learner.adam.m)
  digest.numbers(learner.adam.v)
  digest.numbers([learner.adam.step])
  return digest.end()
}

/**
 * Every mode and estimator of the gate on the policies before and after those steps, and what comes of the mix; before
 * it, log-probabilities, means, values, both Fisher forms and KL in both directions.
 */
export function verdicts(createEngine: CreateEngine): string {
  const digest = createDigest()
  const engine = createEngine(architecture)
  const { learner, before, batch } = trained(engine, () => {})
  const [own, peer] = [before.policy, learner.policy]
  const count = 256
  const { observations, actions } = batch
  const out = new Float64Array(count)
  for (const [from, to] of [
    [own, peer],
    [peer, own],
  ] as const) {
    engine.policyMean(from, observations, count, out)
    digest.numbers(out)
    engine.logProb(from, observations, actions, count, out)
    digest.numbers(out)
    engine.stateValue(learner.value, observations, count, out)
    digest.numbers(out)
    digest.numbers([
      engine.fisherExact(from, to, observations, count),
      engine.fisherSampled(from, to, observations, actions, count),
      engine.meanKl(from, to, observations, count),
    ])
  }
  const identity = { ownHash: null, peerHash: null, peerId: 'peer', peerBoot: 1, peerSequence: 1 }
  const evidence = { ...batch, count }
  for (const mode of learningProperties.gateMode.enum) {
    for (const estimator of learningProperties.estimator.enum) {
      const options = { mode, estimator, gamma: 0.9, margin: 0.1, z: 1 }
      const verdict = gate({ engine, own, peer, evidence, states: evidence, options, identity })
      digest.text(JSON.stringify(verdict))
      digest.numbers(mix(own, peer, verdict.alpha))
    }
  }
  return digest.end()
}

/** 2,000 actions with their log-probabilities, and the state of the noise after them. */
export function actions(createEngine: CreateEngine): string {
  const digest = createDigest()
  const actor = createEngine(architecture).createActor()
  actor.load(initialPolicy(architecture, createRng(3, 'initial-policy'), -0.5))
  actor.restoreNoise(createRng(3, 'car05', 'noise', 1).state())
  const rng = createRng(3, 'identity', 'observations')
  const observation = new Float32Array(architecture.observationSize)
  const action = new Float32Array(architecture.actionSize)
  for (let i = 0; i < 2_000; i++) {
    for (let j = 0; j < observation.length; j++) observation[j] = rng.normal()
    digest.numbers([actor.act(observation, action), ...action])
  }
  digest.numbers(actor.noiseState())
  return digest.end()
}

/** 320 minibatch steps on 2,048 samples that the initial policy drew; `each` gets the statistics of every step. */
function trained(engine: Engine, each: (statistics: number[]) => void) {
  const before = createLearner(
    initialPolicy(architecture, createRng(3, 'initial-policy'), -0.5),
    initialValue(architecture, createRng(3, 'initial-value')),
  )
  const learner: Learner = createLearner(before.policy.slice(), before.value.slice())
  const batch = drawn(engine, before)
  const rng = createRng(3, 'identity', 'order')
  const order = Int32Array.from({ length: samples }, (_, i) => i)
  const update = engine.startUpdate(learner, batch, ppo)
  for (let pass = 0; pass < passes; pass++) {
    shuffle(order, samples, rng)
    for (let at = 0; at < samples; at += minibatch) each(Object.values(update.step(order.subarray(at, at + minibatch))))
  }
  update.finish()
  return { learner, before, batch }
}

/** Samples whose advantage follows from state and action, so that there is something to learn. */
function drawn(engine: Engine, { policy }: Learner) {
  const rng = createRng(3, 'identity', 'samples')
  const { observationSize } = architecture
  const observations = Float64Array.from({ length: samples * observationSize }, () => rng.normal())
  const actions = new Float64Array(samples)
  engine.policyMean(policy, observations, samples, actions)
  for (let i = 0; i < samples; i++) actions[i] = (actions[i] as number) + 0.6 * rng.normal()
  const logProb = new Float64Array(samples)
  engine.logProb(policy, observations, actions, samples, logProb)
  const advantage = actions.map((a, i) => a * (observations[i * observationSize] as number) + 0.1 * rng.normal())
  const returns = advantage.map((a, i) => a + 0.3 * (observations[i * observationSize + 1] as number))
  return { count: samples, observations, actions, logProb, advantage, returns }
}
