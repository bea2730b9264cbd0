import t from 'tap'
import { createRng } from '../device/core/rng.ts'
import { bootstrapMean, quantileOf } from '../sim-bridge/experiment/statistics/bootstrap.ts'
import { clopperPearson } from '../sim-bridge/experiment/statistics/clopper-pearson.ts'
import { holmAdjusted } from '../sim-bridge/experiment/statistics/holm.ts'
import { pairedDifference, studentPValue } from '../sim-bridge/experiment/statistics/paired-difference.ts'
import { spearman } from '../sim-bridge/experiment/statistics/spearman.ts'
import { studentInterval, studentQuantile } from '../sim-bridge/experiment/statistics/student-interval.ts'

t.test("Student's quantiles are those of the printed tables", async (t) => {
  const table = [
    [0.95, 1, 12.706],
    [0.95, 2, 4.303],
    [0.95, 4, 2.776],
    [0.95, 10, 2.228],
    [0.95, 19, 2.093],
    [0.95, 29, 2.045],
    [0.99, 5, 4.032],
    [0.9, 9, 1.833],
  ] as const
  for (const [confidence, degrees, value] of table)
    t.equal(studentQuantile(confidence, degrees).toFixed(3), value.toFixed(3), `${confidence}, ${degrees}`)
})

t.test('exact binomial intervals are those of Newcombe (1998), table I', async (t) => {
  const table = [
    [81, 263, '0.2527', '0.3676'],
    [15, 148, '0.0578', '0.1617'],
    [0, 20, '0.0000', '0.1684'],
    [1, 29, '0.0009', '0.1776'],
  ] as const
  for (const [successes, trials, lower, upper] of table) {
    const found = clopperPearson(successes, trials)
    t.same([found.lower.toFixed(4), found.upper.toFixed(4)], [lower, upper], `${successes} of ${trials}`)
  }
})

t.test('the t-test with one and two degrees of freedom in closed form', async (t) => {
  // F(t) is ½ + arctan(t)/π with one, ½ + t/(2√(2 + t²)) with two degrees of freedom.
  const one = { count: 2, mean: 3, standardError: 1, lower: 0, upper: 0 }
  t.ok(Math.abs(studentPValue(one) - (1 - (2 * Math.atan(3)) / Math.PI)) < 1e-12)
  const two = { count: 3, mean: -2, standardError: 0.5, lower: 0, upper: 0 }
  t.ok(Math.abs(studentPValue(two) - (1 - 4 / Math.sqrt(18))) < 1e-12)
  t.ok(Number.isNaN(studentPValue({ ...one, count: 1 })))
})

t.test('differences are paired by seed, whatever else the two have', async (t) => {
  const first = new Map([
    [1, 3],
    [2, 4.5],
    [3, 4.5],
    [9, 100],
  ])
  const second = new Map([
    [3, 3],
    [1, 1],
    [2, 2],
    [8, -100],
  ])
  const found = pairedDifference(first, second, createRng(1))
  // 2, 2.5 and 1.5: deviation 0.5, t 4.30265
  const half = (4.30265 * 0.5) / Math.sqrt(3)
  t.equal(found.count, 3)
  t.equal(found.mean, 2)
  t.equal(found.larger, 3)
  t.ok(Math.abs(found.lower - (2 - half)) < 1e-5)
  t.ok(Math.abs(found.upper - (2 + half)) < 1e-5)
  t.ok(Math.abs(found.pValue - (1 - Math.sqrt(48 / 50))) < 1e-12)
  t.ok(found.bootstrapLower >= 1.5 && found.bootstrapUpper <= 2.5)
  t.same(pairedDifference(first, second, createRng(1)), found, 'the same stream gives the same interval')
  t.match(pairedDifference(first, new Map([[1, 1]]), createRng(1)), { count: 1, lower: -Infinity, upper: Infinity })
})

t.test('resampled means of 0 and 1 are 0, ½ and 1 with probability ¼, ½ and ¼', async (t) => {
  t.same(bootstrapMean([0, 1], createRng(3)), [0, 1])
  t.same(bootstrapMean([0, 1], createRng(3), 2000, 0.4), [0.5, 0.5])
  t.same(bootstrapMean([7, 7, 7], createRng(3)), [7, 7])
  t.same(bootstrapMean([7], createRng(3)), [-Infinity, Infinity])
  t.throws(() => bootstrapMean([1, 2], createRng(3), 0), { message: 'draws must be a positive whole number, got 0' })
  const many = Array.from({ length: 100 }, (_, i) => i)
  const [lower, upper] = bootstrapMean(many, createRng(4), 4000)
  // The standard deviation of the mean is √((100² − 1)/12)/10 = 2.8866.
  t.ok(Math.abs(lower - (49.5 - 1.96 * 2.8866)) < 0.4, String(lower))
  t.ok(Math.abs(upper - (49.5 + 1.96 * 2.8866)) < 0.4, String(upper))
})

t.test('quantiles between values are interpolated', async (t) => {
  t.equal(quantileOf([1, 2, 3, 4], 0.25), 1.75)
  t.equal(quantileOf([1, 2, 3, 4], 1), 4)
  t.equal(quantileOf([5], 0.3), 5)
  t.ok(Number.isNaN(quantileOf([], 0.5)))
})

t.test('Holm steps down, and leaves out what is no test', async (t) => {
  const found = holmAdjusted([0.01, 0.04, Number.NaN, 0.03, 0.005])
  t.same(
    found.map((p) => p.toFixed(6)),
    ['0.030000', '0.060000', 'NaN', '0.060000', '0.020000'],
  )
  t.same(holmAdjusted([0.9, 0.8]), [1, 1])
})

t.test('rank correlation: hours of television and IQ, a printed example', async (t) => {
  const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
  const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
  t.ok(Math.abs(spearman(iq, hours) - -29 / 165) < 1e-12)
})

t.test('a mean of one value has no interval', async (t) => {
  t.match(studentInterval([5]), { count: 1, mean: 5, lower: -Infinity, upper: Infinity })
  const found = studentInterval([1, 2, 3])
  t.ok(Math.abs(found.upper - (2 + 4.30265 / Math.sqrt(3))) < 1e-5)
})
