import t from 'tap'
import { createRng } from '../device/core/rng.ts'
import { createPace } from '../sim-bridge/pace.ts'
import { Histogram } from '../sim-bridge/report/histogram.ts'

/** A clock whose sleeps are too long by what `overshoot` says. */
function createClock(overshoot: (n: number) => number) {
  let time = 12_345.678
  let sleeps = 0
  return {
    now: () => time,
    async sleep(ms: number) {
      time += ms + (ms > 0 ? overshoot(sleeps++) : 0)
    },
    pass(ms: number) {
      time += ms
    },
  }
}

t.test('a hundred thousand steps do not drift: each begins where its number says, to the microsecond', async (t) => {
  const overshoot = (n: number): number => [0, 0.4, 1.7, 12][n % 4] as number
  const clock = createClock(overshoot)
  const periodMs = 100 / 3
  const pace = createPace({ periodMs, ...clock })
  const start = clock.now() + periodMs
  pace.begin()
  let worst = 0
  for (let k = 0; k < 100_000; k++) {
    await pace.due(k)
    worst = Math.max(worst, Math.abs(clock.now() - (start + k * periodMs + overshoot(k))))
    clock.pass(3)
  }
  t.ok(worst < 0.001, `largest difference ${worst} ms`)
  t.equal(pace.rebases, 0)
  t.equal(pace.jitter.count, 100_000)
  t.ok(Math.abs(pace.jitter.max - 12) < 0.001)
  t.ok(Math.abs(pace.jitter.mean - (0 + 0.4 + 1.7 + 12) / 4) < 0.001)
})

t.test('a sleep that ends early is slept on', async (t) => {
  let time = 0
  const asked: number[] = []
  const pace = createPace({
    periodMs: 10,
    now: () => time,
    async sleep(ms) {
      asked.push(ms)
      time += ms / 2 > 1 ? ms / 2 : ms
    },
  })
  pace.begin()
  await pace.due(0)
  t.equal(time, 10)
  t.same(asked, [10, 5, 2.5, 1.25])
})

t.test('a late step is caught up with: those after it keep their places', async (t) => {
  const clock = createClock(() => 0)
  const pace = createPace({ periodMs: 100, ...clock })
  const start = clock.now() + 100
  pace.begin()
  const begun: number[] = []
  for (let k = 0; k < 8; k++) {
    await pace.due(k)
    begun.push(Math.round(clock.now() - start))
    if (k === 1) clock.pass(350)
  }
  t.same(begun, [0, 100, 450, 450, 450, 500, 600, 700])
  t.same([pace.rebases, pace.lostMs], [0, 0])
  t.equal(Math.round(pace.jitter.max), 250)
})

t.test('a step that is later than ten periods moves the schedule, once, by what it was late', async (t) => {
  const clock = createClock(() => 0)
  const pace = createPace({ periodMs: 100, ...clock })
  const start = clock.now() + 100
  pace.begin()
  const begun: number[] = []
  for (let k = 0; k < 5; k++) {
    await pace.due(k)
    begun.push(Math.round(clock.now() - start))
    if (k === 0) clock.pass(1_101)
    if (k === 3) clock.pass(1_099)
  }
  t.same(begun, [0, 1_101, 1_201, 1_301, 2_400], 'within ten periods it is caught up with')
  t.equal(pace.rebases, 1)
  t.equal(Math.round(pace.lostMs), 1_001)
  pace.begin()
  await pace.due(0)
  t.equal(Math.round(clock.now() - start), 2_500, 'an epoch has a start of its own')
})

t.test('quantiles are those of the sorted times to 1/64, without keeping them', async (t) => {
  const histogram = new Histogram()
  const rng = createRng(1, 'histogram')
  const times = Array.from({ length: 20_000 }, () => 0.002 * 10 ** (7 * rng.uniform()))
  for (const time of times) histogram.record(time)
  times.sort((a, b) => a - b)
  for (const q of [0.0001, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = times[Math.ceil(q * times.length) - 1] as number
    const found = histogram.quantile(q)
    t.ok(found >= exact && found <= exact * (1 + 1 / 64) + 0.001, `${q}: ${found} for ${exact}`)
  }
  t.equal(histogram.max, times.at(-1))
  t.equal(histogram.min, times[0])
  t.equal(histogram.count, 20_000)
  t.equal(histogram.countUpTo(1e9), 20_000)
  t.ok(Math.abs(histogram.mean - times.reduce((a, b) => a + b, 0) / 20_000) < 1e-6)
})

t.test('up to 128 µs every microsecond has a bin; what is beyond the last one is in the last one', async (t) => {
  const histogram = new Histogram()
  for (let us = 1; us <= 128; us++) histogram.record(us / 1_000)
  for (let us = 1; us <= 127; us++) t.equal(histogram.countUpTo(us / 1_000), us)
  const [empty, odd] = [new Histogram(), new Histogram()]
  t.same([empty.quantile(0.5), empty.max, empty.min, empty.mean], Array(4).fill(Number.NaN))
  for (const ms of [-1, Number.NaN, 0, 1e12]) odd.record(ms)
  t.equal(odd.quantile(0.75), 0)
  t.equal(odd.max, 1e12)
  t.equal(odd.quantile(1), 4294967.295, 'at most the upper edge of the last bin')
})
