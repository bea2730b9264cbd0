import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as passed } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { User } from '../broker/admission.ts'
import { createBroker } from '../broker/broker.ts'
import { boundedArguments } from '../cli/bounded-heap.ts'
import { decodeSafetensors } from '../device/core/index.ts'
import { rawPublicKey } from '../device/identity.ts'
import type { PartialConfig } from '../schemas/config.ts'
import type { Summary } from '../schemas/summary.ts'
import { channels } from '../schemas/topics.ts'
import { base } from './support/broker-fixture.ts'
import { busTo } from './support/buses.ts'
import { collect } from './support/devices.ts'
import { bin } from './support/fleet.ts'
import { freePort } from './support/free-port.ts'
import { listenForNotifications, type NotifyListener } from './support/notify-listener.ts'
import { killWithTest, testFolder } from './support/program.ts'
import { requirePython, requireTool } from './support/require.ts'

const vehicles = ['car01', 'car03']
const [watched = ''] = vehicles
const fleet = 'demo'
const watchdogMs = 1_500

t.test('devices as services: they wait for the broker, stay for the next run, and say how it goes', async (t) => {
  const python = await requirePython(t, ['socket'])
  if (python === undefined || !requireTool(t, 'systemd-notify')) return
  // Sockets have short names.
  const directory = mkdtempSync(join(tmpdir(), 'service-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const systemd = await listenForNotifications(t, python, join(directory, 'notify'))
  const port = await freePort()
  const fixture = prepare(directory, port)
  const service = { NOTIFY_SOCKET: systemd.socket, WATCHDOG_USEC: String(1_000 * watchdogMs) }

  const devices = vehicles.map((id) => start(t, fixture.device(id), id === watched ? service : {}))
  await systemd.until('STATUS=waiting for the broker')
  t.same(systemd.heard.slice(0, 2), ['READY=1', 'STATUS=waiting for the broker'], 'ready without a broker')
  await systemd.until('WATCHDOG=1')
  const broker = await createBroker({ ...base, users: fixture.users, port })
  t.teardown(() => broker.close())
  await systemd.until('STATUS=connected to the broker')
  const monitor = busTo(t, port, 'monitor')
  const statuses = collect(monitor, channels.status, { fleet, vehicle: watched })
  await statuses.until(1)
  t.match(statuses.messages[0], { state: 'online', boot: 1, run: 'road' })

  const first = await drive(t, fixture)
  t.same(first.causes, [])
  t.same(Object.keys(first.policies), vehicles)
  const { metadata } = decodeSafetensors(readFileSync(fixture.policyFile(watched)))
  t.equal(metadata.get('policyHash'), first.policies[watched], 'the policy is written at the end of a run')

  await t.test('a bridge that is killed does not keep them out of the next run either', async (t) => {
    const before = statuses.messages.length
    const bridge = start(t, [...fixture.bridge, '--epochs', '50'])
    await statuses.until(before + 2)
    bridge.kill('SIGKILL')
    await once(bridge, 'exit')
    const next = await drive(t, fixture)
    t.same(Object.keys(next.policies), vehicles)
    t.same(
      next.causes.map((cause) => cause.replace(/[1-9][0-9]*(?= updates)/, 'some')).sort(),
      vehicles.map((id) => `${id} had made some updates before this run`),
      'all were there from the start to the end, and had learned before',
    )
    t.equal(next.deterministic, false)
    t.ok(vehicles.every((id) => next.policies[id] !== first.policies[id]))
  })

  await t.test('the watchdog is fed while the loop turns, and not while it is stopped', async (t) => {
    const [device] = devices as [ChildProcess]
    await beats(systemd, 3)
    device.kill('SIGSTOP')
    // What was under way is told at first.
    let place = -1
    while (place !== systemd.heard.length) {
      place = systemd.heard.length
      await passed(watchdogMs / 3)
    }
    await passed(watchdogMs)
    t.same(systemd.heard.slice(place), [])
    device.kill('SIGCONT')
    await beats(systemd, 1)
  })

  await t.test('asked to end, they keep what they learned, clear their offers and say so', async (t) => {
    const ends = devices.map((device) => once(device, 'exit'))
    for (const device of devices) device.kill('SIGTERM')
    for (const end of ends) t.same((await end)[0], 0)
    await systemd.until('STOPPING=1')
    const later = busTo(t, port, 'operator')
    const [offers, last] = [collect(later, channels.ann, { fleet }), collect(later, channels.status, { fleet })]
    await last.until(vehicles.length)
    t.same(
      last.messages.map(({ state }) => state),
      ['offline', 'offline'],
    )
    t.same(offers.messages, [])
    const place = statuses.messages.length
    const again = start(t, fixture.device(watched))
    const old = statuses.messages.findLast(({ state }) => state === 'online')
    await statuses.until(place + 1)
    t.match(statuses.messages[place], { state: 'online', boot: 2, policyHash: old?.policyHash, updates: old?.updates })
    again.kill('SIGTERM')
    t.equal((await once(again, 'exit'))[0], 0)
  })
})

t.test('a device that waits for a broker ends when asked to', async (t) => {
  const directory = testFolder(t)
  const device = start(t, prepare(directory, await freePort()).device(watched))
  await once(device.stderr as NodeJS.ReadableStream, 'data')
  device.kill('SIGTERM')
  t.equal((await once(device, 'exit'))[0], 0)
})

/** Resolves after so many beats from now on, which must come within the watchdog's time each. */
async function beats(systemd: NotifyListener, count: number): Promise<void> {
  for (let i = 0, place = systemd.heard.length; i < count; i++) {
    const late = passed(watchdogMs, undefined, { ref: false }).then(() => {
      throw new Error(`no beat within ${watchdogMs} ms`)
    })
    place = 1 + (await Promise.race([systemd.until('WATCHDOG=1', place), late]))
  }
}

interface Fixture {
  readonly users: ReadonlyMap<string, User>
  /** Arguments of the commands. */
  readonly bridge: readonly string[]
  device(id: string): readonly string[]
  policyFile(id: string): string
}

/** Keys, passwords and configurations of two vehicles and a bridge. */
function prepare(directory: string, port: number): Fixture {
  const file = (name: string, content: string): string => {
    const path = join(directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  const configuration = (name: string, more: PartialConfig): string =>
    file(
      `${name}.json`,
      JSON.stringify({
        ...{
          version: 1,
          fleet,
          run: 'road',
          hidden: [8, 8],
          broker: `mqtt://127.0.0.1:${port}`,
          maxBackoffMs: 200,
          username: name,
        },
        ...{ passwordFile: file(`${name}.password`, `${name}-secret`), ...more },
      }),
    )
  const pairs = vehicles.map((id) => [id, generateKeyPairSync('ed25519').privateKey] as const)
  const keys = Object.fromEntries(pairs.map(([id, key]) => [id, rawPublicKey(key)]))
  const publicKeysFile = file('public-keys.json', JSON.stringify({ version: 1, keys }))
  const policyFile = (id: string): string => join(directory, `${id}.safetensors`)
  const deviceFiles = new Map(
    pairs.map(([id, key]) => {
      const privateKeyFile = file(`${id}.pem`, key.export({ type: 'pkcs8', format: 'pem' }) as string)
      const own = { vehicle: id, stateDir: join(directory, id), policyFile: policyFile(id) }
      return [id, configuration(id, { ...own, publicKeysFile, privateKeyFile, stay: true, connectTimeoutMs: 100 })]
    }),
  )
  const roles = [...vehicles.map((id) => [id, 'device'] as const), ['sim-bridge', 'bridge'] as const]
  const watchers = (['monitor', 'operator'] as const).map((role) => [role, role] as const)
  const world = { vehicles: 4, learners: vehicles.length, epochs: 1 }
  return {
    policyFile,
    users: new Map([...roles, ...watchers].map(([id, role]) => [id, { id, role, password: `${id}-secret` }])),
    bridge: ['sim-bridge', '--json', '--config', configuration('sim-bridge', world)],
    device: (id) => ['device', '--config', deviceFiles.get(id) ?? ''],
  }
}

/** One run of one epoch to its end. */
async function drive(t: Test, fixture: Fixture): Promise<Summary> {
  const bridge = start(t, fixture.bridge)
  let output = ''
  bridge.stdout?.on('data', (chunk) => {
    output += chunk
  })
  t.same((await once(bridge, 'close'))[0], 0)
  return JSON.parse(output) as Summary
}

/** The bin as a process, as the unit starts it. */
function start(t: Test, args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [...boundedArguments, bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  })
  child.stderr.on('data', (chunk) => t.comment(String(chunk).trimEnd()))
  killWithTest(t, child)
  return child
}
