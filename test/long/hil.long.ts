import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Faults } from '../../schemas/faults.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import { busTo } from '../support/buses.ts'
import { refuses } from '../support/cli.ts'
import { hilFixture, lenient, readHilReport, small, startBin } from '../support/hil.ts'
import { wellFormed } from '../support/xml.ts'

/** Further apart than those of docs/examples/hil.json: a question that is lost is repeated after a second of the clock. */
const faults: Faults['faults'] = [
  { kind: 'delay', at: 5, until: 20, direction: 'from-device', delayMs: 5 },
  { kind: 'dropout', at: 25, until: 40 },
  { kind: 'freeze', at: 45, until: 55 },
  { kind: 'reorder', at: 60, until: 75, probability: 0.5 },
  { kind: 'corrupt', at: 90, until: 105, probability: 0.5 },
  { kind: 'drop', at: 120, until: 135, probability: 0.5 },
]
const car01 = { fleet: 'demo', vehicle: 'car01' }

t.test('a unit that is not there is exit 3, with what was looked for and how one is started', async (t) => {
  const { url, keys, broker } = await hilFixture(t)
  const hil = (...more: string[]): string[] => [
    ...['hil', '--vehicle', 'car01', '--broker', url, '--keys', keys, '--run-dir', join(t.testdirName, 'run'), ...more],
  ]
  const named = hil('--run', 'r1', '--unit-timeout-ms', '300')
  const wanted = 'car01 of fleet demo must be online at mqtt:.*'
  const hint = '\\nstart it with: trustmix device --vehicle car01 --fleet demo --run r1 --broker mqtt:'
  await refuses(t, 3, new RegExp(`^${wanted}, got no status of it within 300 ms${hint}`), named)

  const unit = busTo(t, broker.port, 'car01', passwordOf(keys, 'car01'))
  await unit.ready
  const offline: Status = { version: 1, state: 'offline', boot: 7, connection: 2 }
  unit.publish(channels.status, car01, offline)
  await refuses(t, 3, /got it offline \(boot 7, connection 2\) within 300 ms/, named)

  unit.publish(channels.status, car01, { ...offline, state: 'online' })
  await refuses(t, 2, /^--run must be given where the status of car01 names no run, got nothing$/, hil())

  const nowhere = ['--broker', 'mqtt://127.0.0.1:1', '--connect-timeout-ms', '300']
  await refuses(t, 3, /^no connection to the broker mqtt:\/\/127\.0\.0\.1:1 within 300 ms$/, hil(...nowhere))
})

t.test('the run is the one of its status; Ctrl-C ends at once with a partial report that says so', async (t) => {
  const { url, keys, broker } = await hilFixture(t)
  const unit = busTo(t, broker.port, 'car01', passwordOf(keys, 'car01'))
  await unit.ready
  unit.publish(channels.status, car01, { version: 1, state: 'online', boot: 1, connection: 1, run: 'shift2' })
  const asked = new Promise<string>((resolve) =>
    unit.subscribe(channels.obs, { fleet: 'demo', run: 'shift2', vehicle: 'car01' }, ({ kind }) => resolve(kind)),
  )
  const report = join(t.testdirName, 'report')
  const hil = startBin(t, [
    ...['hil', '--vehicle', 'car01', '--broker', url, '--keys', keys, '--others', 'drivers'],
    ...['--run-dir', join(t.testdirName, 'run'), '--report', report, '--json'],
  ])
  t.match(await hil.said(/is there/), /car01 is there: .*boot 1; run shift2/)
  t.equal(await asked, 'reset')
  hil.child.kill('SIGINT')
  const { code, stdout } = await hil.ended
  t.equal(code, 130)
  t.match(JSON.parse(stdout), { complete: false, cause: 'interrupted', run: 'shift2', passed: false })
  t.match(readHilReport(report), { complete: false, cause: 'interrupted' })
  t.match(readFileSync(join(report, 'report.html'), 'utf8'), /Partial: the run did not reach its end \(interrupted\)/)
})

t.test('one epoch with a unit at a given broker, under faults', async (t) => {
  const { url, keys, startUnit } = await hilFixture(t)
  const unit = startUnit()
  const scenario = join(t.testdirName, 'faults.json')
  writeFileSync(scenario, JSON.stringify({ version: 1, faults }))
  const report = join(t.testdirName, 'report')
  const hil = startBin(t, [
    ...['hil', '--vehicle', 'car01', '--broker', url, '--keys', keys, '--run', 'bench', ...small],
    ...['--rtf', '15', '--unit-interval-s', '0.5', '--faults', scenario, '--unit-timeout-ms', '20000'],
    ...['--run-dir', join(t.testdirName, 'run'), '--report', report, '--judge', ...lenient],
  ])
  const { code, stdout, stderr } = await hil.ended
  t.equal(code, 0, stderr)
  t.equal((await unit.ended).code, 0, 'the unit ends with the run')
  t.match(stdout, /^all \d+ limits kept$/m)
  for (const line of stdout.split('\n')) if ([...line].length > 80) t.fail(line)

  const found = readHilReport(report)
  t.match(found, { complete: true, passed: true, target: 'external', run: 'bench', machine: null, identity: null })
  t.match(found.unit, { boot: 1, state: 'online', engine: /./, software: /^trustmix / })
  t.equal(Object.keys(found.devices).length, 7)
  t.equal(found.devices.car01?.decisions, 300, 'every half second')
  t.same(found.connection, { restarts: 0, reconnects: 0, events: [] })
  t.equal(
    found.decisions.bins.reduce((sum, { count }) => sum + count, 0),
    found.devices.car01?.roundTrip.decide.count,
  )
  const marks = found.roundTrips.stretches.reduce((sum, stretch) => sum + stretch.marks, 0)
  t.equal(marks, found.devices.car01?.misses)
  t.ok((found.devices.car01?.misses ?? 0) > found.decisions.outsideFaults.misses, 'the freeze alone is 10 s long')
  const memory = found.memory.stretches.flatMap(({ max }) => max ?? [])
  t.ok(memory.length > 0 && memory.every((mib) => mib > 20 && mib < 200), `${memory} MiB`)
  t.ok(found.policies.updates > 0 && found.policies.changes.length > 0)
  t.ok(Object.values(found.verdicts).reduce((sum, count) => sum + count, 0) > 0, 'it considered others')
  t.same(
    found.faults.map(({ fault }) => fault.kind),
    faults.map(({ kind }) => kind),
  )
  for (const { fault, messages } of found.faults) t.ok(messages > 0, `${fault.kind} touched ${messages} messages`)
  for (const [id, { fallbacks }] of Object.entries(found.devices))
    t.equal(fallbacks > 0, id === 'car01', `${id}: a fault that names no vehicles concerns the unit alone`)
  t.ok(found.faults.find(({ fault }) => fault.kind === 'freeze')?.effects.misses)

  const file = (name: string): string => readFileSync(join(report, name), 'utf8')
  const html = file('report.html')
  t.equal(wellFormed(html.replace('<!DOCTYPE html>', '')), 'ok')
  t.notMatch(html, /<script|https?:|<link|NaN|Infinity|undefined/)
  for (const id of ['latency', 'round-trips', 'memory', 'policies']) t.match(html, `<svg id="${id}"`)
  const junit = file('junit.xml')
  t.equal(wellFormed(junit.replace(/^<\?xml.*\?>\n/, '').replace(/&#\d+;/g, '')), 'ok')
  t.match(junit, `tests="${found.criteria.length}" failures="0"`)
  t.match(file('tap.txt'), `1..${found.criteria.length}\n`)
})

t.test('options that do not go together are refused before anything is started', async (t) => {
  const directory = t.testdir()
  const cases: [string[], RegExp][] = [
    [[], /--vehicle must be a learner \(car01, car03, .*\), got nothing/],
    [['--vehicle', 'car02'], /--vehicle must be a learner \(.*\), got car02/],
    [['--vehicle', 'car01', '--lock-step', '--rtf', '2'], /--lock-step waits for every answer, got it with --rtf 2/],
    [['--vehicle', 'car01', '--target', 'ssh:-oProxyCommand=x'], /target must match pattern .*, got "ssh:-o/],
    [['--vehicle', 'car01', '--keys', '/nowhere'], /--keys must hold public-keys\.json, got \/nowhere/],
  ]
  for (const [args, rule] of cases) {
    await refuses(t, 2, rule, ['hil', '--run-dir', join(directory, 'run'), ...args])
  }
})

function passwordOf(keys: string, id: string): { username: string; password: string } {
  return { username: id, password: readFileSync(join(keys, `${id}.password`), 'utf8').trim() }
}
