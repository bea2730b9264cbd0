import t, { type Test } from 'tap'
import type { StudyResults } from '../schemas/study.ts'
import { analyse } from '../sim-bridge/experiment/report/analysis.ts'
import { metricWindow } from '../sim-bridge/experiment/report/metrics.ts'
import { reportHtml } from '../sim-bridge/experiment/report/report-html.ts'
import { orders } from '../sim-bridge/experiment/report/statements.ts'
import { summaryText } from '../sim-bridge/experiment/report/summary-text.ts'
import { type JobParts, jobResult } from './support/study-results.ts'
import { wellFormed } from './support/xml.ts'

/** Ten epochs: two early ones, seven at 4 m/s, the last one. */
const speeds = (early: number, last: number) => [early, early, 4, 4, 4, 4, 4, 4, 4, last]
const early = { a: [1, 2, 3], b: [3, 4.5, 4.5] }
const last = { a: [6, 7, 8], b: [6, 8, 6] }

/** Two methods × three seeds × ten epochs. */
function tinyStudy(more: readonly JobParts[] = [], study: Partial<StudyResults['study']> = {}): StudyResults {
  const jobs = (['a', 'b'] as const).flatMap((label) =>
    [1, 2, 3].map((seed, i) => ({ label, seed, meanSpeed: speeds(early[label][i]!, last[label][i]!) })),
  )
  return {
    study: {
      version: 1,
      name: 'tiny',
      seeds: [1, 2, 3],
      config: {},
      methods: ['a', 'b'].map((label) => ({ label, config: {} })),
      references: ['a'],
      ...study,
    },
    jobs: [...jobs, ...more].map(jobResult),
    lines: [{ name: 'drivers', meanSpeed: 5, collisions: 0 }],
    software: { trustmix: '1.2.3' },
  }
}

function near(t: Test, found: number, wanted: number, name = ''): void {
  t.ok(Math.abs(found - wanted) < 1e-5, `${name}: ${found}, wanted ${wanted}`)
}

t.test('the windows of the metrics', async (t) => {
  t.same(metricWindow('early', 200), [0, 40])
  t.same(metricWindow('final', 200), [180, 200])
  t.same(metricWindow('early', 10), [0, 2])
  t.same(metricWindow('final', 10), [9, 10])
  t.same(metricWindow('whole', 10), [0, 10])
  t.same(metricWindow('final', 3), [2, 3], 'at least one epoch')
})

t.test('means and intervals by hand', async (t) => {
  const [a, b] = analyse(tinyStudy()).methods
  // Deviation 1 over three seeds; t with two degrees of freedom is 4.30265.
  const half = 4.30265 / Math.sqrt(3)
  t.equal(a!.metrics.early.mean, 2)
  near(t, a!.metrics.early.lower, 2 - half)
  near(t, a!.metrics.early.upper, 2 + half)
  // (2 · early + 28 + last) / 10: 3.6, 3.9, 4.2
  near(t, a!.metrics.whole.mean, 3.9)
  near(t, a!.metrics.whole.upper, 3.9 + 0.3 * half)
  t.equal(a!.metrics.final.mean, 7)
  t.equal(b!.metrics.early.mean, 4)
  near(t, b!.metrics.final.mean, 20 / 3)
  // 6, 7 and 8 m/s where drivers have 5.
  near(t, a!.timesDrivers.mean, 1.4)
  near(t, a!.timesDrivers.upper, 1.4 + half / 5)
  t.same(
    a!.curve.map(({ mean }) => mean),
    [2, 2, 4, 4, 4, 4, 4, 4, 4, 7],
  )
})

t.test('orders by hand: one is supported, two are not', async (t) => {
  const analysis = analyse(tinyStudy())
  const [first, second, third] = analysis.comparisons
  t.match(first, { method: 'b', reference: 'a', metric: 'early', mean: 2, order: 'faster', larger: 3 })
  near(t, first!.lower, 2 - (4.30265 * 0.5) / Math.sqrt(3))
  t.match(second, { metric: 'whole', order: 'unsupported' })
  t.match(third, { metric: 'final', order: 'unsupported', larger: 1 })
  near(t, third!.mean, -1 / 3)
  // Two degrees of freedom: p = 1 − √(t²/(t² + 2)), t² = 48, 121/19 and 1/7.
  const p = [48, 121 / 19, 1 / 7].map((square) => 1 - Math.sqrt(square / (square + 2)))
  for (const [i, comparison] of [first, second, third].entries()) near(t, comparison!.pValue, p[i]!, 'p')
  for (const [i, comparison] of [first, second, third].entries()) near(t, comparison!.holm, (3 - i) * p[i]!, 'Holm')

  const [earlyOrders, wholeOrders] = orders(analysis)
  t.same(earlyOrders!.supported, [
    'b faster than a: +2.000 [+0.758, +3.242] m/s, more in 3 of 3 seeds, Holm\u00a0p\u00a00.0606',
  ])
  t.same(earlyOrders!.unsupported, [])
  t.same(wholeOrders!.supported, [])
  t.match(wholeOrders!.unsupported[0], /^b against a: \+0\.367 \[−0\.258, \+0\.992\] m\/s/)
  const text = summaryText(analysis)
  t.notMatch(text, /(slower than|better|best|wins)/)
  t.match(text, /Fewer than 20 seeds/)
  t.match(text, /not\s+corrected\s+for\s+multiple\s+comparisons/)
})

t.test('an order turns round with its reference; two references are compared once', async (t) => {
  const turned = analyse(tinyStudy([], { references: ['b'] })).comparisons
  t.match(turned[0], { method: 'a', reference: 'b', mean: -2, order: 'slower', larger: 0 })
  t.equal(analyse(tinyStudy([], { references: ['a', 'b'] })).comparisons.length, 3)
  t.equal(analyse(tinyStudy([], { references: ['nobody'] })).comparisons.length, 0)
})

t.test('missing runs are named and pair with nothing', async (t) => {
  const { jobs, ...rest } = tinyStudy()
  const analysis = analyse({ ...rest, jobs: jobs.filter(({ id }) => id !== 'b-seed2') })
  t.same(analysis.missing, ['b-seed2'])
  t.equal(analysis.comparisons[0]!.count, 2)
  t.equal(analysis.comparisons[0]!.mean, (2 + 1.5) / 2)
  const nothing = analyse({ ...rest, jobs: [] })
  t.equal(nothing.missing.length, 6)
  t.equal(wellFormed(reportHtml(nothing).replace('<!DOCTYPE html>', '')), 'ok')
  t.match(summaryText(nothing), /b against a: 0 pairs, no interval/)
})

t.test('an attack is measured against the same seeds without it', async (t) => {
  const attack = { kind: 'nan' as const, attackers: 1 }
  const three = { vehicles: ['v1', 'v2', 'v3'], attackers: ['v3'], samples: [1, 2, 3], intervalsS: [3, 2, 1] }
  const considered = [
    [0, 10, 4],
    [20, 0, 6],
    [50, 50, 0],
  ]
  const accepted = [
    [0, 5, 1],
    [4, 0, 0],
    [50, 50, 0],
  ]
  const jobs = [1, 2, 3].map((seed, i) => ({
    label: 'a',
    seed,
    meanSpeed: speeds(1, last.a[i]! / 2),
    attack,
    parts: { ...three, considered, accepted },
  }))
  const study = tinyStudy(jobs, { attacks: [attack], methods: [{ label: 'a', config: {} }], references: [] })
  const [row] = analyse(study).attacks
  t.equal(row!.final.mean, 3.5)
  t.match(row!.ofClean, { count: 3, mean: 0.5, lower: 0.5, upper: 0.5 })
  // What attackers judge themselves counts for neither.
  t.match(row!.poisoned, { successes: 3, trials: 30 })
  t.match(row!.honest, { successes: 27, trials: 90 })
  t.match(summaryText(analyse(study)), /\na +3\.50 ± \d\.\d\d +50 % \[50, 50\].* 10\.0 % +30\.0 %\n/)
})

t.test('agents stand in descending order of their interval in every run', async (t) => {
  const run = (seed: number, intervalsS: number[], referred: number[][]) => ({
    label: 'a',
    seed,
    meanSpeed: [1],
    parts: {
      vehicles: ['v1', 'v2', 'v3'],
      intervalsS,
      samples: intervalsS.map((interval) => 60 / interval),
      referred,
      accepted: referred,
      considered: referred.map((row, i) => row.map((_, j) => (i === j ? 0 : 10))),
    },
  })
  // Longest first: v2 v3 v1 in the first run, v1 v2 v3 in the second.
  const first = run(
    1,
    [1, 3, 2],
    [
      [0, 6, 7],
      [1, 0, 2],
      [4, 3, 0],
    ],
  )
  const second = run(
    2,
    [6, 4, 2],
    [
      [0, 1, 1],
      [3, 0, 3],
      [9, 9, 0],
    ],
  )
  const { study, ...rest } = tinyStudy()
  const analysis = analyse({
    ...rest,
    study: { ...study, seeds: [1, 2], methods: [{ label: 'a', config: {} }] },
    jobs: [first, second].map(jobResult),
  })
  const { matrices, samplesAccepts, acceptance, judgesPeers } = analysis.methods[0]!.judged
  t.same(matrices.referred, [
    [0, 1.5, 1],
    [3, 0, 3.5],
    [7.5, 8, 0],
  ])
  t.same(matrices.intervalsS, [4.5, 3, 1.5])
  // More samples, more accepts, in both runs.
  t.equal(samplesAccepts.mean, 1)
  t.match(acceptance, { successes: 23 + 26, trials: 120 })
  t.ok(judgesPeers)
})
