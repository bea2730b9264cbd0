import t from 'tap'
import { type HilReport, validateHilReport } from '../schemas/hil-report.ts'
import type { Act } from '../schemas/lock-step.ts'
import type { Status } from '../schemas/status.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { hilHtml } from '../sim-bridge/hil/hil-html.ts'
import { createHilReport, type HilLimits } from '../sim-bridge/hil/hil-report.ts'
import { hilText } from '../sim-bridge/hil/hil-text.ts'
import { decade, logarithmicScale } from '../sim-bridge/hil/time-chart.ts'
import { createTimeline } from '../sim-bridge/hil/timeline.ts'
import { createUnitRecord, type UnitRecord } from '../sim-bridge/hil/unit-record.ts'
import { createPace } from '../sim-bridge/pace.ts'
import { createMeter } from '../sim-bridge/report/meter.ts'
import { createReport } from '../sim-bridge/report/report.ts'
import { junitXml } from '../sim-bridge/report/report-text.ts'
import { wellFormed } from './support/xml.ts'

t.test('a timeline holds every value and mark in a bounded number of equal stretches', async (t) => {
  const timeline = createTimeline(1, 4)
  for (const [atS, value] of [
    [0.5, 2],
    [0.9, 4],
    [2.1, 10],
  ] as const)
    timeline.add(atS, value)
  timeline.mark(3.9)
  t.same(timeline.timeline(), {
    stretchS: 1,
    stretches: [
      { atS: 0, count: 2, mean: 3, max: 4, marks: 0 },
      { atS: 2, count: 1, mean: 10, max: 10, marks: 0 },
      { atS: 3, count: 0, mean: null, max: null, marks: 1 },
    ],
  })
  timeline.add(9, 6) // more than 4 s, more than 8 s: twice as long twice
  t.same(timeline.timeline(), {
    stretchS: 4,
    stretches: [
      { atS: 0, count: 3, mean: 16 / 3, max: 10, marks: 1 },
      { atS: 8, count: 1, mean: 6, max: 6, marks: 0 },
    ],
  })
  timeline.add(100_000, 1)
  t.ok(timeline.timeline().stretches.length <= 4)
})

t.test('a logarithmic axis has powers of ten around its values', async (t) => {
  const { at, ticks } = logarithmicScale([0.5, 42], 0, 300)
  t.same(ticks, [0.1, 1, 10, 100])
  t.same([0.1, 1, 10, 100].map(at), [0, 100, 200, 300])
  t.equal(at(0), 0, 'what is below is drawn at the lowest')
  t.same(logarithmicScale([], 0, 1).ticks, [1, 10])
  t.same([0.1, 1000, 10_000, 100_000].map(decade), ['0.1', '1000', '10⁴', '10⁵'])
})

const found: Status = { version: 1, state: 'online', boot: 3, connection: 2, software: 'trustmix 9', engine: 'wasm/1' }
const hash = (digit: string): string => digit.repeat(64)
const at = { version: 1, run: 'r', epoch: 1, step: 250, seq: 1 } as const
const decided: Act = { ...at, kind: 'decide', command: { timeGap: 2 } }
const learned: Act = { ...at, kind: 'learn', policyHash: hash('a'), samples: 9, updates: 4, return: 1 }

function recordAt(seconds: { now: number }): UnitRecord {
  return createUnitRecord({ found, elapsedS: () => seconds.now })
}

t.test('a restart is a new boot, a reconnect a new connection; a late will of an earlier one is neither', async (t) => {
  const time = { now: 1 }
  const record = recordAt(time)
  record.status(found)
  record.status({ ...found, policyHash: hash('b') })
  t.same(record.facts().connection, { restarts: 0, reconnects: 0, events: [] }, 'the same again is no news')
  record.status({ ...found, connection: 3 })
  record.status({ version: 1, state: 'offline', boot: 3, connection: 2 })
  time.now = 2
  record.status({ version: 1, state: 'offline', boot: 3, connection: 3 })
  record.status({ ...found, boot: 4, connection: 1 })
  t.same(record.facts().connection, {
    restarts: 1,
    reconnects: 1,
    events: [
      { atS: 1, kind: 'reconnect', boot: 3, connection: 3 },
      { atS: 2, kind: 'offline', boot: 3, connection: 3 },
      { atS: 2, kind: 'restart', boot: 4, connection: 1 },
    ],
  })
  record.answered({ ...at, kind: 'end', policyHash: hash('c') }, 1, false)
  record.status({ version: 1, state: 'offline', boot: 4, connection: 1 })
  t.equal(record.facts().connection.events.length, 3, 'after its answer to the end a unit may go')
})

t.test('what befalls a unit under a fault is told apart from what befalls it otherwise', async (t) => {
  const record = recordAt({ now: 0 })
  record.answered(decided, 3, false)
  record.answered(decided, 80, true)
  record.counted('misses', true)
  record.counted('misses', false)
  record.counted('handedOverSteps', true)
  record.counted('left', false)
  const { decisions, roundTrips } = record.facts()
  t.same(decisions.outsideFaults, { misses: 1, handedOverSteps: 0, awaySteps: 0, left: 1, longestMs: 3 })
  t.equal(
    decisions.bins.reduce((sum, { count }) => sum + count, 0),
    2,
  )
  // 0.1 · 2^(30/6) = 3.2 and 0.1 · 2^(58/6) = 81.3: the bins that hold 3 ms and 80 ms.
  t.same(
    decisions.bins.filter(({ count }) => count > 0).map(({ toMs }) => toMs),
    [3.2, 81.3],
  )
  t.match(roundTrips.stretches, [{ count: 2, max: 80, marks: 2 }])
})

t.test('policies and verdicts are those of its answers', async (t) => {
  const record = recordAt({ now: 5 })
  record.answered(learned, 1, false)
  const verdict = { peer: 'car03', accepted: true, referred: true, reason: 'accepted' } as const
  const refused = { 'bad-signature': 2 }
  record.answered({ ...at, kind: 'mix', policyHash: hash('b'), verdicts: [verdict], refused }, 1, false)
  record.answered({ ...at, kind: 'mix', policyHash: hash('b'), verdicts: [], refused: {} }, 1, false)
  const { policies, verdicts } = record.facts()
  t.same(verdicts, { accepted: 1, 'bad-signature': 2 })
  t.match(policies, { updates: 4, mixes: 1, last: hash('b') })
  t.same(
    policies.changes.map(({ by, policyHash }) => [by, policyHash[0]]),
    [
      ['learn', 'a'],
      ['mix', 'b'],
    ],
    'the same policy again is no new one',
  )
})

const limits: HilLimits = {
  ...{ misses: 0, handedOverSteps: 0, roundTripMs: null, rebases: 0 },
  restarts: 0,
  memoryMib: 90,
}

function reported(
  record: UnitRecord,
  more: Partial<Pick<HilReport, 'machine' | 'identity' | 'cause' | 'target'>> & { limits?: Partial<HilLimits> } = {},
): HilReport {
  const meter = createMeter({ vehicles: ['car01', 'car03'], now: () => 0 })
  meter.observer.answered('car01', decided, 3)
  const pace = createPace({ periodMs: 100, now: () => 0, sleep: async () => {} })
  const report = createReport({ run: 'r', seed: 1, epochs: 1, stepLength: 0.1, meter, pace, limits })
  return createHilReport({
    ...{ vehicle: 'car01', target: 'external', begun: '2026-01-01T00:00:00.000Z', durationS: 10, cause: null },
    ...{ facts: record.facts(), report, summary: { epochs: [], deterministic: true, causes: [] } },
    ...{ machine: null, identity: null },
    ...more,
    limits: { ...limits, ...more.limits },
  })
}

const memory = (mib: number) =>
  telemetryOf({ speed: 0, epoch: 1, updates: 0, samples: 0, return: 0, fallbacks: 0, memory: mib })
const failing = ({ criteria }: HilReport): string[] =>
  criteria.filter(({ passed }) => !passed).map(({ subject, criterion, found }) => `${subject} ${criterion} ${found}`)

t.test('each limit fails by itself, and what is not known is not kept', async (t) => {
  const calm = (): UnitRecord => {
    const record = recordAt({ now: 0 })
    record.telemetry(memory(40))
    record.answered(decided, 3, false)
    return record
  }
  const good = reported(calm())
  t.same(failing(good), [])
  t.ok(good.passed && good.complete && validateHilReport(good).ok, JSON.stringify(validateHilReport(good)))

  const missed = calm()
  missed.counted('misses', false)
  t.same(failing(reported(missed)), ['car01 missed deadlines outside faults 1'])
  t.ok(reported(missed, { limits: { misses: 1 } }).passed)
  t.same(failing(reported(calm(), { limits: { roundTripMs: 2 } })), ['car01 longest round trip outside faults, ms 3'])
  const heavy = calm()
  heavy.telemetry(memory(91))
  t.same(failing(reported(heavy)), ['car01 resident memory, MiB 91'])
  t.ok(reported(heavy, { limits: { memoryMib: null } }).passed)
  t.same(failing(reported(recordAt({ now: 0 }))), ['car01 resident memory, MiB null'])
  const restarted = calm()
  restarted.status({ ...found, boot: 4 })
  t.same(failing(reported(restarted)), ['car01 restarts 1'])
  t.same(failing(reported(calm(), { cause: 'interrupted' })), ['run unfinished 1'])
  const machine = { restarts: 7, memoryMib: 40, mainPid: 1, activeState: 'active', trouble: null }
  const before = { ...machine, restarts: 5 }
  t.same(failing(reported(calm(), { machine: { before, after: machine, journal: [] } })), ['car01 restarts 2'])
  const identity = { identical: false, records: 3, policyHash: null, detail: 'record 3 differs' }
  const differs = reported(calm(), { identity })
  t.same(failing(differs), ['car01 differences of its replay 1'])
  t.match(junitXml(differs), /classname="car01" name="differences of its replay: at most 0">\n +<failure /)
})

t.test('text fits a terminal, the page stands alone, and no text of a unit becomes markup', async (t) => {
  const record = recordAt({ now: 1 })
  const evil = '<script>&"\u0007'
  record.status({ ...found, boot: 4, software: evil })
  record.log({ version: 1, level: 'warning', event: 'fallback', text: evil })
  record.telemetry(memory(40))
  record.answered(decided, 3, false)
  for (let i = 0; i < 30; i++) record.counted('misses', false)
  const report = reported(record, { cause: 'interrupted', target: 'ssh:pi@unit' })
  t.ok(validateHilReport(report).ok)
  const text = hilText(report)
  for (const line of text.split('\n')) if ([...line].length > 80) t.fail(line)
  t.match(text, /unit car01 \(ssh:pi@unit\), run r: PARTIAL, interrupted/)
  const html = hilHtml(report)
  t.equal(wellFormed(html.replace('<!DOCTYPE html>', '')), 'ok')
  t.notMatch(html, /<script|https?:|<link|NaN|Infinity|undefined/)
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
  t.equal(new Set(ids).size, ids.length, 'every id once')
  for (const figure of ['latency', 'round-trips', 'memory', 'policies']) t.match(html, `<svg id="${figure}"`)
  t.match(html, 'prefers-color-scheme:dark')
  for (const [, width] of html.matchAll(/viewBox="0 0 (\d+) /g)) t.ok(Number(width) <= 360, 'readable at 360 px')
})

t.test('how long an emulated board takes is printed, marked, and not judged', async (t) => {
  const record = recordAt({ now: 0 })
  record.telemetry(memory(40))
  record.answered(decided, 3, false)
  for (const name of ['misses', 'handedOverSteps', 'awaySteps', 'left'] as const) record.counted(name, false)
  const limits = { roundTripMs: 1 }
  const timed = failing(reported(record, { limits }))
  t.equal(timed.length, 5, 'on a real machine each of them is a limit that was not kept')
  for (const target of ['qemu-virt', 'qemu-raspi3b']) {
    const report = reported(record, { limits, target })
    t.same(failing(report), [])
    t.same(
      report.criteria.map(({ criterion }) => criterion),
      ['restarts', 'resident memory, MiB', 'unfinished'],
    )
    const text = hilText(report)
    t.match(text, /^round trips \(emulated\)/m)
    t.match(text.replaceAll(/\s+/g, ' '), /1 of them outside faults \(emulated\): not judged/)
    t.match(hilHtml(report), 'round trips (emulated)')
  }
  t.notMatch(hilText(reported(record)), /emulated/)
})
