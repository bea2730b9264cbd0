import t from 'tap'
import {
  type Architecture,
  backward,
  createLearner,
  createRng,
  createTrace,
  createWorkspace,
  explainedVariance,
  forward,
  generalizedAdvantage,
  initialPolicy,
  initialValue,
  type Minibatch,
  networkOf,
  policyLayout,
  ppoUpdate,
  Replay,
  Rollout,
  RunningScale,
  reserve,
  slotOf,
  tangent,
} from '../device/core/index.ts'
import { multiplyTransposed } from '../device/core/matrix.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'

const ppo = {
  learningRate: 3e-3,
  clipRange: 0.2,
  entropyCoef: 0,
  valueCoef: 0.5,
  maxGradNorm: 0.5,
  adamEpsilon: 1e-5,
  normalizeAdvantage: false,
}
const rng = createRng(11, 'learning')
const normals = (n: number) => Float64Array.from({ length: n }, () => rng.normal())

function randomBatch({ observationSize, actionSize }: Architecture, count: number): Minibatch {
  return {
    count,
    observations: normals(count * observationSize),
    actions: normals(count * actionSize),
    logProb: normals(count).map((z) => -2 + 0.2 * z),
    advantage: normals(count),
    returns: normals(count),
  }
}

t.test('the tiled product equals the plain sum for every remainder of the tiles', async (t) => {
  let worst = 0
  for (let rows = 1; rows <= 9; rows++) {
    for (let columns = 1; columns <= 9; columns++) {
      for (const inner of [1, 2, 5]) {
        const a = normals(3 + rows * inner)
        const b = normals(2 + columns * inner)
        const out = new Float64Array(1 + rows * columns)
        multiplyTransposed(a, 3, rows, b, 2, columns, inner, out, 1)
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let sum = 0
            for (let k = 0; k < inner; k++) sum += a[3 + i * inner + k]! * b[2 + j * inner + k]!
            worst = Math.max(worst, Math.abs(sum - out[1 + i * columns + j]!))
          }
        }
      }
    }
  }
  t.equal(worst, 0, 'the order of summation is the same, so are the bits')
})

for (const hidden of [[7], [8, 5], [4, 6, 3]]) {
  const architecture = { observationSize: 3, actionSize: 2, hidden }
  t.test(`network with hidden layers ${hidden}`, async (t) => {
    const layout = policyLayout(architecture)
    const network = networkOf(layout, 'policy')
    const parameters = normals(layout.size).map((x) => 0.5 * x)
    const direction = normals(layout.size)
    const count = 6
    const input = normals(count * 3)
    const outputs = (vector: Float64Array) => {
      const trace = createTrace()
      reserve(network, trace, count).set(input)
      return Float64Array.from(forward(network, vector, trace))
    }
    const along = (h: number) => outputs(parameters.map((x, i) => x + h * direction[i]!))
    const h = 1e-5
    const [plus, minus] = [along(h), along(-h)]
    const difference = plus.map((x, i) => (x - minus[i]!) / (2 * h))
    const trace = createTrace()
    const workspace = createWorkspace()
    reserve(network, trace, count).set(input)
    forward(network, parameters, trace)

    const derivative = tangent(network, parameters, direction, trace, workspace)
    const off = Math.max(...difference.map((x, i) => Math.abs(x - derivative[i]!)))
    t.ok(off < 1e-7, `Jacobian-vector product against central differences: ${off}`)

    const weights = normals(count * 2)
    const gradient = new Float64Array(layout.size)
    backward(network, parameters, trace, weights, gradient, workspace)
    const reverse = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
    const wanted = derivative.subarray(0, count * 2).reduce((sum, d, i) => sum + d * weights[i]!, 0)
    t.ok(Math.abs(reverse - wanted) < 1e-10 * (1 + Math.abs(wanted)), 'reverse mode is the adjoint of forward mode')

    const single = createTrace()
    reserve(network, single, 1).set(input.subarray(9, 12))
    t.same([...forward(network, parameters, single)].slice(0, 2), [...outputs(parameters)].slice(6, 8), 'batch of one')
  })
}

t.test('engine', async (t) => {
  const architecture = { observationSize: 3, actionSize: 2, hidden: [8, 5] }
  const layout = policyLayout(architecture)
  const engine = createReferenceEngine(architecture)
  const policy = initialPolicy(architecture, createRng(1), -0.3)
  const value = initialValue(architecture, createRng(2))
  const batch = randomBatch(architecture, 16)

  t.test('the PPO gradient is that of the loss it reports (finite differences)', async (t) => {
    const options = { ...ppo, entropyCoef: 0.01, normalizeAdvantage: true, maxGradNorm: 1e9 }
    const start = new Float64Array([...policy, ...value]).map((x) => x + 0.1 * rng.normal())
    const learnerAt = (vector: Float64Array) =>
      createLearner(vector.slice(0, policy.length), vector.slice(policy.length))
    const learner = learnerAt(start)
    engine.ppoStep(learner, batch, options)
    const gradient = learner.adam.m.map((m) => m / 0.1)
    for (let trial = 0; trial < 5; trial++) {
      const direction = normals(start.length)
      const lossAt = (h: number) =>
        engine.ppoStep(learnerAt(start.map((x, i) => x + h * direction[i]!)), batch, options).loss
      const difference = (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6
      const slope = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
      t.ok(Math.abs(slope - difference) < 1e-5 * (1 + Math.abs(slope)), `${slope} is ${difference}`)
    }
  })

  t.test('a gradient that is not finite leaves the learner as it was', async (t) => {
    const learner = createLearner(policy.slice(), value.slice())
    const statistics = engine.ppoStep(learner, { ...batch, returns: batch.returns.map(() => Number.NaN) }, ppo)
    t.ok(Number.isNaN(statistics.gradNorm))
    t.same([learner.policy, learner.value, learner.adam.step], [policy, value, 0])
  })

  t.test('a single sample is not normalised to NaN', async (t) => {
    const learner = createLearner(policy.slice(), value.slice())
    const statistics = engine.ppoStep(learner, randomBatch(architecture, 1), { ...ppo, normalizeAdvantage: true })
    t.ok(Number.isFinite(statistics.loss))
    t.equal(learner.adam.step, 1)
  })

  t.test('kept passes follow arrays that change in place, float32 and float64 agree', async (t) => {
    const out = new Float64Array(16)
    const fresh = new Float64Array(16)
    const vector = policy.slice()
    const observations = Float64Array.from(batch.observations)
    for (let i = 0; i < 12; i++) {
      if (i % 3 === 1) vector[slotOf(layout, 'policy.2.bias').offset]! += 0.5
      if (i % 3 === 2) observations[0]! += 0.5
      engine.logProb(vector, observations, batch.actions, 16 - (i % 2), out)
      createReferenceEngine(architecture).logProb(vector, observations, batch.actions, 16 - (i % 2), fresh)
      t.same(out, fresh)
    }
    const mean64 = new Float64Array(32)
    const mean32 = new Float64Array(32)
    engine.policyMean(policy, batch.observations, 16, mean64)
    engine.policyMean(Float32Array.from(policy), batch.observations, 16, mean32)
    t.same(mean32, mean64)
  })

  t.test('q is twice the KL of a small step, by both estimators', async (t) => {
    const delta = normals(layout.size).map((x) => 1e-4 * x)
    const next = policy.map((x, i) => x + delta[i]!)
    const kl = engine.meanKl(policy, next, batch.observations, 16)
    const exact = engine.fisherExact(policy, delta, batch.observations, 16)
    t.ok(Math.abs(exact / (2 * kl) - 1) < 1e-3, `${exact} is twice ${kl}`)

    const many = 20_000
    const observations = Float64Array.from({ length: many * 3 }, (_, i) => batch.observations[i % 48]!)
    const actions = new Float64Array(many * 2)
    const mean = new Float64Array(many * 2)
    engine.policyMean(policy, observations, many, mean)
    for (let i = 0; i < actions.length; i++) actions[i] = mean[i]! + Math.exp(policy[i % 2]!) * rng.normal()
    const sampled = engine.fisherSampled(policy, Float32Array.from(delta), observations, actions, many)
    t.ok(Math.abs(sampled / exact - 1) < 0.1, `${sampled} is about ${exact}`)
  })

  t.test(
    'an update raises the probability of good actions, in float32, the same from the same generator',
    async (t) => {
      const count = 40
      const observations = normals(count * 3)
      const mean = new Float64Array(count * 2)
      engine.policyMean(policy, observations, count, mean)
      const actions = mean.map((m) => m + Math.exp(-0.3) * rng.normal())
      const logProb = new Float64Array(count)
      engine.logProb(policy, observations, actions, count, logProb)
      const advantage = actions.filter((_, i) => i % 2 === 0).map((a) => (a > 0 ? 1 : -1))
      const rollout = { count, observations, actions, logProb, advantage, returns: normals(count) }
      const options = { ...ppo, epochs: 10, minibatchSize: 16, targetKl: null }
      const run = (seed: number) => {
        const learner = createLearner(policy.slice(), value.slice())
        return { learner, statistics: ppoUpdate(engine, learner, rollout, options, createRng(seed)) }
      }
      const { learner, statistics } = run(1)
      t.same(run(1), { learner, statistics })
      t.notSame(run(2).learner.policy, learner.policy)
      t.equal(statistics.steps, 30, '40 rows in minibatches of at most 16 are 3 a pass')
      t.ok([...learner.policy, ...learner.value].every((x) => Object.is(Math.fround(x), x) && !Object.is(x, -0)))
      const after = new Float64Array(count * 2)
      engine.policyMean(learner.policy, observations, count, after)
      const shift = after.reduce((sum, m, i) => (i % 2 === 0 ? sum + m - mean[i]! : sum), 0) / count
      t.ok(shift > 0.05, `the first action moved up by ${shift}`)
      const stopped = ppoUpdate(engine, run(1).learner, rollout, { ...options, targetKl: 0 }, createRng(1))
      t.equal(stopped.epochs, 1)
      const idle = createLearner(policy.slice(), value.slice())
      t.equal(ppoUpdate(engine, idle, { ...rollout, count: 0 }, options, createRng(1)).steps, 0)
      t.same(idle.policy, policy)
    },
  )
})

t.test('explained variance', async (t) => {
  const returns = Float64Array.of(1, 2, 3)
  t.equal(explainedVariance(returns, returns, 3), 1)
  t.ok(Math.abs(explainedVariance(Float64Array.of(2, 2, 2), returns, 3)) < 1e-15)
  t.ok(Number.isNaN(explainedVariance(returns, Float64Array.of(1, 1, 1), 3)))
})

t.test('GAE', async (t) => {
  const run = (terminated: number[], truncated: number[], lambda: number, discount: number | Float64Array = 0.5) => {
    const advantage = new Float64Array(3)
    const returns = new Float64Array(3)
    const reward = Float64Array.of(1, 2, 4)
    const value = Float64Array.of(10, 20, 40)
    const nextValue = Float64Array.of(20, 40, 80)
    const input = { count: 3, reward, value, nextValue, terminated, truncated, discount, lambda }
    generalizedAdvantage(input, advantage, returns)
    t.same(
      returns,
      advantage.map((a, i) => a + value[i]!),
    )
    return [...advantage]
  }
  const none = [0, 0, 0]
  t.same(run(none, none, 0), [1, 2, 4], 'λ 0 gives the temporal differences: r + ½V′ − V')
  t.same(run(none, none, 1), [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4, 4])
  t.same(run([0, 1, 0], none, 1), [1 - 0.5 * 18, 2 - 20, 4], 'a termination neither bootstraps nor carries')
  t.same(run(none, [0, 1, 0], 1), [1 + 0.5 * 2, 2, 4], 'a truncation bootstraps and cuts the trace')
  t.same(run([0, 1, 0], [0, 1, 0], 1), run([0, 1, 0], none, 1), 'a termination outweighs a truncation')
  t.same(run(none, none, 1, Float64Array.of(0, 0.5, 1)), [1 - 10, 2 + 0.5 * 44, 44], 'a discount per sample')
  t.throws(() => run(none, none, 1.5), /lambda.*1.5/)
  t.throws(() => run(none, none, 1, Number.NaN), /discount.*NaN/)
})

t.test('running scale', async (t) => {
  const scale = new RunningScale()
  t.equal(scale.scale, 1, 'nothing yet')
  scale.update(Float64Array.of(0, 0), 2)
  t.equal(scale.scale, 1, 'only zeros')
  scale.update(Float64Array.of(3, 4, Number.NaN, Number.POSITIVE_INFINITY, 100), 4)
  t.equal(scale.scale, 2.5, '√((0 + 0 + 9 + 16)/4), without what is not finite and what lies past the count')
  const copy = new RunningScale()
  copy.restore(JSON.parse(JSON.stringify(scale.state())))
  t.same(copy.state(), scale.state())
  const windowed = new RunningScale(10)
  windowed.update(new Float64Array(1000).fill(1), 1000)
  windowed.update(new Float64Array(200).fill(7), 200)
  t.ok(Math.abs(windowed.scale - 7) < 1e-6, 'old samples fade')
  t.throws(() => new RunningScale(0), /got 0/)
  t.throws(() => scale.restore({ weight: -1, sumOfSquares: 0 }), /weight/)
  t.throws(() => scale.restore({ weight: 1, sumOfSquares: Number.NaN }), /NaN/)
})

t.test('rollout grows, clears and resumes', async (t) => {
  const rollout = new Rollout(2, 1, 1)
  const sample = (i: number) => ({
    observation: Float64Array.of(i, -0),
    action: Float64Array.of(-i),
    logProb: -i,
    reward: 2 * i,
    duration: 0.1,
    nextObservation: Float64Array.of(i + 1, 0),
    terminated: i === 3,
    truncated: i === 4,
  })
  for (let i = 0; i < 5; i++) rollout.push(sample(i))
  t.equal(rollout.count, 5)
  t.same([...rollout.observations.subarray(0, 10)], [0, 0, 1, 0, 2, 0, 3, 0, 4, 0])
  t.ok(rollout.observations.every((x) => !Object.is(x, -0)))
  t.ok(Object.is(rollout.actions[0], 0))
  t.same([...rollout.terminated.subarray(0, 5)], [0, 0, 0, 1, 0])
  t.same([...rollout.truncated.subarray(0, 5)], [0, 0, 0, 0, 1])
  const resumed = new Rollout(2, 1, 2)
  resumed.restore(rollout.state())
  t.same(resumed.state(), rollout.state())
  rollout.clear()
  t.equal(rollout.count, 0)
  t.equal(resumed.count, 5)
  t.throws(() => rollout.push({ ...sample(0), action: Float64Array.of(1, 2) }), /action must hold 1 values, got 2/)
  t.throws(() => new Rollout(3, 1).restore(resumed.state()), /observations must hold 15 values, got 10/)
})

t.test('replay keeps the last rounds', async (t) => {
  const replay = new Replay(1, 1, 2)
  const round = (...values: number[]) => ({
    count: values.length,
    observations: Float64Array.from(values),
    actions: Float64Array.from(values, (v) => -v),
    logProb: Float64Array.from(values, (v) => v / 10),
    advantage: Float64Array.from(values, (v) => 2 * v),
  })
  replay.addRound(round(1, 2))
  replay.addRound(round(3, 4, 5))
  replay.addRound(round(6))
  t.equal(replay.count, 4, 'the first round is gone')
  t.same([...replay.newest(3).observations], [4, 5, 6])
  t.same([...replay.newest(50).observations], [3, 4, 5, 6])
  const drawn = replay.draw(3, createRng(1))
  t.equal(drawn.count, 3)
  t.equal(new Set(drawn.observations).size, 3)
  for (let i = 0; i < 3; i++) {
    const v = drawn.observations[i]!
    t.same([drawn.actions[i], drawn.logProb[i], drawn.advantage[i]], [-v, v / 10, 2 * v])
  }
  t.same(replay.draw(3, createRng(1)), drawn)
  t.equal(replay.draw(50, createRng(2)).count, 4)
  const resumed = new Replay(1, 1, 2)
  resumed.restore(replay.state())
  t.same(resumed.draw(3, createRng(1)), drawn)
  replay.addRound(round())
  t.equal(replay.count, 1, 'a round without samples counts as a round')
  t.equal(new Replay(1, 1, 1).draw(5, createRng(1)).count, 0)
  t.throws(() => new Replay(1, 1, 0), /got 0/)
  t.throws(() => replay.addRound({ ...round(1), logProb: new Float64Array(0) }), /logProb/)
  t.throws(() => resumed.restore([round(1), round(2), round(3)]), /at most 2/)
})
