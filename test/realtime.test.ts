import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Parser } from 'tap-parser'
import type { Fault } from '../schemas/faults.ts'
import type { Obs } from '../schemas/lock-step.ts'
import { type Report, validateReport } from '../schemas/report.ts'
import { junitXml, reportTables, tapText } from '../sim-bridge/report/report-text.ts'
import { drawSchedules, scheduleOf } from '../sim-bridge/schedule.ts'
import { learners, runOnVirtualClock } from './support/cars.ts'
import { requireTool } from './support/require.ts'

const device = (report: Report, id = 'car01') => report.devices[id] as Report['devices'][string]
/** The steps at which a vehicle's decisions fall due. */
const dueSteps = (id: string, steps: number, seed = 1): number[] => {
  const { intervalSteps, phaseSteps } = scheduleOf(drawSchedules(seed, learners), id)
  return Array.from({ length: steps }, (_, k) => k).filter(
    (k) => k >= phaseSteps && (k - phaseSteps) % intervalSteps === 0,
  )
}

t.test('where every answer comes in time, a real-time run is the lock-step run, bit for bit', async (t) => {
  const options = { epochs: 3, roundSteps: 300 }
  const lockStep = await runOnVirtualClock(options)
  const realtime = await runOnVirtualClock({ ...options, rtf: 1 })
  t.equal(lockStep.summary.learners?.car01?.updates, 1 * 3)
  t.same(realtime.summary, lockStep.summary)
  t.equal(realtime.summary.deterministic, true)
  t.ok(realtime.report.passed)
  t.match(realtime.report, { mode: 'realtime', deadline: { rule: 'step', ms: null } })
  t.match(lockStep.report, { mode: 'lock-step', deadline: { rule: 'none' }, world: { jitter: null, jitterBins: [] } })
  t.equal(realtime.report.world.steps, 900)
  // 300 steps of 0.1 s: the last one begins 30 s after the epoch, with one period before the first.
  t.equal(Math.round(1_000 * realtime.report.world.clockS), 90_000)
  t.ok(Math.abs((realtime.report.world.rtf ?? 0) - 1) < 1e-9)
  for (const id of learners) {
    t.equal(device(realtime.report, id).decisions, 3 * dueSteps(id, 300).length)
    t.same(device(realtime.report, id), device(lockStep.report, id), 'also what is counted')
  }
})

t.test('the factor scales the clock', async (t) => {
  const { report } = await runOnVirtualClock({ rtf: 25 })
  t.ok(Math.abs((report.world.rtf ?? 0) - 25) < 1e-6)
  t.equal(Math.round(1_000 * report.world.clockS), 1_200)
  t.equal(report.world.targetRtf, 25)
})

t.test('decisions go on while devices learn', async (t) => {
  const slow: Fault = { kind: 'delay', vehicles: ['car01'], at: 0, until: 25, delayMs: 5_050, messages: ['learn'] }
  const steps = new Set<number>()
  const { summary, report } = await runOnVirtualClock({
    ...{ rtf: 1, roundSteps: 100, faults: [{ ...slow, direction: 'from-device' }] },
    onStep: (_, k) => steps.add(k),
  })
  t.equal(steps.size, 300)
  t.equal(report.world.jitter?.max, 0, 'no step waited')
  t.ok(
    dueSteps('car01', 300).some((k) => k > 100 && k < 150),
    'the schedule of this seed has decisions while car01 learns',
  )
  const { misses, missesWhileLearning, lateHeldSteps, handedOverSteps, roundTrip } = device(report)
  t.same(
    { misses, missesWhileLearning, lateHeldSteps, handedOverSteps },
    {
      misses: 0,
      missesWhileLearning: 0,
      lateHeldSteps: 0,
      handedOverSteps: 0,
    },
  )
  t.equal(roundTrip.decide.count, dueSteps('car01', 300).length)
  t.equal(roundTrip.learn.max, 5_050)
  t.equal(report.world.roundsLeftOut, 0)
  t.equal(summary.learners?.car01?.updates, summary.learners?.car03?.updates)
  t.equal(summary.deterministic, false)
  t.match(summary.causes, [/rounds of learning ran beside the steps/])
})

t.test('the world goes on without a decision: what falls due meanwhile is late, held, then handed over', async (t) => {
  const { intervalSteps } = scheduleOf(drawSchedules(1, learners), 'car01')
  const first = dueSteps('car01', 300).find((k) => k > 100) ?? Number.NaN
  // A step begins a period after the question to it: the answer comes half a period before step first + 50 begins.
  const slow: Fault = {
    kind: 'delay',
    vehicles: ['car01'],
    at: first / 10 - 0.05,
    until: first / 10 + 5,
    delayMs: 5_050,
  }
  const { summary, report } = await runOnVirtualClock({
    ...{ rtf: 1, roundSteps: 300, faults: [{ ...slow, messages: ['decide'], direction: 'from-device' }] },
  })
  const missed = dueSteps('car01', 300).filter((k) => k >= first && k < first + 50).length
  const held = Math.min(50, Math.max(intervalSteps, 10))
  const { misses, missesWhileLearning, lateHeldSteps, handedOverSteps } = device(report)
  t.same({ misses, missesWhileLearning }, { misses: missed, missesWhileLearning: 0 })
  t.same({ lateHeldSteps, handedOverSteps }, { lateHeldSteps: held, handedOverSteps: 50 - held })
  t.equal(device(report, 'car03').misses, 0)
  t.match(summary.causes, [/steps were driven while a decision was late/])
  t.equal(report.faults[0]?.effects.misses, missed, 'put down to the fault')
})

t.test('a round that is still running when the next one is due leaves that one out', async (t) => {
  // Also each repetition of an answer takes 12 s.
  const slow: Fault = { kind: 'delay', vehicles: ['car03'], at: 0, until: 25, delayMs: 12_000, messages: ['learn'] }
  const { summary, report } = await runOnVirtualClock({
    rtf: 1,
    roundSteps: 100,
    faults: [{ ...slow, direction: 'from-device' }],
  })
  t.equal(report.world.roundsLeftOut, 1)
  t.equal(report.world.jitter?.max, 0)
  t.equal(device(report).roundTrip.learn.count, 2, 'that of step 100 and that of the end')
  t.equal(summary.epochs.length, 1)
})

t.test('the deadline may be a time: then it is judged when the answer comes, in lock-step too', async (t) => {
  const slow: Fault = { kind: 'delay', at: 0, until: 30, delayMs: 40, messages: ['decide'] }
  const faults: Fault[] = [{ ...slow, direction: 'from-device' }]
  const count = dueSteps('car01', 300).length
  for (const rtf of [undefined, 1]) {
    const run = async (deadlineMs: number) =>
      device((await runOnVirtualClock({ ...(rtf && { rtf }), faults, deadlineMs })).report).misses
    t.equal(await run(39), count, `39 ms, ${rtf ? 'real time' : 'lock-step'}`)
    t.equal(await run(41), 0, `41 ms, ${rtf ? 'real time' : 'lock-step'}`)
  }
  const { report } = await runOnVirtualClock({ faults, deadlineMs: 39 })
  t.match(report, { mode: 'lock-step', deadline: { rule: 'time', ms: 39 }, passed: false })
  const { p50, p999, max, min } = device(report).roundTrip.decide
  t.same([p50, p999, max, min], [40, 40, 40, 40])
})

t.test('an epoch that ends before a decision is answered still tells its device of the end', async (t) => {
  const fault: Fault = {
    kind: 'delay',
    vehicles: ['car01'],
    at: 0,
    until: 30,
    delayMs: 9_000,
    direction: 'from-device',
  }
  const cases: readonly (readonly [string, number, Fault])[] = [
    ['asked, not answered', 300, { ...fault, at: 24, messages: ['decide'] }],
    ['asked while the device is busy with a round', 250, { ...fault, messages: ['learn', 'decide'] }],
    ['the first one ever', 300, { ...fault, delayMs: 60_000, messages: ['decide'] }],
  ]
  for (const [how, roundSteps, late] of cases) {
    /** By number: a question that is repeated counts once. */
    const questions = new Map<number, Obs>()
    const { summary } = await runOnVirtualClock({
      ...{ rtf: 1, roundSteps, faults: [late], answerTimeoutMs: 120_000 },
      onQuestion: (vehicle, question) => vehicle === 'car01' && questions.set(question.seq, question),
    })
    const heard = [...questions.values()]
    const closings = heard.filter((question) => 'outcome' in question && question.outcome?.truncated)
    t.match(closings, [{ kind: 'learn', step: 300, outcome: { truncated: true, terminated: false } }], how)
    const decisions = heard.filter(({ kind }) => kind === 'decide')
    t.ok(
      decisions.every(({ step }) => step < 300),
      `${how}: nothing is asked about a state after the end`,
    )
    // Every outcome became a sample of the device.
    const outcomes = heard.flatMap((question) => ('outcome' in question && question.outcome ? [question.outcome] : []))
    t.equal(summary.learners?.car01?.samples, outcomes.length, how)
  }
})

t.test('an injected miss turns JUnit and TAP red, and nothing else', async (t) => {
  const [, step = 0] = dueSteps('car03', 300)
  // The answer to one decision comes after the step that it was for, and before the next one.
  const at = { at: step / 10 - 0.05, until: step / 10 + 0.05 }
  const slow: Fault = { kind: 'delay', vehicles: ['car03'], ...at, delayMs: 150, direction: 'from-device' }
  const options = { rtf: 1, roundSteps: 300 }
  const green = (await runOnVirtualClock(options)).report
  const red = (await runOnVirtualClock({ ...options, faults: [slow] })).report
  t.match(validateReport(JSON.parse(JSON.stringify(red))), { ok: true })
  t.same([green.passed, red.passed], [true, false])
  t.same(
    red.criteria.filter(({ passed }) => !passed),
    [{ subject: 'car03', criterion: 'missed deadlines', limit: 0, found: 1, passed: false }],
  )
  t.match(device(red, 'car03'), { misses: 1, missesWhileLearning: 0, lateHeldSteps: 1, handedOverSteps: 0, leftOut: 0 })
  t.match(red.faults, [{ messages: 1, effects: { misses: 1, lateHeldSteps: 1, handedOverSteps: 0 } }])

  const points = (report: Report) =>
    Parser.parse(tapText(report)).flatMap((event) => (event[0] === 'assert' ? [event[1]] : []))
  const cases = 4 * learners.length + 1
  t.equal(points(green).filter(({ ok }) => ok).length, cases)
  t.same(
    points(red).flatMap(({ ok, name, diag }) => (ok ? [] : [{ name, diag }])),
    [{ name: 'car03: missed deadlines: at most 0', diag: { limit: 0, found: 1 } }],
  )
  t.match(junitXml(green), new RegExp(`<testsuites tests="${cases}" failures="0">`))
  t.match(junitXml(red), new RegExp(`<testsuites tests="${cases}" failures="1">`))
  t.match(junitXml(red), /<failure message="car03: missed deadlines: at most 0, got 1"\/>/)
  t.match(reportTables(red), /1 of 9 limits not kept\n {2}car03: missed deadlines: at most 0, got 1/)
  t.match(reportTables(green), /all 9 limits kept/)
  const kept = await runOnVirtualClock({ ...options, faults: [slow], limits: { misses: 1 } })
  t.ok(kept.report.passed, 'a limit of one allows one')
  const slower = await runOnVirtualClock({ ...options, faults: [slow], limits: { misses: 1, roundTripMs: 149 } })
  t.match(
    slower.report.criteria.filter(({ passed }) => !passed),
    [{ subject: 'car03', limit: 149, found: 150 }],
  )
})

t.test('the XML is well-formed for another parser, names with marks in them too', async (t) => {
  if (!requireTool(t, 'python3')) return
  const { report } = await runOnVirtualClock({ rtf: 1, limits: { misses: -1 } })
  const [first, ...rest] = report.criteria
  const marked = { ...report, criteria: [{ ...first, criterion: `<a> & "b" 'c'` } as (typeof rest)[number], ...rest] }
  const file = join(t.testdir(), 'junit.xml')
  writeFileSync(file, junitXml(marked))
  const script = `import sys, xml.etree.ElementTree as e
r = e.parse(sys.argv[1]).getroot()
print(r.tag, r.get('failures'), len(r.findall('testsuite/testcase')), len(r.findall('testsuite/testcase/failure')))
print(r.find('testsuite/testcase').get('name'))`
  const printed = await new Promise((resolve) => {
    execFile('python3', ['-c', script, file], (error, stdout) => resolve(error ? error.message : stdout))
  })
  t.equal(printed, `testsuites 2 9 2\n<a> & "b" 'c': at most -1\n`)
})
