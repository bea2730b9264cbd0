import t from 'tap'
import {
  coordinateMedian,
  createRng,
  krum,
  linkIsUp,
  NonFiniteError,
  trimmedMean,
  trustedMean,
} from '../device/core/index.ts'

const of = (...values: number[]): Float32Array => Float32Array.of(...values)
const points = (...values: number[]): Float32Array[] => values.map((value) => of(value))

t.test('the median is taken by coordinate', async (t) => {
  t.same(coordinateMedian([of(1, -5), of(9, 0), of(2, 100)]), of(2, 0))
  t.same(coordinateMedian(points(4, 1e30, 1, 2)), of(3), 'of an even number the mean of the middle two')
  t.same(coordinateMedian(points(7, 1, 1)), of(1), 'ties')
  t.same(coordinateMedian(points(-1e38, 3, 1e38)), coordinateMedian(points(-4, 3, 3.5)), 'outliers move nothing')
  t.same(coordinateMedian(points(6)), of(6))
  t.same(
    coordinateMedian(points(1, 1 + 2 ** -23)),
    of(1),
    'the middle between two float32 neighbours is rounded to even',
  )
  t.ok(Object.is(coordinateMedian(points(-0, -0, 5))[0], 0), '−0 becomes +0')
})

t.test('the trimmed mean leaves out the f least and the f greatest values of each coordinate', async (t) => {
  const five = [of(-1e30, 2), of(1, 1e30), of(2, -1e30), of(6, 3), of(1e30, 4)]
  t.same(trimmedMean(five, 1), of(3, 3))
  t.same(trimmedMean(five, 2), coordinateMedian(five), 'at most trimmed it is the median')
  t.same(trimmedMean(points(3, 9, 3, -9, 3), 1), of(3), 'ties')
  t.same(trimmedMean(points(1, 2, 2), 0), of(Math.fround(5 / 3)), 'rounded to float32')
  t.ok(Object.is(trimmedMean(points(-0, -0, -0), 1)[0], 0), '−0 becomes +0')
  t.throws(() => trimmedMean(points(1, 2, 3, 4), 2), { message: 'vectors must be more than 2f = 4, got 4' })
})

t.test('the order of the policies does not change a bit of median and trimmed mean', async (t) => {
  const rng = createRng(1, 'order')
  const vectors = Array.from({ length: 7 }, () => Float32Array.from({ length: 50 }, () => Math.fround(rng.normal())))
  for (let turn = 1; turn < 7; turn++) {
    const turned = [...vectors.slice(turn), ...vectors.slice(0, turn)]
    t.same(coordinateMedian(turned), coordinateMedian(vectors))
    t.same(trimmedMean(turned, 2), trimmedMean(vectors, 2))
  }
})

t.test('Krum chooses who is nearest to its n − f − 2 nearest others', async (t) => {
  // n = 7, f = 2: three neighbours. Scores 14, 6, 6, 14, 49 + 64 + 81, and far more for the two outliers.
  t.equal(krum(points(0, 1, 2, 3, 10, 100, 101), 2), 1, 'of two equal ones the first')
  t.equal(krum(points(101, 100, 10, 3, 2, 1, 0), 2), 4, 'of two equal ones the first')
  t.equal(krum(points(50, 50, 0, 1, 2, 3, 4), 2), 3, 'two that agree with each other lack a third neighbour')
  t.equal(krum(points(0, 1, 2, 50, 50, 50, 50), 2), 3, 'four that agree are more than it withstands')
  t.equal(krum(points(5, 0, 1.5), 0), 1, 'one neighbour: 3.5², 1.5², 1.5²')
  t.equal(krum([of(0, 0), of(3, 4), of(0, 5), of(3, 5), of(90, 90)], 1), 3, '50, 11, 19, 10: over all coordinates')
  t.equal(krum(points(1e38, 1, 1, 1, -1e38, 1, 1), 2), 1, 'squares of float32 values stay finite')
  t.throws(() => krum(points(1, 2, 3, 4, 5, 6), 2), { message: 'vectors must be more than 2f + 2 = 6, got 6' })
})

t.test('FLTrust weighs updates by their cosine with the own one and brings them to its length', async (t) => {
  // Own update (3, 4). Cosines 0.96 with (4, 3), −0.8 with (0, −2), 0.8 with (0, 10), which is shortened to (0, 5).
  const others = [of(4, 3), of(0, -2), of(0, 10)]
  const mean = trustedMean(of(0, 0), of(3, 4), others)
  const total = 1 + 0.96 + 0.8
  near(t, mean?.policy, [(3 + 0.96 * 4) / total, (4 + 0.96 * 3 + 0.8 * 5) / total], 1e-7)
  near(t, mean?.weights, [0.96 / total, 0, 0.8 / total], 1e-15)

  const moved = (v: Float32Array): Float32Array => v.map((x, i) => x + (i === 0 ? 8 : -16))
  const elsewhere = trustedMean(moved(of(0, 0)), moved(of(3, 4)), others.map(moved))
  t.same(elsewhere?.weights, mean?.weights, 'only updates count, not where they start')
  near(t, elsewhere?.policy, moved(mean?.policy ?? of()), 1e-6)

  const louder = trustedMean(of(0, 0), of(3, 4), [of(40, 30), of(0, -2000), of(0, 1e30)])
  near(t, louder?.policy, mean?.policy ?? [], 1e-7)
  t.same(trustedMean(of(1, 1), of(2, 1), [of(1, 1)])?.weights, of(0), 'who did not move has no say')
  t.same(trustedMean(of(1, 1), of(2, 1), [of(1, 9)])?.weights, of(0), 'nor who moves across')
  t.same(trustedMean(of(1, 1), of(2, 1), [of(1, 1), of(-9, 1)])?.policy, of(2, 1), 'alone it stays what it is')
  t.equal(trustedMean(of(2, 1), of(2, 1), [of(3, 4)]), undefined, 'without an own update nothing can be compared')
})

t.test('every rule refuses what is not finite and what has another length', async (t) => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1e39]) {
    const vectors = points(1, 2, bad, 4, 5, 6, 7)
    t.throws(() => coordinateMedian(vectors), NonFiniteError)
    t.throws(() => trimmedMean(vectors, 2), NonFiniteError)
    t.throws(() => krum(vectors, 2), NonFiniteError)
    t.throws(() => trustedMean(of(1), of(2), points(3, bad)), NonFiniteError)
  }
  const uneven = [of(1), of(2), of(3, 4)]
  const message = 'vectors must hold 1 values, got 2'
  t.throws(() => coordinateMedian(uneven), { message })
  t.throws(() => trimmedMean(uneven, 1), { message })
  t.throws(() => krum(uneven, 0), { message })
  t.throws(() => trustedMean(of(1), of(2), uneven), { message })
  t.throws(() => coordinateMedian([]), { message: 'at least one vector is needed, got none' })
})

t.test('a link is drawn once for a pair and a round, the same at both ends, with the chance given', async (t) => {
  const ids = ['car01', 'car03', 'B1', 'car1', 'x']
  let [draws, up, same] = [0, 0, 0]
  for (let epoch = 1; epoch <= 200; epoch++) {
    for (let step = 250; step <= 1500; step += 250) {
      const round = { seed: 3, epoch, step }
      for (const [i, a] of ids.entries()) {
        for (const b of ids.slice(i + 1)) {
          const link = linkIsUp(0.3, round, a, b)
          if (link !== linkIsUp(0.3, round, b, a)) t.fail(`${a} and ${b} disagree in ${epoch}, ${step}`)
          draws++
          if (link) up++
          if (link === linkIsUp(0.3, { ...round, step: step + 250 }, a, b)) same++
          if (linkIsUp(0, round, a, b) || !linkIsUp(1, round, a, b)) t.fail('chance 0 is never, chance 1 always')
        }
      }
    }
  }
  // Binomial: within four standard deviations. Two rounds agree with chance 0.3² + 0.7².
  const within = (count: number, p: number): boolean => Math.abs(count - draws * p) < 4 * Math.sqrt(draws * p * (1 - p))
  t.ok(within(up, 0.3), `${up} of ${draws} links up`)
  t.ok(within(same, 0.58), `${same} of ${draws} as in the next round`)
  const other = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => linkIsUp(0.5, { seed, epoch: 1, step: 250 }, 'a', 'b'))
  t.ok(other.includes(true) && other.includes(false), 'another seed draws others')
})

function near(
  t: { ok(x: boolean, name: string): void },
  found: ArrayLike<number> | undefined,
  wanted: ArrayLike<number>,
  tolerance: number,
): void {
  const pairs = Array.from(wanted, (y, i) => [found?.[i] ?? Number.NaN, y] as const)
  t.ok(
    found?.length === wanted.length && pairs.every(([x, y]) => Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y))),
    `${Array.from(found ?? [])} is ${Array.from(wanted)}`,
  )
}
