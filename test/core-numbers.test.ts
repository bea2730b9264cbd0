import t from 'tap'
import {
  createRng,
  drawWithoutReplacement,
  exp,
  expm1,
  integerPower,
  log,
  shuffle,
  tanh,
} from '../device/core/index.ts'

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
    let low = 0
    for (let i = 0; i < 10_000; i++) if (rng.integer(3 * 2 ** 30) < 2 ** 30) low += 1
    t.ok(Math.abs(low - 3333) < 250, `without bias towards small values: ${low} of 10000 in the lowest third`)
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
