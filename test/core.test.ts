import t from 'tap'
import {
  adamAdvance,
  adamUpdate,
  aggregate,
  createAdam,
  createRng,
  discountOverTime,
  drawWithoutReplacement,
  exp,
  expm1,
  gaussianEntropy,
  gaussianLogProb,
  gaussianMeanKl,
  gaussianSample,
  inferArchitecture,
  initialPolicy,
  initialValue,
  integerPower,
  log,
  mix,
  policyLayout,
  roundToFloat32,
  shuffle,
  slotOf,
  tanh,
  tensorsFromVector,
  valueLayout,
  vectorFromTensors,
} from '../device/core/index.ts'

const architecture = { observationSize: 3, actionSize: 2, hidden: [8, 5] }

t.test('elementary functions', async (t) => {
  const pairs: [string, (x: number) => number, (x: number) => number, number, number][] = [
    ['exp', exp, Math.exp, -700, 709],
    ['expm1', expm1, Math.expm1, -50, 700],
    ['log', log, Math.log, 0, 1e6],
    ['tanh', tanh, Math.tanh, -25, 25],
  ]
  for (const [name, own, reference, low, high] of pairs) {
    t.test(`${name} agrees with Math.${name} to 1e-15`, async (t) => {
      const rng = createRng(1, name)
      let worst = 0
      for (let i = 0; i < 200_000; i++) {
        const wide = low + (high - low) * rng.uniform()
        // Every second point lies near 0 (near 1 for log), down to tiny arguments.
        const near = exp(-40 * rng.uniform()) * (rng.uniform() < 0.5 && low < 0 ? -1 : 1)
        const x = i % 2 === 0 ? wide : name === 'log' && i % 4 === 1 ? 1 + near / 2 : near
        const wanted = reference(x)
        worst = Math.max(worst, wanted === 0 ? Math.abs(own(x)) : Math.abs(own(x) - wanted) / Math.abs(wanted))
      }
      t.ok(worst <= 1e-15, `worst relative error ${worst}`)
    })
  }

  t.test('limits, NaN, zeros, denormals and the largest arguments', async (t) => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number
    const cases: [(x: number) => number, number, number][] = [
      [exp, nan, nan],
      [exp, infinity, infinity],
      [exp, -infinity, 0],
      [exp, 0, 1],
      [exp, 710, infinity],
      [exp, 709.782712893384, Math.exp(709.782712893384)],
      [exp, -746, 0],
      [exp, 1e-310, 1],
      [exp, 1e308, infinity],
      [expm1, nan, nan],
      [expm1, infinity, infinity],
      [expm1, -infinity, -1],
      [expm1, 0, 0],
      [expm1, 1e-310, 1e-310],
      [log, nan, nan],
      [log, infinity, infinity],
      [log, 0, -infinity],
      [log, -1, nan],
      [log, 1, 0],
      [tanh, nan, nan],
      [tanh, infinity, 1],
      [tanh, -infinity, -1],
      [tanh, 0, 0],
      [tanh, 1e300, 1],
      [tanh, 1e-310, 1e-310],
      [tanh, -1e-310, -1e-310],
    ]
    for (const [own, x, wanted] of cases) {
      const got = own(x)
      const ok = Object.is(got, wanted) || Math.abs(got - wanted) <= 1e-15 * Math.abs(wanted)
      t.ok(ok, `${own.name}(${x}) = ${got} is ${wanted}`)
    }
    t.ok(Math.abs(exp(-744) - Math.exp(-744)) <= 5e-324, 'a denormal result')
    t.ok(Math.abs(log(5e-324) - Math.log(5e-324)) < 1e-12, 'the smallest denormal')
    t.ok(Math.abs(log(1.7976931348623157e308) / Math.log(1.7976931348623157e308) - 1) < 1e-15)
    t.equal(integerPower(0.5, 10), 1 / 1024)
    t.equal(integerPower(3, 0), 1)
  })

  t.test('tanh is odd, never above 1, and rises across the nodes of its table', async (t) => {
    let falls = 0
    for (let i = 0; i < 20 * 64; i++) {
      const node = i / 64
      if (tanh(node) > tanh(node + 1e-9) || tanh(-node) !== -tanh(node) || tanh(node) > 1) falls += 1
    }
    t.equal(falls, 0)
  })
})

t.test('generator', async (t) => {
  const take = (n: number, ...scope: [number, ...(string | number)[]]) => {
    const rng = createRng(...scope)
    return Array.from({ length: n }, () => rng.uniform())
  }
  t.same(take(5, 7, 'v1', 'noise', 3), take(5, 7, 'v1', 'noise', 3), 'the same seed and scope give the same stream')
  const streams = [
    take(4, 7),
    take(4, 8),
    take(4, 7, 'v1'),
    take(4, 7, 'v2'),
    take(4, 7, 'v1', 1),
    take(4, 7, 'v1', '1'),
    take(4, 7, 'v', '11'),
    take(4, 7, 2 ** 32),
    take(4, 7, 0),
    take(4, -7),
  ].map(String)
  t.equal(new Set(streams).size, streams.length, 'another seed, scope or kind of scope gives another stream')
  t.throws(() => createRng(0.5), /safe integers, got 0.5/)
  t.throws(() => createRng(Number.NaN), /got NaN/)

  t.test('state resumes bit for bit, also between normals', async (t) => {
    const rng = createRng(3, 'resume')
    for (let i = 0; i < 9; i++) rng.normal()
    const saved: number[] = JSON.parse(JSON.stringify(rng.state()))
    const draw = () => [rng.normal(), rng.uniform(), rng.integer(10), rng.normal()]
    const first = draw()
    rng.restore(saved)
    t.same(draw(), first)
    const other = createRng(99)
    other.restore(saved)
    t.equal(other.normal(), first[0])
    for (const bad of [[], [1, 2, 3], [0, 0, 0, 0], [1, 2, 3, -1], [1, 2, 3, 0.5], [1, 2, 3, Number.NaN]])
      t.throws(() => rng.restore(bad), /state/)
  })

  t.test('uniform, integer and normal have the right moments', async (t) => {
    const rng = createRng(5, 'moments')
    const n = 100_000
    const counts = [0, 0, 0, 0, 0, 0, 0]
    let [sum, squares, fourth, outside] = [0, 0, 0, 0]
    for (let i = 0; i < n; i++) {
      const u = rng.uniform()
      if (!(u >= 0 && u < 1)) outside += 1
      counts[rng.integer(7)]! += 1
      const z = rng.normal()
      sum += z
      squares += z * z
      fourth += z ** 4
    }
    t.equal(outside, 0)
    for (const count of counts) t.ok(Math.abs(count - n / 7) < 5 * Math.sqrt(n / 7), `share ${count}`)
    t.ok(Math.abs(sum / n) < 5 / Math.sqrt(n))
    t.ok(Math.abs(squares / n - 1) < 0.03)
    t.ok(Math.abs(fourth / n - 3) < 0.2)
    t.throws(() => rng.integer(0), /got 0/)
    t.throws(() => rng.integer(1.5), /got 1.5/)
  })

  t.test('shuffle permutes; drawing without replacement repeats nothing', async (t) => {
    const rng = createRng(6)
    const indices = Int32Array.from({ length: 20 }, (_, i) => i)
    shuffle(indices, 20, rng)
    t.equal(new Set(indices).size, 20)
    const hits = new Float64Array(10)
    for (let i = 0; i < 5000; i++) {
      const pool = Int32Array.from({ length: 10 }, (_, k) => k)
      drawWithoutReplacement(pool, 10, 3, rng)
      for (const k of pool.subarray(0, 3)) hits[k]! += 1
      if (new Set(pool.subarray(0, 3)).size !== 3) t.fail('a repeat')
    }
    for (const count of hits) t.ok(Math.abs(count - 1500) < 200, `${count} of 1500`)
  })
})

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
    const close = gaussianMeanKl(from, from, 1, 1, Float64Array.of(0), Float64Array.of(1e-7), 0)
    t.ok(Math.abs(close / 1e-14 - 1) < 1e-2, `KL ≈ Δlogσ² = 1e-14, got ${close}`)
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
  t.ok(Object.is(mix(Float64Array.of(-0), Float64Array.of(-0), 0.5)[0], 0))
  t.throws(() => mix(own, peer.slice(1), 0.5), /4 parameters, got 3/)
  t.same([...aggregate([own, peer, own])], [Math.fround(5 / 3), 2, Math.fround(-1 / 3), 0])
  t.throws(() => aggregate([]), /at least one/)
  t.throws(() => aggregate([own, peer.slice(1)]), /4 values, got 3/)
})

t.test('the discount over time is exp(−Δt/τ)', async (t) => {
  t.ok(Math.abs(discountOverTime(30, 60) - Math.exp(-0.5)) < 1e-15)
})
