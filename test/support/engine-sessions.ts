import type { Test } from 'tap'
import { createRng, type Engine, ppoStep } from '../../device/core/index.ts'
import { allRows, batchOf, type Candidate, copyOf, learnerOf, nearAll, ppo, rms, written } from './engine-samples.ts'

const architecture = { observationSize: 5, actionSize: 3, hidden: [9, 6] }

/** An update changes nothing but its learner, and that only at its end. */
export function sessions(t: Test, { create }: Candidate): void {
  const rng = createRng(20, 'sessions')
  const engine = create(architecture)
  const start = learnerOf(rng, architecture)
  const batch = batchOf(rng, architecture, 40)

  t.test('the learner stays as it is until finish, and for ever where the update is given up', async (t) => {
    const learner = copyOf(start)
    const session = engine.startUpdate(learner, batch, ppo)
    for (let i = 0; i < 5; i++) session.step(allRows(40))
    t.same(learner, start)
    session.finish()
    t.equal(learner.adam.step, 5)
    t.notSame(learner.policy, start.policy)
    t.notSame(learner.value, start.value)
    const abandoned = copyOf(start)
    engine.startUpdate(abandoned, batch, ppo).step(allRows(40))
    const after = copyOf(start)
    engine.startUpdate(after, batch, ppo).finish()
    t.same([abandoned, after], [start, start])
  })

  t.test('moments go with their learner, whoever learns in between, and can be changed', async (t) => {
    let wanted = copyOf(start)
    for (let i = 0; i < 3; i++) {
      wanted = copyOf(wanted) // whose moments an engine cannot have kept
      ppoStep(engine, wanted, batch, ppo)
    }
    const [learner, other] = [copyOf(start), copyOf(start)]
    ppoStep(engine, learner, batch, ppo)
    engine.startUpdate(learner, batch, ppo).step(allRows(40)) // given up
    ppoStep(engine, other, batchOf(rng, architecture, 30), ppo)
    const kept = learner.adam
    ppoStep(engine, learner, batch, ppo)
    ppoStep(engine, learner, batch, ppo)
    t.same([learner, kept.step, kept.m], [wanted, 3, wanted.adam.m])
    learner.adam.m.fill(0)
    const zeroed = copyOf(learner)
    for (const one of [zeroed, learner]) ppoStep(engine, one, batch, ppo)
    t.same(learner, zeroed)
    t.notSame(learner.adam.m, wanted.adam.m)
  })

  t.test('a session works on copies of samples and parameters', async (t) => {
    const learner = copyOf(start)
    const mine = { ...batch, returns: Float64Array.from(batch.returns), observations: batch.observations.slice() }
    const session = engine.startUpdate(learner, mine, ppo)
    mine.returns.fill(7)
    mine.observations.fill(7)
    learner.policy.fill(7)
    session.step(allRows(40))
    session.finish()
    const wanted = copyOf(start)
    ppoStep(engine, wanted, batch, ppo)
    t.same(learner, wanted)
  })

  t.test('a step on some rows is one on a batch of these rows', async (t) => {
    const rows = [17, 3, 3, 39, 0, 21]
    const pick = (column: ArrayLike<number>, width: number) =>
      Float64Array.from(rows.flatMap((row) => Array.from({ length: width }, (_, j) => column[row * width + j]!)))
    const few = {
      count: rows.length,
      observations: pick(batch.observations, architecture.observationSize),
      actions: pick(batch.actions, architecture.actionSize),
      logProb: pick(batch.logProb, 1),
      advantage: pick(batch.advantage, 1),
      returns: pick(batch.returns, 1),
    }
    const [learner, wanted] = [copyOf(start), copyOf(start)]
    const session = engine.startUpdate(learner, batch, ppo)
    const statistics = session.step(Int32Array.from(rows))
    session.finish()
    t.same(statistics, ppoStep(engine, wanted, few, ppo))
    t.same(learner, wanted)
  })

  t.test('a step without rows has the gradient of the entropy alone, whatever the step before it had', async (t) => {
    const session = engine.startUpdate(copyOf(start), batch, ppo)
    session.step(allRows(40))
    const { gradNorm } = session.step(new Int32Array(0))
    const wanted = ppo.entropyCoef * Math.sqrt(architecture.actionSize)
    t.ok(Math.abs(gradNorm - wanted) < 1e-6, `${gradNorm} is ${wanted}`)
  })

  t.test('an update goes on from the Adam state of the learner', async (t) => {
    const together = copyOf(start)
    const session = engine.startUpdate(together, batch, ppo)
    for (let i = 0; i < 6; i++) session.step(allRows(40))
    session.finish()
    const apart = copyOf(start)
    for (let i = 0; i < 6; i++) ppoStep(engine, apart, batch, ppo)
    t.equal(apart.adam.step, 6)
    const way = rms(together.policy.map((x, i) => x - start.policy[i]!))
    nearAll(t, 'policy', apart.policy, together.policy, 1e-4, way)
  })

  t.test('an update that another one replaced goes on as if alone or throws; neither learner is spoilt', async (t) => {
    const [older, newer, wanted] = [copyOf(start), copyOf(start), copyOf(start)]
    ppoStep(engine, wanted, batch, ppo)
    const first = engine.startUpdate(older, batch, ppo)
    const second = engine.startUpdate(newer, batch, ppo)
    try {
      first.step(allRows(40))
      first.finish()
      t.same(older, wanted)
    } catch (error) {
      t.match(error, { message: /update must not/ })
      t.same(older, start)
    }
    second.step(allRows(40))
    second.finish()
    t.same(newer, wanted)
  })
}

/** The same question has the same answer, whatever was asked before. */
export function answersWithoutHistory(t: Test, { create, rowsStandAlone }: Candidate): void {
  const rng = createRng(21, 'history')
  const learners = [0, 1, 2].map(() => learnerOf(rng, architecture))
  const batches = [40, 8, 8, 1].map((count) => batchOf(rng, architecture, count))
  const scratch = { policy: learners[0]!.policy.slice(), observations: Float64Array.from(batches[1]!.observations) }
  const long = create(architecture)
  const open = { update: long.startUpdate(copyOf(learners[0]!), batches[0]!, ppo), actor: long.createActor() }
  open.actor.load(learners[2]!.policy)

  for (let i = 0; i < 200; i++) {
    const [one, other] = [learners[rng.integer(3)]!, learners[rng.integer(3)]!]
    const { count, observations, actions } = batches[rng.integer(4)]!
    scratch.policy[rng.integer(scratch.policy.length)]! += 0.5
    scratch.observations[rng.integer(scratch.observations.length)]! += 0.5
    const kind = rng.integer(9)
    const rows = rng.integer(count + 1)
    const ask = (engine: Engine): unknown => {
      if (kind === 0) return written(3 * count, (out) => engine.policyMean(one.policy, observations, count, out))
      if (kind === 1) return written(count, (out) => engine.stateValue(one.value, observations, count, out))
      if (kind === 2) return written(count, (out) => engine.logProb(one.policy, observations, actions, count, out))
      if (kind === 3) return engine.fisherExact(one.policy, other.policy, observations, count)
      if (kind === 4) return engine.fisherSampled(one.policy, other.policy, observations, actions, count)
      if (kind === 5) return engine.meanKl(one.policy, other.policy, observations, count)
      if (kind === 6) return written(24, (out) => engine.policyMean(scratch.policy, scratch.observations, 8, out))
      if (kind === 7) return written(rows, (out) => engine.stateValue(one.value, observations, rows, out))
      const learner = copyOf(one)
      return [ppoStep(engine, learner, batches[0]!, ppo), learner]
    }
    const answer = ask(long)
    if (i % 5 === 0) open.actor.act(observations.subarray(0, 5), new Float32Array(3))
    t.same(answer, ask(create(architecture)), `question ${i}, kind ${kind}`)
  }

  const { observations, actions } = batches[0]!
  const { policy, value } = learners[0]!
  const means = written(120, (out) => long.policyMean(policy, observations, 40, out))
  const short = [policy, observations].map((x) => Float32Array.from(x)) as [Float32Array, Float32Array]
  t.same(
    written(120, (out) => create(architecture).policyMean(...short, 40, out)),
    means,
    'float32 or float64 memory',
  )
  if (!rowsStandAlone) return
  const states = written(40, (out) => long.stateValue(value, observations, 40, out))
  const logs = written(40, (out) => long.logProb(policy, observations, actions, 40, out))
  for (const [from, rows] of [
    [0, 1],
    [39, 1],
    [7, 2],
    [3, 3],
    [12, 5],
    [1, 39],
  ] as const) {
    const [o, a] = [observations.slice(5 * from), actions.slice(3 * from)]
    const alone = [
      written(3 * rows, (out) => long.policyMean(policy, o, rows, out)),
      written(rows, (out) => long.stateValue(value, o, rows, out)),
      written(rows, (out) => long.logProb(policy, o, a, rows, out)),
    ]
    const wanted = [
      means.slice(3 * from, 3 * (from + rows)),
      states.slice(from, from + rows),
      logs.slice(from, from + rows),
    ]
    t.same(alone, wanted, `rows ${from} … ${from + rows - 1} have the same bits by themselves`)
  }
}
