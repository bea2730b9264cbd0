import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Fault, type Faults, validateFaults } from '../schemas/faults.ts'
import { readFaults } from '../sim-bridge/faults/fault-plan.ts'
import { learners, runOnVirtualClock } from './support/cars.ts'

const always = { at: 0, until: 150 }

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
