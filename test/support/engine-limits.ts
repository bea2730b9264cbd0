import type { Test } from 'tap'
import {
  type Architecture,
  createRng,
  type Engine,
  type Minibatch,
  policyLayout,
  ppoStep,
  ppoUpdate,
  slotOf,
} from '../../device/core/index.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import {
  allRows,
  batchOf,
  type Candidate,
  copyOf,
  learnerOf,
  nearAll,
  normals,
  ppo,
  rms,
  written,
} from './engine-samples.ts'
import { garbageCollector } from './heap.ts'

const architecture: Architecture = { observationSize: 5, actionSize: 2, hidden: [9, 6] }

/** What is not finite as float32, or not there, is refused at the boundary by name, index and value. */
export function refusals(t: Test, { create }: Candidate): void {
  const rng = createRng(30, 'refusals')
  const engine = create(architecture)
  const learner = learnerOf(rng, architecture)
  const { policy, value } = learner
  const batch = batchOf(rng, architecture, 4)
  const { observations, actions } = batch
  const out = new Float64Array(8)
  const actor = engine.createActor()
  const update = (change: Partial<Minibatch>) => engine.startUpdate(copyOf(learner), { ...batch, ...change }, ppo)
  type Column = Float64Array | Float32Array
  const calls: [string, string, Column, (column: Column) => unknown][] = [
    ['policyMean', 'policy', policy, (x) => engine.policyMean(x, observations, 4, out)],
    ['policyMean', 'observations', observations, (x) => engine.policyMean(policy, x, 4, out)],
    ['stateValue', 'value', value, (x) => engine.stateValue(x, observations, 4, out)],
    ['stateValue', 'observations', observations, (x) => engine.stateValue(value, x, 4, out)],
    ['logProb', 'policy', policy, (x) => engine.logProb(x, observations, actions, 4, out)],
    ['logProb', 'observations', observations, (x) => engine.logProb(policy, x, actions, 4, out)],
    ['logProb', 'actions', actions, (x) => engine.logProb(policy, observations, x, 4, out)],
    ['fisherExact', 'policy', policy, (x) => engine.fisherExact(x, policy, observations, 4)],
    ['fisherExact', 'towards', policy, (x) => engine.fisherExact(policy, x, observations, 4)],
    ['fisherExact', 'observations', observations, (x) => engine.fisherExact(policy, policy, x, 4)],
    ['fisherSampled', 'policy', policy, (x) => engine.fisherSampled(x, policy, observations, actions, 4)],
    ['fisherSampled', 'towards', policy, (x) => engine.fisherSampled(policy, x, observations, actions, 4)],
    ['fisherSampled', 'observations', observations, (x) => engine.fisherSampled(policy, policy, x, actions, 4)],
    ['fisherSampled', 'actions', actions, (x) => engine.fisherSampled(policy, policy, observations, x, 4)],
    ['meanKl', 'policy', policy, (x) => engine.meanKl(x, policy, observations, 4)],
    ['meanKl', 'policy', policy, (x) => engine.meanKl(policy, x, observations, 4)],
    ['meanKl', 'observations', observations, (x) => engine.meanKl(policy, policy, x, 4)],
    ['load', 'policy', policy, (x) => actor.load(x)],
    ['act', 'observation', observations.subarray(0, 5), (x) => actor.act(x, new Float32Array(2))],
    ['startUpdate', 'observations', observations, (x) => update({ observations: x })],
    ['startUpdate', 'actions', actions, (x) => update({ actions: x })],
    ['startUpdate', 'logProb', batch.logProb, (x) => update({ logProb: x })],
    ['startUpdate', 'advantage', batch.advantage, (x) => update({ advantage: x })],
    ['startUpdate', 'returns', batch.returns, (x) => update({ returns: x })],
    [
      'startUpdate',
      'policy',
      policy,
      (x) => engine.startUpdate({ ...learner, policy: Float64Array.from(x) }, batch, ppo),
    ],
    ['startUpdate', 'value', value, (x) => engine.startUpdate({ ...learner, value: Float64Array.from(x) }, batch, ppo)],
  ]
  for (const [method, name, column, call] of calls) {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39]) {
      for (const index of [0, column.length - 1]) {
        const damaged = column.slice()
        damaged[index] = wrong
        // The value may be named as float32.
        const messages = [wrong, Math.fround(wrong)].map((x) => `${name}[${index}] must be finite, got ${x}`)
        const error = thrownBy(() => call(damaged))
        t.ok(error instanceof RangeError && messages.includes(error.message), `${method}: ${messages[0]}`, { error })
      }
    }
    t.throws(() => call(column.slice(0, -1)), RangeError, `${method}: ${name} too short`)
    t.doesNotThrow(() => call(column), `${method} goes on after refusals of ${name}`)
  }
  for (const rows of [[4], [0, -1], [0, 1, 2 ** 30]])
    t.throws(() => update({}).step(Int32Array.from(rows)), RangeError, `rows ${rows} of 4`)
}

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

/** Finite inputs at the ends of float32 give answers, the reference's where float32 can hold them. */
export function extremes(t: Test, { create, tolerance }: Candidate): void {
  const rng = createRng(31, 'extremes')
  const reference = createReferenceEngine(architecture)
  const engine = create(architecture)
  const learner = learnerOf(rng, architecture)
  const { policy, value } = learner
  const { offset } = slotOf(policyLayout(architecture), 'log_std')
  const batch = batchOf(rng, architecture, 24)
  const { actions } = batch
  const answers = (e: Engine, theta: Float64Array, observations: Float64Array) => ({
    means: written(48, (out) => e.policyMean(theta, observations, 24, out)),
    states: written(24, (out) => e.stateValue(value, observations, 24, out)),
    logs: written(24, (out) => e.logProb(theta, observations, actions, 24, out)),
    fisher: [e.fisherExact(theta, policy, observations, 24)],
    sampled: [e.fisherSampled(theta, policy, observations, actions, 24)],
  })
  const compare = (t: Test, theta: Float64Array, observations: Float64Array) => {
    const [found, wanted] = [answers(engine, theta, observations), answers(reference, theta, observations)]
    for (const name of ['means', 'states', 'logs', 'fisher', 'sampled'] as const)
      nearAll(t, name, found[name], wanted[name], tolerance, rms(wanted[name]))
  }

  for (const size of [1e30, 1e4, 1e-30, 1e-42, 0])
    t.test(`observations of size ${size}`, async (t) => {
      compare(
        t,
        policy,
        normals(rng, 120).map((x) => Math.fround(size * x)),
      )
    })
  for (const logStd of [-20, -5, 5, 20])
    t.test(`log_std ${logStd}`, async (t) => {
      const theta = policy.slice()
      theta.fill(logStd, offset, offset + 2)
      compare(t, theta, normals(rng, 120))
    })

  const trained = (e: Engine, change: Partial<Minibatch>, logStd?: number) => {
    const mine = copyOf(learner)
    if (logStd !== undefined) mine.policy.fill(logStd, offset, offset + 2)
    const statistics = ppoStep(e, mine, { ...batch, ...change }, ppo)
    return { learner: mine, statistics }
  }
  const zero = new Float64Array(24)
  const tame: [string, Partial<Minibatch>][] = [
    ['advantages of 0', { advantage: zero }],
    ['advantages without variance', { advantage: zero.map(() => 3) }],
    ['advantages that are denormal', { advantage: batch.advantage.map((x) => Math.fround(1e-42 * x)) }],
    ['advantages of 1e30', { advantage: batch.advantage.map((x) => Math.fround(1e30 * x)) }],
    ['a single sample', { count: 1 }],
    [
      'returns that are met',
      { returns: written(24, (out) => reference.stateValue(value, batch.observations, 24, out)) },
    ],
  ]
  for (const [name, change] of tame)
    t.test(`a step with ${name}`, async (t) => {
      const behaviour = written(24, (out) => reference.logProb(policy, batch.observations, actions, 24, out))
      const near = { logProb: behaviour.map((x) => x - 0.05), ...change }
      const [found, wanted] = [trained(engine, near), trained(reference, near)]
      t.equal(found.learner.adam.step, 1)
      const wantedMoments = wanted.learner.adam.m
      nearAll(t, 'gradient', found.learner.adam.m, wantedMoments, tolerance, Math.max(rms(wantedMoments), 1e-6))
    })

  const wild: [string, Partial<Minibatch>, number?][] = [
    ['returns of 1e30', { returns: zero.map(() => 1e30) }],
    ['actions of 1e30', { actions: actions.map((x) => Math.fround(1e30 * x)) }],
    ['observations of 1e38', { observations: batch.observations.map((x) => Math.fround(1e38 * Math.sign(x))) }],
    ['behaviour probabilities of 0', { logProb: zero.map(() => -1e30), advantage: zero.map((_, i) => i - 30) }],
    ['log_std 80', {}, 80],
    ['log_std -80', {}, -80],
  ]
  for (const [name, change, logStd] of wild)
    t.test(`a step with ${name} leaves finite parameters`, async (t) => {
      const { learner: mine } = trained(engine, change, logStd)
      const { policy, value, adam } = mine
      for (const vector of [policy, value, adam.m, adam.v]) t.ok(vector.every(Number.isFinite))
    })

  t.test('a gradient that is not finite leaves the learner as it was', async (t) => {
    const mine = copyOf(learner)
    const batchOfZeros = { ...batch, logProb: zero.map(() => -1e30), advantage: zero.map(() => -1) }
    const session = engine.startUpdate(mine, batchOfZeros, { ...ppo, normalizeAdvantage: false })
    t.notOk(Number.isFinite(session.step(allRows(24)).gradNorm))
    session.finish()
    t.same(mine, learner)
  })
}

/** Thousands of minibatch steps in many sessions, with acting and evaluation between, leave memory as it was. */
export function memory(t: Test, { create, slow, held }: Candidate): void {
  const collect = garbageCollector()
  const rng = createRng(32, 'memory')
  const small = { observationSize: 3, actionSize: 1, hidden: [4] }
  const engine = create(small)
  const learner = learnerOf(rng, small)
  const actor = engine.createActor()
  const batch = batchOf(rng, small, 40)
  const { observations } = batch
  const out = new Float64Array(40)
  const action = new Float32Array(1)
  const options = { ...ppo, epochs: 1, minibatchSize: 4, targetKl: null } // 10 steps an update
  const updates = slow ? 30 : 250
  const run = () => {
    for (let i = 0; i < updates; i++) {
      ppoUpdate(engine, learner, batch, options, rng)
      engine.startUpdate(learner, batch, ppo).step(allRows(4)) // given up
      actor.load(learner.policy)
      actor.act(observations.subarray(0, 3), action)
      engine.stateValue(learner.value, observations, 40, out)
      engine.fisherExact(learner.policy, learner.policy, observations, 40)
      engine.meanKl(learner.policy, learner.policy, observations, 40)
    }
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return { heapUsed, external, held: held() }
  }
  run()
  const found = Array.from({ length: 9 }, run)
  const of = (what: 'heapUsed' | 'external' | 'held') => found.map((now) => now[what] - found[0]![what])
  t.same(of('held'), Array(9).fill(0))
  const heap = of('heapUsed')
  // What leaks does so every time; the level itself goes up and down by 0.1 MB with what V8 compiles and flushes.
  t.ok(slope(heap) < 60_000, `${heap} bytes more of heap, ${updates} updates each`)
  const external = of('external')
  t.ok(external.at(-1)! < 65_536, `${external} bytes more outside the heap: less than a page of WebAssembly`)
}

/** Of the line of least squares through equally spaced values. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  let [products, squares] = [0, 0]
  for (const [i, value] of values.entries()) {
    products += (i - middle) * value
    squares += (i - middle) ** 2
  }
  return products / squares
}
