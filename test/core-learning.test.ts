import t from 'tap'
import {
  type Architecture,
  backward,
  createLearner,
  createRng,
  createTrace,
  createWorkspace,
  forward,
  initialPolicy,
  initialValue,
  type Minibatch,
  networkOf,
  policyLayout,
  ppoStep,
  ppoUpdate,
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
    ppoStep(engine, learner, batch, options)
    const gradient = learner.adam.m.map((m) => m / 0.1)
    for (let trial = 0; trial < 5; trial++) {
      const direction = normals(start.length)
      const lossAt = (h: number) =>
        ppoStep(engine, learnerAt(start.map((x, i) => x + h * direction[i]!)), batch, options).loss
      const difference = (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6
      const slope = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
      t.ok(Math.abs(slope - difference) < 1e-5 * (1 + Math.abs(slope)), `${slope} is ${difference}`)
    }
  })

  t.test('a gradient that is not finite leaves the learner as it was', async (t) => {
    const learner = createLearner(policy.slice(), value.slice())
    const statistics = ppoStep(engine, learner, { ...batch, logProb: batch.logProb.map(() => -1e30) }, ppo)
    t.notOk(Number.isFinite(statistics.gradNorm))
    t.same([learner.policy, learner.value, learner.adam.step], [policy, value, 0])
  })

  t.test('neither a single sample nor equal advantages are normalised to NaN', async (t) => {
    const learner = createLearner(policy.slice(), value.slice())
    const statistics = ppoStep(engine, learner, randomBatch(architecture, 1), { ...ppo, normalizeAdvantage: true })
    t.ok(Number.isFinite(statistics.loss))
    t.equal(learner.adam.step, 1)
    const equal = { ...batch, advantage: new Float64Array(16).fill(3) }
    t.ok(Number.isFinite(ppoStep(engine, learner, equal, { ...ppo, normalizeAdvantage: true }).gradNorm))
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
    const exact = engine.fisherExact(policy, next, batch.observations, 16)
    t.ok(Math.abs(exact / (2 * kl) - 1) < 1e-3, `${exact} is twice ${kl}`)

    const many = 20_000
    const observations = Float64Array.from({ length: many * 3 }, (_, i) => batch.observations[i % 48]!)
    const actions = new Float64Array(many * 2)
    const mean = new Float64Array(many * 2)
    engine.policyMean(policy, observations, many, mean)
    for (let i = 0; i < actions.length; i++) actions[i] = mean[i]! + Math.exp(policy[i % 2]!) * rng.normal()
    const sampled = engine.fisherSampled(policy, next, observations, actions, many)
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
