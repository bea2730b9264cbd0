import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import type { Alarm, Health } from '../../schemas/health.ts'
import type { Report } from '../../schemas/report.ts'
import { channels } from '../../schemas/topics.ts'
import { bin, runFleet } from '../support/fleet.ts'
import type { HostileOrders, HostileReport } from '../support/hostile-vehicle.ts'
import { killWithTest, testFolder } from '../support/program.ts'

/** How many times slower than in the quiet run the slowest 1 % of the others' answers may be. */
const allowedRatio = 2
const rtf = 5

t.test('a hostile vehicle is shed, counted, alarmed and cut off, and the others drive on', async (t) => {
  const directory = join(testFolder(t), 'run')
  await runFleet(directory, ['--epochs', '1', '--monitor-port', 'off'])
  const usersFile = join(directory, 'secrets', 'users.json')
  const users = JSON.parse(readFileSync(usersFile, 'utf8')) as { users: Record<string, object> }
  users.users.car99 = { role: 'device', id: 'car99', password: 'of-car99' }
  writeFileSync(usersFile, JSON.stringify(users))
  const broker = start(t, ['broker', '--users-file', usersFile, '--json'])
  const port = Number(/mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(await line(broker, /^listening on/))?.[1])

  const watcher = createMqttBus({ url: `mqtt://127.0.0.1:${port}`, clientId: 'test-watcher' })
  t.teardown(() => watcher.close())
  const alarms = new Map<string, Alarm>()
  let health: Health | undefined
  watcher.subscribe(channels.alarm, { fleet: 'demo' }, (message, { id }) => void alarms.set(id, message))
  watcher.subscribe(channels.health, { fleet: 'demo' }, (message) => {
    health = message
  })
  await watcher.ready

  const quiet = await drive(t, directory, port, 'quiet')
  const orders: HostileOrders = {
    ...{ port, id: 'car99', password: 'of-car99' },
    ...{ seconds: 150 / rtf, messagesPerSecond: 10_000 },
  }
  const worker = new Worker(new URL('../support/hostile-vehicle.js', import.meta.url), { workerData: orders })
  const told = once(worker, 'message').then(([report]) => report as HostileReport)
  const hostile = await drive(t, directory, port, 'hostile')
  const { sent, codes } = await told

  t.ok(sent > 50_000, `${sent} messages were sent`)
  t.equal(codes['0'], 1, 'it is let in once')
  t.ok((codes['5'] ?? 0) > 5, `and refused for the rest of the minute: ${JSON.stringify(codes)}`)
  const { refused } = health?.broker ?? { refused: {} as Record<string, number> }
  t.ok((refused.shed ?? 0) > 10_000, `${refused.shed} messages were shed`)
  t.match(refused, { share: 1, banned: Number, 'topic-invalid': Number, 'topic-forbidden': Number })
  t.equal(alarms.get('shed-car99')?.vehicle, 'car99')
  t.match(
    alarms.get('fault-car99'),
    { text: '<img src=x onerror=alert(1)><script>alert(2)</script>' },
    'markup is text',
  )
  t.notOk([...alarms.values()].some(({ vehicle, kind }) => vehicle !== 'car99' && kind === 'offline'))

  for (const [id, { roundTrip, misses }] of Object.entries(hostile.devices)) {
    const before = quiet.devices[id]?.roundTrip.decide.p99 ?? Number.NaN
    const ratio = (roundTrip.decide.p99 ?? Number.NaN) / before
    t.comment(
      `${id}: p99 ${before.toFixed(2)} ms quiet, ${roundTrip.decide.p99?.toFixed(2)} ms hostile, ×${ratio.toFixed(2)}, ${misses} misses`,
    )
  }
  const p99 = (report: Report): number =>
    mean(Object.values(report.devices).map((device) => device.roundTrip.decide.p99 ?? Number.NaN))
  const ratio = p99(hostile) / p99(quiet)
  t.ok(
    ratio < allowedRatio,
    `mean p99 of the others: ${p99(quiet).toFixed(2)} ms quiet, ${p99(hostile).toFixed(2)} ms hostile, ×${ratio.toFixed(2)}`,
  )
})

/** One epoch in real time with the seven devices of the run; its report. */
async function drive(t: Test, directory: string, port: number, run: string): Promise<Report> {
  const url = `mqtt://127.0.0.1:${port}`
  const at = (name: string): string => join(directory, 'processes', `${name}.json`)
  const devices = ['01', '03', '05', '07', '09', '11', '13'].map((number) => {
    const id = `car${number}`
    // With the state of the run before: a boot counter that is set back makes every status an old one.
    const own = ['--run', run, '--broker', url, '--policy-file', join(directory, run, `${id}.safetensors`)]
    return start(t, ['device', '--config', at(id), ...own])
  })
  const out = join(directory, run)
  const bridge = start(t, [
    'sim-bridge',
    '--config',
    at('sim-bridge'),
    '--run',
    run,
    '--broker',
    url,
    '--epochs',
    '1',
    '--run-dir',
    out,
    '--realtime',
    ...['--rtf', String(rtf), '--interval-min-s', '0.5', '--interval-max-s', '0.5'],
    '--report',
    out,
  ])
  const [code] = (await once(bridge, 'close')) as [number | null]
  t.equal(code, 0, `${run}: the run has ended`)
  await Promise.all(devices.map((device) => device.exitCode ?? once(device, 'close')))
  return JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report
}

function start(t: Test, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  killWithTest(t, child)
  return child
}

function line(child: ChildProcess, pattern: RegExp): Promise<string> {
  const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream })
  return new Promise((resolve, reject) => {
    lines.on('line', (text) => pattern.test(text) && resolve(text))
    child.once('exit', (code) => reject(new Error(`ended with ${code} before a line ${pattern}`)))
  })
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
