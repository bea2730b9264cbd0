import type { Test } from 'tap'
import {
  type Architecture,
  createLearner,
  createRng,
  policyLayout,
  ppoStep,
  ppoUpdate,
  type Rng,
  slotOf,
} from '../../device/core/index.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import {
  awayFromClipping,
  batchOf,
  type Candidate,
  copyOf,
  learnerOf,
  near,
  nearAll,
  normals,
  ppo,
  rms,
  tensorsOf,
  written,
} from './engine-samples.ts'

/** Random shapes and data: everything an engine computes, beside the float64 reference. */
export function agreesWithReference(t: Test, { create, tolerance, nearbyTolerance, slow }: Candidate): void {
  const rng = createRng(5, 'shapes')
  const shapes = Array.from({ length: slow ? 8 : 30 }, () => shapeOf(rng, slow ? 40 : 130))
  shapes.push({ observationSize: 20, actionSize: 6, hidden: [130, 129, 127] })
  shapes.forEach((architecture, trial) => {
    const { observationSize, actionSize, hidden } = architecture
    const count = trial === shapes.length - 1 ? 300 : 1 + rng.integer(trial % 2 === 0 ? 9 : slow ? 64 : 300)
    t.test(`${count} rows of ${observationSize} observations, ${actionSize} actions, hidden ${hidden}`, async (t) => {
      const engine = create(architecture)
      const reference = createReferenceEngine(architecture)
      const learner = learnerOf(rng, architecture)
      const { policy, value } = learner
      const batch = awayFromClipping(reference, policy, batchOf(rng, architecture, count))
      const { observations, actions } = batch
      const delta = normals(rng, policy.length).map((x) => Math.fround(0.05 * x))
      const towards = policy.map((x, i) => Math.fround(x + delta[i]!))
      const both = [engine, reference] as const

      const [means, wantedMeans] = both.map((e) =>
        written(count * actionSize, (out) => e.policyMean(policy, observations, count, out)),
      )
      nearAll(t, 'policyMean', means!, wantedMeans!, tolerance, rms(wantedMeans!))
      const [states, wantedStates] = both.map((e) =>
        written(count, (out) => e.stateValue(value, observations, count, out)),
      )
      nearAll(t, 'stateValue', states!, wantedStates!, tolerance, rms(wantedStates!))
      const [logs, wantedLogs] = both.map((e) =>
        written(count, (out) => e.logProb(policy, observations, actions, count, out)),
      )
      nearAll(t, 'logProb', logs!, wantedLogs!, tolerance, actionSize)
      const [exact, wantedExact] = both.map((e) => e.fisherExact(policy, towards, observations, count))
      near(t, 'fisherExact', exact!, wantedExact!, tolerance)
      const [sampled, wantedSampled] = both.map((e) => e.fisherSampled(policy, towards, observations, actions, count))
      near(t, 'fisherSampled', sampled!, wantedSampled!, tolerance, wantedExact)
      const divergence = (name: string, from: Float64Array, to: Float64Array, allowed: number) => {
        const [kl, wantedKl] = both.map((e) => e.meanKl(from, to, observations, count))
        near(t, `meanKl of policies ${name}`, kl!, wantedKl!, allowed)
      }
      const moved = (alpha: number) => policy.map((x, i) => Math.fround(x + alpha * delta[i]!))
      divergence('1e-4 apart', policy, moved(1e-4), nearbyTolerance)
      divergence('0.01 apart', policy, moved(0.01), tolerance)
      divergence('1 apart', policy, moved(1), tolerance)
      const { size: free } = slotOf(policyLayout(architecture), 'log_std')
      const stretched = (factor: number) => policy.map((x, i) => (i < free ? x : Math.fround(factor * x)))
      divergence('whose units saturate at either end', stretched(30), stretched(-40), tolerance)

      const trained = copyOf(learner)
      const wanted = copyOf(learner)
      const statistics = ppoStep(engine, trained, batch, ppo)
      const wantedStatistics = ppoStep(reference, wanted, batch, ppo)
      for (const [name, x] of Object.entries(wantedStatistics))
        near(t, name, statistics[name as keyof typeof statistics], x, tolerance, 1)
      for (const [i, [name, gradient]] of tensorsOf(architecture, wanted.adam.m).entries())
        nearAll(
          t,
          `moment of ${name}`,
          tensorsOf(architecture, trained.adam.m)[i]![1],
          gradient,
          tolerance,
          rms(wanted.adam.m),
        )
      t.equal(trained.adam.step, 1)
    })
  })
}

/** The gradient of a step is that of the loss it reports: central differences along every tensor and along all at once. */
export function gradientOfTheLoss(t: Test, { create, tolerance }: Candidate): void {
  const rng = createRng(6, 'differences')
  const [step, allowed] = tolerance > 1e-6 ? [1e-2, 3e-3] : [1e-4, 1e-6]
  for (const hidden of [[9], [8, 5], [6, 7, 5]]) {
    const architecture = { observationSize: 5, actionSize: 3, hidden }
    const engine = create(architecture)
    const learner = learnerOf(rng, architecture)
    const { policy, value } = learner
    const batch = awayFromClipping(engine, policy, batchOf(rng, architecture, 30))
    const options = { ...ppo, maxGradNorm: 1e9 }
    const start = new Float64Array([...policy, ...value])
    const lossAt = (direction: Float64Array, h: number) => {
      const moved = start.map((x, i) => x + h * direction[i]!)
      const there = createLearner(moved.slice(0, policy.length), moved.slice(policy.length))
      return ppoStep(engine, there, batch, options).loss
    }
    const trained = copyOf(learner)
    const { gradNorm } = ppoStep(engine, trained, batch, options)
    const gradient = trained.adam.m.map((m) => m / 0.1)
    near(t, 'the norm is that of the gradient', Math.sqrt(gradient.length) * rms(gradient), gradNorm, 1e-5)
    const check = (name: string, along: Float64Array) => {
      const length = Math.sqrt(along.length) * rms(along)
      const direction = along.map((x) => x / length)
      const slope = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
      const difference = (lossAt(direction, step) - lossAt(direction, -step)) / (2 * step)
      near(t, `hidden ${hidden}: along ${name}`, slope, difference, allowed, 0.1 * gradNorm)
    }
    tensorsOf(architecture, gradient).forEach(([name], at) => {
      const along = new Float64Array(gradient.length)
      tensorsOf(architecture, along)[at]![1].set(tensorsOf(architecture, gradient)[at]![1])
      check(name, along)
    })
    const noise = normals(rng, gradient.length).map((x) => (x * gradNorm) / Math.sqrt(gradient.length))
    check(
      'the gradient and noise',
      gradient.map((g, i) => g + noise[i]!),
    )
  }
}

/**
 * A whole update of 320 steps beside the same in float64, from the same start. A float32 parameter is rounded once a step,
 * by up to 2^-24 of itself: were all of these errors in the same direction, the two would end 320 · 2^-24 · rms θ apart. The
 * KL between them, quadratic in that, must be below a millionth of the KL that the update made.
 */
export function driftOfAnUpdate(t: Test, { create, slow }: Candidate): void {
  const rng = createRng(7, 'drift')
  const architecture = { observationSize: 6, actionSize: 1, hidden: slow ? [32, 32] : [64, 64] }
  const reference = createReferenceEngine(architecture)
  const start = learnerOf(rng, architecture)
  const drawn = batchOf(rng, architecture, 2048)
  const { observations, count } = drawn
  const logProb = written(count, (out) => reference.logProb(start.policy, observations, drawn.actions, count, out))
  const options = { ...ppo, epochs: 10, minibatchSize: 64, targetKl: null }
  const run = (engine: typeof reference) => {
    const learner = copyOf(start)
    const { steps } = ppoUpdate(engine, learner, { ...drawn, logProb }, options, createRng(1))
    t.equal(steps, 320)
    return learner
  }
  const wanted = run(reference)
  const found = run(create(architecture))
  for (const network of ['policy', 'value'] as const) {
    const apart = rms(wanted[network].map((x, i) => x - found[network][i]!))
    const allowed = 320 * 2 ** -24 * rms(wanted[network])
    t.ok(apart <= allowed, `${network}: ${apart} apart, at most ${allowed}`)
  }
  const kl = (to: Float64Array, from: Float64Array) => reference.meanKl(from, to, observations, count)
  const [apart, way] = [kl(found.policy, wanted.policy), kl(wanted.policy, start.policy)]
  t.ok(apart <= 1e-6 * way, `KL ${apart} beside ${way}`)
  t.ok(way > 1e-4, 'the update went somewhere')
}

/** GAE(λ) has the same bits on every engine. */
export function sameAdvantages(t: Test, { create }: Candidate): void {
  const rng = createRng(8, 'gae')
  const architecture = { observationSize: 2, actionSize: 1, hidden: [3] }
  const engines = [create(architecture), createReferenceEngine(architecture)]
  for (const count of [1, 2, 7, 100, 3]) {
    const ends = (share: number) => Uint8Array.from({ length: count }, () => (rng.uniform() < share ? 1 : 0))
    const input = {
      count,
      reward: normals(rng, count),
      value: normals(rng, count),
      nextValue: normals(rng, count),
      terminated: ends(0.1),
      truncated: ends(0.2),
      lambda: 0.95,
    }
    for (const discount of [0.99, Float64Array.from({ length: count }, () => rng.uniform())]) {
      const [found, wanted] = engines.map((engine) => {
        const [advantage, returns] = [new Float64Array(count), new Float64Array(count)]
        engine.generalizedAdvantage({ ...input, discount }, advantage, returns)
        return { advantage, returns }
      })
      t.same(found, wanted, `${count} transitions`)
    }
  }
}

/** θ + α (θ̃ − θ), rounded once to float32, −0 as +0: the same bits on every engine, from float32 and from float64. */
export function sameMixes(t: Test, { create }: Candidate): void {
  const rng = createRng(9, 'mix')
  for (const hidden of [[3], [64, 64], [7, 5, 2]]) {
    const architecture = { observationSize: 3, actionSize: 1, hidden }
    const engine = create(architecture)
    const size = policyLayout(architecture).size
    const [own, peer] = [normals(rng, size), normals(rng, size)]
    own.set([0, 1e-45, -1e-45, 1e38, 0.1])
    peer.set([-0, -1e-45, 0, -3e38, 0.3])
    for (const alpha of [0, 1e-9, 0.1, 0.5, 1]) {
      for (const vector of [Float32Array, Float64Array]) {
        const [from, to] = [vector.from(own), vector.from(peer)]
        const wanted = Float32Array.from(from, (x, i) => Math.fround(x + alpha * (to[i]! - x)) + 0)
        t.same(
          new Uint32Array(engine.mix(from, to, alpha).buffer),
          new Uint32Array(wanted.buffer),
          `${hidden} ${alpha}`,
        )
      }
    }
  }
}

function shapeOf(rng: Rng, widest: number): Architecture {
  return {
    observationSize: 1 + rng.integer(20),
    actionSize: 1 + rng.integer(6),
    hidden: Array.from({ length: 1 + rng.integer(3) }, () => 1 + rng.integer(widest)),
  }
}
