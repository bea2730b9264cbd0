import t from 'tap'
import { mixedAdvantage } from '../device/core/index.ts'

t.test('estimators by hand', async (t) => {
  // Behaviour equal to own; the other policy makes the actions 2, ½, 1 and ½ times as likely.
  const zero = new Float64Array(4)
  const samples = { count: 4, logProb: zero, advantage: Float64Array.of(3, 1, 2, -2) }
  const next = Float64Array.of(Math.log(2), -Math.log(2), 0, -Math.log(2))
  const plain = mixedAdvantage('plain', samples, zero, next)
  const errorOf = (summands: number[], mean: number) =>
    Math.sqrt(summands.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3 / 4)
  t.ok(Math.abs(plain.mean - 3.5 / 4) < 1e-14)
  t.ok(Math.abs(plain.standardError - errorOf([3, -0.5, 0, 1], 3.5 / 4)) < 1e-14)
  t.ok(Math.abs(plain.effectiveSampleSize - 16 / 5.5) < 1e-14)
  // Σ w A / Σ w: 7.5/4 with the new weights, 1 with the own ones; around them w (A − ratio) of each sample.
  const weighted = mixedAdvantage('weighted', samples, zero, next)
  t.ok(Math.abs(weighted.mean - (7.5 / 4 - 1)) < 1e-14)
  const parts = [3, 1, 2, -2].map((a, i) => [2, 0.5, 1, 0.5][i]! * (a - 7.5 / 4) - (a - 1))
  t.ok(Math.abs(weighted.standardError - errorOf(parts, 0)) < 1e-14)
})

t.test('what is common to both policies cancels', async (t) => {
  const logProb = Float64Array.of(-1, -2, -0.5, -3)
  const drifted = logProb.map((p, i) => p + 0.3 * (i - 1.5))
  const samples = { count: 4, logProb, advantage: Float64Array.of(3, 1, 2, -2) }
  for (const estimator of ['plain', 'weighted'] as const) {
    const { mean, standardError } = mixedAdvantage(estimator, samples, drifted, drifted)
    t.same([mean, standardError], [0, 0], estimator)
  }
})

t.test('a value that is not finite is not lost', async (t) => {
  const zero = new Float64Array(3)
  const poisoned = Float64Array.of(0, Number.NaN, 0)
  const samples = { count: 3, logProb: zero, advantage: Float64Array.of(1, 2, 3) }
  for (const estimator of ['plain', 'weighted'] as const) {
    t.ok(Number.isNaN(mixedAdvantage(estimator, samples, poisoned, zero).mean))
    t.ok(Number.isNaN(mixedAdvantage(estimator, samples, zero, poisoned).mean))
    t.ok(Number.isNaN(mixedAdvantage(estimator, { ...samples, advantage: poisoned }, zero, zero).mean))
  }
})
