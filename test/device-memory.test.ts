import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { createMqttBus } from '../device/bus/mqtt-bus.ts'
import { defaultConfig } from '../schemas/config.ts'
import type { Processes } from '../schemas/process.ts'
import type { Status } from '../schemas/status.ts'
import { channels } from '../schemas/topics.ts'
import { bin } from './support/fleet.ts'
import { testFolder } from './support/program.ts'

const devices = ['car01', 'car03']
const limitMb = 90
// Of six updates each.
const epochs = 17

t.test(`a device that records has at most ${limitMb} MB resident after 100 updates`, async (t) => {
  const directory = join(testFolder(t), 'run')
  const recorded = ['--record-dir', join(directory, 'logs')]
  const size = ['--vehicles', '4', '--learners', String(devices.length)]
  const fleet = run([
    'fleet',
    '--run-dir',
    directory,
    ...recorded,
    ...size,
    '--epochs',
    String(epochs + 4),
    '--seed',
    '1',
  ])
  const ended = once(fleet, 'exit')
  await line(fleet, new RegExp(`^epoch ${epochs}/`))
  const resident = devices.map((id) => [id, residentMb(pidOf(directory, id))] as const)
  for (const [id, mb] of resident) t.ok(mb > 0 && mb <= limitMb, `${id}: ${mb.toFixed(1)} MB`)
  t.equal((await ended)[0], 0)

  await t.test(
    'a device started by hand, without arguments of node, begins as small and ends when asked to',
    async (t) => {
      const [id = ''] = devices
      const broker = run(['broker', '--config', join(directory, 'processes', 'broker.json')])
      const [, url = ''] = await line(broker, /^listening on (\S+)$/)
      const bus = createMqttBus({ url, clientId: 'monitor' })
      await bus.ready
      const states: Status['state'][] = []
      const waiting = new Map<Status['state'], () => void>()
      const reached = (state: Status['state']) =>
        new Promise<void>((resolve) => {
          waiting.set(state, resolve)
          if (states.includes(state)) resolve()
        })
      bus.subscribe(channels.status, { fleet: defaultConfig.fleet, vehicle: id }, ({ state }) => {
        states.push(state)
        waiting.get(state)?.()
      })
      const start = performance.now()
      const device = run(['device', '--config', join(directory, 'processes', `${id}.json`), '--broker', url, '--json'])
      const output = text(device.stdout as NonNullable<typeof device.stdout>)
      const exited = once(device, 'exit')
      await Promise.race([
        reached('online'),
        exited.then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
      ])
      t.comment(`online after ${(performance.now() - start).toFixed(0)} ms`)
      const mb = residentMb(device.pid as number)
      t.ok(mb > 0 && mb <= limitMb, `${mb.toFixed(1)} MB`)
      const offline = reached('offline')
      device.kill('SIGTERM')
      t.same((await exited)[0], 0)
      t.match(JSON.parse(await output), { vehicle: id, policyHash: /^[0-9a-f]{64}$/ })
      await offline
      await bus.close()
      broker.kill('SIGTERM')
      await once(broker, 'exit')
    },
  )
})

/** VmRSS of a process, as the kernel counts it. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

function pidOf(directory: string, vehicle: string): number {
  const { processes } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as Processes
  return processes.find((entry) => entry.vehicle === vehicle)?.pid ?? Number.NaN
}

/** Runs the bin without what the test runner loads into every process that a test starts. */
function run(args: readonly string[]): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** The first line on stderr that matches; throws with all of them where none does. */
async function line(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  const lines: string[] = []
  const reader = createInterface({ input: child.stderr as NonNullable<typeof child.stderr> })
  return new Promise((resolve, reject) => {
    reader.on('line', (text) => {
      lines.push(text)
      const found = pattern.exec(text)
      if (found) resolve(found)
    })
    reader.on('close', () => reject(new Error(`no line matches ${pattern}:\n${lines.join('\n')}`)))
  })
}
