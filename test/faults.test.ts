import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import { type Fault, type Faults, validateFaults } from '../schemas/faults.ts'
import type { Act, Obs } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { planFaults, readFaults } from '../sim-bridge/fault-plan.ts'
import { createFaultyBus } from '../sim-bridge/faults.ts'
import { learners, runOnVirtualClock } from './support/cars.ts'
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

t.test('what the transport does to messages changes no bit of a lock-step run', async (t) => {
  const plain = await runOnVirtualClock({})
  const faults: Fault[] = [
    { kind: 'drop', ...always, probability: 0.3 },
    { kind: 'delay', ...always, delayMs: 300, jitterMs: 300 },
    { kind: 'duplicate', ...always },
    { kind: 'reorder', ...always, probability: 0.5 },
    { kind: 'corrupt', ...always, probability: 0.3 },
    { kind: 'partition', at: 3, until: 8 },
    { kind: 'freeze', at: 3, until: 8 },
  ]
  for (const fault of faults) {
    const { summary, report } = await runOnVirtualClock({ faults: [fault] })
    t.same(summary, plain.summary, fault.kind)
    t.ok((report.faults[0]?.messages ?? 0) > 0, `${fault.kind} touched messages`)
    const { repeats = 0, ignored = 0, refused = 0 } = report.faults[0]?.effects ?? {}
    if (['drop', 'corrupt', 'partition', 'reorder'].includes(fault.kind))
      t.ok(repeats > 0, `${fault.kind}: made up for`)
    if (fault.kind === 'duplicate') t.ok(ignored > 0 && repeats === 0)
    t.equal(refused > 0, fault.kind === 'corrupt')
  }
  const longer = await runOnVirtualClock({ faults: [{ kind: 'freeze', vehicles: ['car01'], at: 3, until: 40 }] })
  t.match(longer.summary.causes, [/car01 did not answer decide within 30000 ms/])
  t.match(longer.report.faults[0]?.effects, { left: 1 })
  t.ok((longer.report.faults[0]?.effects.awaySteps ?? 0) > 0)
})

const example = fileURLToPath(new URL('../../docs/examples/faults.json', import.meta.url))

t.test('the example has every kind; the same scenario and seed give the same bits and counts', async (t) => {
  const scenario = JSON.parse(readFileSync(example, 'utf8')) as Faults
  const kinds = ['drop', 'delay', 'duplicate', 'reorder', 'corrupt', 'partition', 'freeze', 'dropout', 'noise', 'skew']
  t.same([...new Set(scenario.faults.map(({ kind }) => kind))], kinds)
  t.equal(readFaults(example, learners).length, kinds.length)
  const run = (given: object = {}) => runOnVirtualClock({ faults: scenario.faults, epochs: 2, ...given })
  const [first, again] = [await run(), await run()]
  t.same(again.summary, first.summary)
  t.same(again.report, first.report)
  for (const { fault, messages } of first.report.faults) t.ok(messages > 0, `${fault.kind}: ${messages} messages`)
  const plain = await runOnVirtualClock({ epochs: 2 })
  t.not(first.summary.policies.car01, plain.summary.policies.car01, 'noise is learned from')
  t.equal(
    first.report.devices.car01?.fallbacks,
    first.report.faults.find(({ fault }) => fault.kind === 'dropout')?.messages,
    'each decision without an observation is a fallback',
  )

  const realtime = await run({ rtf: 1 })
  t.equal(realtime.report.world.jitter?.max, 0, 'nothing holds up the clock')
  t.ok(realtime.report.faults.every(({ messages }) => messages > 0))
  const frozen = realtime.report.faults.find(({ fault }) => fault.kind === 'freeze')
  t.ok((frozen?.effects.misses ?? 0) > 0)
  t.same((await run({ rtf: 1 })).report, realtime.report, 'also in real time, on a clock that is the same')
})

t.test('a scenario that breaks a rule is refused with path, rule and value', async (t) => {
  const window = { at: 1, until: 2 }
  const cases: [unknown, RegExp][] = [
    [{ kind: 'drop', at: 1 }, /\/faults\/0 must have required property 'until'/],
    [{ kind: 'drop', at: 2, until: 1 }, /\/faults\/0\/until must be more than at \(2 s\), got 1/],
    [{ kind: 'drop', ...window, probability: 2 }, /\/faults\/0\/probability must be <= 1, got 2/],
    [{ kind: 'drop', ...window, delayMs: 5 }, /\/faults\/0: unknown key "delayMs"/],
    [{ kind: 'delay', ...window }, /\/faults\/0 must have required property 'delayMs'/],
    [{ kind: 'explode', ...window }, /\/faults\/0 value of tag "kind" must be in oneOf/],
    [{ kind: 'noise', ...window, sigma: { colour: 1 } }, /\/faults\/0\/sigma: unknown key "colour"/],
    [{ kind: 'freeze', ...window, vehicles: ['car02'] }, /\/vehicles must be learners \(car01, car03\), got car02/],
    [{ kind: 'drop', ...window, direction: 'up' }, /direction must be .*"to-device".*, got "up"/],
  ]
  const file = join(t.testdir(), 'f.json')
  for (const [fault, rule] of cases) {
    writeFileSync(file, JSON.stringify({ version: 1, faults: [fault] }))
    t.throws(() => readFaults(file, learners), { name: 'ExitError', code: 2, message: rule }, rule.source)
  }
  writeFileSync(file, '{')
  t.throws(() => readFaults(file, learners), { code: 2, message: /f\.json must be a JSON file/ })
  t.throws(() => readFaults(join(file, 'no'), learners), { code: 2, message: /--faults: .* ENOTDIR/ })
  t.match(validateFaults({ version: 2, faults: [] }), { ok: false, reason: 'unsupported-version' })
})
