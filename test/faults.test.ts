import t from 'tap'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import type { Fault } from '../schemas/faults.ts'
import type { Act, Obs } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { planFaults } from '../sim-bridge/faults/fault-plan.ts'
import { createFaultyBus } from '../sim-bridge/faults/faults.ts'
import { learners } from './support/cars.ts'
import { calm } from './support/devices.ts'
import { createVirtualClock } from './support/virtual-clock.ts'

const address = (vehicle: string) => ({ fleet: 'demo', run: 'run1', vehicle })
const question = (seq: number, change: object = {}): Obs =>
  ({ version: 1, run: 'run1', epoch: 1, step: seq, seq, kind: 'decide', observation: calm, ...change }) as Obs
const answer = (seq: number): Act => {
  const command = { acceleration: 1 }
  return { version: 1, run: 'run1', epoch: 1, step: seq, seq, kind: 'decide', command }
}

/** A bus with these faults between a bridge and devices that only listen. */
function createBench(faults: readonly Fault[], given: { seed?: number; rtf?: number } = {}) {
  const clock = createVirtualClock()
  const broker = createLocalBroker()
  const device = broker.connect()
  const bus = createFaultyBus({
    ...{ bus: broker.connect(), encoded: false, plan: planFaults({ version: 1, faults: [...faults] }, learners) },
    ...{ seed: 1, rtf: 1, stepLength: 0.1, now: clock.now, later: clock.later, ...given },
  })
  const asked: { vehicle: string; obs: Obs; at: number }[] = []
  const answered: { vehicle: string; seq: number; at: number }[] = []
  device.subscribe(channels.obs, {}, (obs, { vehicle }) => asked.push({ vehicle, obs, at: clock.now() }))
  bus.subscribe(channels.act, {}, ({ seq }, { vehicle }) => answered.push({ vehicle, seq, at: clock.now() }))
  bus.at(1, 0)
  return {
    ...{ bus, clock, asked, answered },
    ask: (seq: number, change: object = {}, vehicle = 'car01') =>
      bus.publish(channels.obs, address(vehicle), question(seq, change)),
    answer: (seq: number, vehicle = 'car01') => device.publish(channels.act, address(vehicle), answer(seq)),
    seqs: () => asked.map(({ obs }) => obs.seq),
  }
}

const always = { at: 0, until: 150 }

t.test('a message is dropped in its window, by direction, kind, vehicle and epoch', async (t) => {
  const window: Fault = { kind: 'drop', vehicles: ['car01'], epoch: 2, at: 1, until: 2, direction: 'to-device' }
  const bench = createBench([{ ...window, messages: ['decide'] }])
  const tried: string[] = []
  for (const epoch of [1, 2, 3])
    for (const k of [9, 10, 19, 20]) {
      bench.bus.at(epoch, k)
      for (const vehicle of learners)
        for (const kind of ['decide', 'learn'])
          bench.ask(tried.push(`${epoch} ${k} ${vehicle} ${kind}`), { kind }, vehicle)
    }
  const arrived = new Set(bench.seqs())
  t.same(
    tried.filter((_, i) => !arrived.has(i + 1)),
    ['2 10 car01 decide', '2 19 car01 decide'],
  )
  bench.bus.at(2, 15)
  bench.answer(1)
  t.equal(bench.answered.length, 1, 'the other direction is whole')
  t.equal(bench.bus.effects()[0]?.messages, 2)
})

t.test('what befalls a message depends on the seed and the message alone, at the stated rate', async (t) => {
  const fault: Fault = { kind: 'drop', ...always, probability: 0.25 }
  const arrived = (order: readonly number[], seed = 1): number[] => {
    const bench = createBench([fault], { seed })
    for (const seq of order) bench.ask(seq)
    return bench.seqs().sort((a, b) => a - b)
  }
  const numbers = Array.from({ length: 4_000 }, (_, i) => i + 1)
  const forwards = arrived(numbers)
  t.same(arrived(numbers.toReversed()), forwards)
  t.not(arrived(numbers, 2).join(), forwards.join())
  // Binomial: mean 3000, σ = √(4000 · 0.25 · 0.75) = 27.4.
  t.ok(Math.abs(forwards.length - 3_000) < 4 * 27.4, `${forwards.length} of 4000 arrived`)
  const repeated = createBench([fault])
  for (let attempt = 0; attempt < 40; attempt++) repeated.ask(7)
  t.ok(repeated.asked.length > 10 && repeated.asked.length < 40, 'each repetition has its own chance')
})

t.test('delays are times of the clock; what is doubled comes twice; neighbours change places', async (t) => {
  const slow = createBench([{ kind: 'delay', ...always, delayMs: 70, direction: 'from-device' }])
  slow.ask(1)
  slow.answer(1)
  await slow.clock.advance(200)
  t.match([slow.asked[0]?.at, slow.answered], [0, [{ seq: 1, at: 70 }]])

  const jitter = createBench([{ kind: 'delay', ...always, delayMs: 70, jitterMs: 10, direction: 'to-device' }])
  for (let seq = 1; seq <= 100; seq++) jitter.ask(seq)
  await jitter.clock.advance(200)
  t.ok(jitter.asked.every(({ at }) => at >= 70 && at < 80))
  t.ok(
    Math.abs(jitter.asked.reduce((sum, { at }) => sum + at, 0) / 100 - 75) < 4 * 0.29,
    'uniform: σ of the mean 0.29 ms',
  )

  const double = createBench([{ kind: 'duplicate', ...always, copies: 2 }])
  double.ask(1)
  double.answer(1)
  t.same([double.seqs(), double.answered.length], [[1, 1, 1], 3])

  const swapped = createBench([{ kind: 'reorder', at: 0, until: 1 }])
  for (const seq of [1, 2, 3, 4, 5]) swapped.ask(seq)
  t.same(swapped.seqs(), [2, 1, 4, 3])
  swapped.bus.at(1, 10)
  t.same(swapped.seqs(), [2, 1, 4, 3, 5], 'nothing is kept beyond the window')
})

t.test('a partition loses both directions, a freeze holds answers; both end by the clock', async (t) => {
  for (const rtf of [1, 10]) {
    const cut = createBench([{ kind: 'partition', vehicles: ['car01'], at: 1, until: 3 }], { rtf })
    cut.bus.at(1, 15)
    cut.ask(1)
    cut.answer(1)
    cut.ask(1, {}, 'car03')
    t.same([cut.asked.map(({ vehicle }) => vehicle), cut.answered], [['car03'], []])
    await cut.clock.advance(1_500 / rtf - 1)
    cut.ask(2)
    t.equal(cut.asked.length, 1)
    await cut.clock.advance(1)
    cut.ask(2)
    t.equal(cut.asked.length, 2, `1.5 s / ${rtf} later it is over, wherever simulated time stands`)
    cut.bus.at(1, 16)
    cut.ask(3)
    t.equal(cut.asked.length, 3, 'once an epoch')
    cut.bus.at(2, 15)
    cut.ask(4)
    t.equal(cut.asked.length, 3, 'and in each')

    const frozen = createBench([{ kind: 'freeze', vehicles: ['car01'], at: 1, until: 3 }], { rtf })
    frozen.bus.at(1, 10)
    frozen.ask(1)
    frozen.answer(1)
    await frozen.clock.advance(500 / rtf)
    frozen.answer(2)
    frozen.answer(2, 'car03')
    await frozen.clock.advance(5_000)
    const end = 2_000 / rtf
    t.match(frozen.answered, [
      { vehicle: 'car03', seq: 2, at: 500 / rtf },
      { vehicle: 'car01', seq: 1, at: end },
      { vehicle: 'car01', seq: 2, at: end },
    ])
    t.equal(frozen.asked.length, 1)
  }
})

t.test('noise has the stated σ on the named fields only; a repeated question is the same question', async (t) => {
  const bench = createBench([{ kind: 'noise', ...always, sigma: { gap: 0.5, followerSpeed: 2 } }])
  const n = 4_000
  for (let seq = 1; seq <= n; seq++) bench.ask(seq)
  const errors = (field: 'gap' | 'followerSpeed'): number[] =>
    bench.asked.map(({ obs }) => (obs.kind === 'decide' ? (obs.observation?.[field] ?? 0) - calm[field] : Number.NaN))
  for (const [field, sigma] of [
    ['gap', 0.5],
    ['followerSpeed', 2],
  ] as const) {
    const all = errors(field)
    const mean = all.reduce((a, b) => a + b, 0) / n
    const deviation = Math.sqrt(all.reduce((a, b) => a + b * b, 0) / n)
    t.ok(Math.abs(mean) < (4 * sigma) / Math.sqrt(n), `${field}: mean ${mean}`)
    t.ok(Math.abs(deviation / sigma - 1) < 4 / Math.sqrt(2 * n), `${field}: σ ${deviation}`)
  }
  const [first] = bench.asked
  t.match(first?.obs, { observation: { ...calm, gap: Number, followerSpeed: Number } })
  bench.ask(1)
  t.same(bench.asked.at(-1)?.obs, first?.obs)
  bench.ask(n + 1, { kind: 'learn' })
  const learn = bench.asked.at(-1)?.obs
  t.ok(learn?.kind === 'learn' && learn.observation && learn.observation.gap !== calm.gap, 'learn senses too')
})

t.test('a dropout leaves the observation out; skewed clocks shift the step and stretch its length', async (t) => {
  const blind = createBench([{ kind: 'dropout', at: 0, until: 1 }])
  blind.ask(1)
  blind.ask(2, { kind: 'learn' })
  t.notOk('observation' in (blind.asked[0]?.obs ?? {}))
  t.ok('observation' in (blind.asked[1]?.obs ?? {}), 'only decisions')

  const skewed = createBench([{ kind: 'skew', ...always, offsetS: 2.5, ppm: 1_000 }])
  skewed.ask(1, { step: 2_000 })
  skewed.ask(2, { kind: 'reset', step: 0, stepLength: 0.1 })
  t.match(skewed.asked, [{ obs: { step: 2_027 } }, { obs: { step: 25, stepLength: 0.1 * (1 + 1e-3) } }])
  const back = createBench([{ kind: 'skew', ...always, offsetS: -2.5 }])
  back.ask(1, { step: 10 })
  t.match(back.asked, [{ obs: { step: 0 } }], 'no step before the first')
})
