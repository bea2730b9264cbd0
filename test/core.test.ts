import t from 'tap'
import {
  adamAdvance,
  adamUpdate,
  aggregate,
  createAdam,
  createRng,
  discountOverTime,
  gaussianEntropy,
  gaussianLogProb,
  gaussianMeanKl,
  gaussianSample,
  inferArchitecture,
  initialPolicy,
  initialValue,
  mix,
  policyLayout,
  roundToFloat32,
  slotOf,
  tensorsFromVector,
  valueLayout,
  vectorFromTensors,
} from '../device/core/index.ts'

const architecture = { observationSize: 3, actionSize: 2, hidden: [8, 5] }

t.test('parameters', async (t) => {
  t.test('tensors lie in code-unit order of their names', async (t) => {
    const layout = policyLayout(architecture)
    t.same(
      layout.tensors.map(({ name, shape, offset }) => [name, [...shape], offset]),
      [
        ['log_std', [2], 0],
        ['policy.0.bias', [8], 2],
        ['policy.0.weight', [8, 3], 10],
        ['policy.2.bias', [5], 34],
        ['policy.2.weight', [5, 8], 39],
        ['policy.4.bias', [2], 79],
        ['policy.4.weight', [2, 5], 81],
      ],
    )
    t.equal(layout.size, 91)
    const deep = valueLayout({ observationSize: 1, actionSize: 1, hidden: [1, 1, 1, 1, 1] })
    t.ok(slotOf(deep, 'value.10.bias').offset < slotOf(deep, 'value.2.bias').offset, '"10" sorts before "2"')
    t.throws(() => slotOf(layout, 'value.0.bias'), /value.0.bias/)
    t.throws(() => policyLayout({ ...architecture, hidden: [0] }), /got 0/)
  })

  t.test('initial weights are orthogonal with their gains, biases 0, float32', async (t) => {
    const policy = initialPolicy(architecture, createRng(1, 'init'), -0.5)
    const value = initialValue(architecture, createRng(1, 'init'))
    t.same(policy, initialPolicy(architecture, createRng(1, 'init'), -0.5))
    const cases: [Float64Array, ReturnType<typeof policyLayout>, string, number][] = [
      [policy, policyLayout(architecture), 'policy.0.weight', Math.SQRT2],
      [policy, policyLayout(architecture), 'policy.2.weight', Math.SQRT2],
      [policy, policyLayout(architecture), 'policy.4.weight', 0.01],
      [value, valueLayout(architecture), 'value.4.weight', 1],
    ]
    for (const [vector, layout, name, gain] of cases) {
      const { shape, offset } = slotOf(layout, name)
      const [rows, columns] = [shape[0]!, shape[1]!]
      const at = (i: number, j: number) => vector[offset + i * columns + j]!
      const short = Math.min(rows, columns)
      for (let a = 0; a < short; a++) {
        for (let b = 0; b <= a; b++) {
          let product = 0
          for (let k = 0; k < Math.max(rows, columns); k++)
            product += rows <= columns ? at(a, k) * at(b, k) : at(k, a) * at(k, b)
          t.ok(Math.abs(product / gain ** 2 - (a === b ? 1 : 0)) < 1e-6, `${name} ${a}·${b}`)
        }
      }
    }
    t.equal(policy[0], -0.5)
    t.ok(policy.subarray(2, 10).every((bias) => bias === 0))
    t.ok(policy.every((x) => Object.is(Math.fround(x), x) && !Object.is(x, -0)))
  })

  t.test('rounding to float32 turns −0 into +0', async (t) => {
    const vector = roundToFloat32(Float64Array.from([0.1, -0, -1e-60, 3]))
    t.same([...vector], [Math.fround(0.1), 0, 0, 3])
    t.ok(vector.every((x) => !Object.is(x, -0)))
  })

  t.test('tensor maps and flat vectors, with an error for each way to be wrong', async (t) => {
    const layout = policyLayout(architecture)
    const policy = initialPolicy(architecture, createRng(2), 0)
    const tensors = tensorsFromVector(layout, policy)
    t.same(vectorFromTensors(layout, tensors), policy)
    t.same(inferArchitecture(tensors), architecture)
    const changed = (change: (map: Map<string, { shape: readonly number[]; data: Float32Array }>) => void) => {
      const copy = new Map(tensors)
      change(copy)
      return copy
    }
    const bias = tensors.get('policy.0.bias')!
    t.throws(
      () =>
        vectorFromTensors(
          layout,
          changed((map) => map.delete('policy.0.bias')),
        ),
      /policy.0.bias.*present/,
    )
    t.throws(
      () =>
        vectorFromTensors(
          layout,
          changed((map) => map.set('extra', bias)),
        ),
      /got "extra"/,
    )
    t.throws(
      () =>
        vectorFromTensors(
          layout,
          changed((map) => map.set('policy.0.bias', { ...bias, shape: [8, 1] })),
        ),
      /shape \[8\], got \[8,1\]/,
    )
    t.throws(
      () =>
        vectorFromTensors(
          layout,
          changed((map) => map.set('policy.0.bias', { ...bias, data: bias.data.slice(1) })),
        ),
      /8 values, got 7/,
    )
    t.throws(() => tensorsFromVector(layout, policy.slice(1)), /91 values, got 90/)
    t.throws(() => inferArchitecture(new Map()), /policy.0.weight/)
    t.throws(() => inferArchitecture(changed((map) => map.delete('log_std'))), /log_std/)
    t.throws(() => inferArchitecture(changed((map) => map.delete('policy.4.weight'))), /log_std must have shape \[5\]/)
    t.throws(
      () => inferArchitecture(changed((map) => map.set('policy.2.weight', { ...bias, shape: [5, 7] }))),
      /8 inputs, got 7/,
    )
    t.throws(
      () => inferArchitecture(changed((map) => map.set('policy.0.weight', { ...bias, shape: [8] }))),
      /\[out, in\]/,
    )
  })
})

t.test('Gaussian', async (t) => {
  const logStd = Float64Array.of(Math.log(2), Math.log(0.5))
  t.test('log-probability and entropy in closed form', async (t) => {
    const out = new Float64Array(1)
    gaussianLogProb(Float64Array.of(1, -1), Float64Array.of(3, -1), 1, 2, logStd, 0, out)
    const wanted = -0.5 * 1 - Math.log(2) - Math.log(0.5) - Math.log(2 * Math.PI)
    t.ok(Math.abs(out[0]! - wanted) < 1e-14)
    t.ok(Math.abs(gaussianEntropy(logStd, 0, 2) - (1 + Math.log(2 * Math.PI))) < 1e-14)
  })
  t.test('KL in closed form, 0 for equal policies, and with its digits for close ones', async (t) => {
    const from = Float64Array.of(1)
    const kl = gaussianMeanKl(from, Float64Array.of(2), 1, 1, Float64Array.of(0), Float64Array.of(Math.log(3)), 0)
    t.ok(Math.abs(kl - (Math.log(3) + (1 + 1) / 18 - 0.5)) < 1e-14)
    t.equal(gaussianMeanKl(from, from, 1, 1, logStd, logStd, 0), 0)
    const close = gaussianMeanKl(from, from, 1, 1, Float64Array.of(0), Float64Array.of(1e-8), 0)
    t.ok(Math.abs(close / 1e-16 - 1) < 1e-4, `KL ≈ Δlogσ² = 1e-16, got ${close}`)
  })
  t.test('samples have the mean and spread of the policy', async (t) => {
    const rng = createRng(4)
    const n = 20_000
    const mean = new Float64Array(2 * n).fill(3)
    const out = new Float64Array(2 * n)
    gaussianSample(mean, n, 2, logStd, 0, rng, out)
    for (const [j, std] of [2, 0.5].entries()) {
      const column = out.filter((_, i) => i % 2 === j)
      const average = column.reduce((sum, x) => sum + x, 0) / n
      const spread = Math.sqrt(column.reduce((sum, x) => sum + (x - average) ** 2, 0) / n)
      t.ok(Math.abs(average - 3) < 0.06)
      t.ok(Math.abs(spread / std - 1) < 0.03)
    }
  })
})

t.test('Adam takes steps of the learning rate while the gradient keeps its sign', async (t) => {
  const state = createAdam(2)
  const parameters = Float64Array.of(1, 1)
  for (let i = 0; i < 10; i++)
    adamUpdate(state, 0, parameters, Float64Array.of(5, -0.3), 1, adamAdvance(state, 0.01), 1e-12)
  t.ok(Math.abs(parameters[0]! - 0.9) < 1e-9)
  t.ok(Math.abs(parameters[1]! - 1.1) < 1e-9)
  t.equal(state.step, 10)

  const idle = createAdam(1)
  adamUpdate(idle, 0, Float64Array.of(0), Float64Array.of(1), 1, adamAdvance(idle, 0.01), 1e-5)
  for (let i = 0; i < 20_000; i++)
    adamUpdate(idle, 0, Float64Array.of(0), Float64Array.of(0), 1, adamAdvance(idle, 0.01), 1e-5)
  t.equal(idle.m[0], 0, 'a moment that has faded is 0, not a denormal')
})

t.test('mixing and averaging', async (t) => {
  const own = Float64Array.of(1, 2, -1, 0)
  const peer = Float32Array.of(3, 2, 1, 0)
  t.same([...mix(own, peer, 0.5)], [2, 2, 0, 0])
  t.same([...mix(own, peer, 0)], [...own])
  t.same([...mix(own, peer, 1)], [...peer])
  t.equal(mix(Float64Array.of(1), Float64Array.of(2), 0.1)[0], Math.fround(1.1))
  t.ok(Object.is(mix(Float64Array.of(-1e-60), Float64Array.of(-1e-60), 0.5)[0], 0), 'what rounds to −0 is +0')
  t.throws(() => mix(own, peer.slice(1), 0.5), /4 parameters, got 3/)
  t.same([...aggregate([own, peer, own])], [Math.fround(5 / 3), 2, Math.fround(-1 / 3), 0])
  t.ok(Object.is(aggregate([Float64Array.of(-1e-60)])[0], 0))
  t.throws(() => aggregate([]), /at least one/)
  t.throws(() => aggregate([own, peer.slice(1)]), /4 values, got 3/)
})

t.test('the discount over time is exp(−Δt/τ)', async (t) => {
  t.ok(Math.abs(discountOverTime(30, 60) - Math.exp(-0.5)) < 1e-15)
})
