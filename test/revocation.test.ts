import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createMqttBus, type MqttBus } from '../device/bus/mqtt-bus.ts'
import { createRng, initialPolicy } from '../device/core/index.ts'
import { createFeatures } from '../device/features.ts'
import { createIdentity } from '../device/identity.ts'
import { sealParams } from '../device/params.ts'
import { settings } from '../schemas/setting.ts'
import { channels } from '../schemas/topics.ts'
import { bin } from './support/fleet.ts'
import { killWithTest } from './support/program.ts'
import { requireTool } from './support/require.ts'
import { type SecuredBroker, startMosquitto, startOwn } from './support/secured-brokers.ts'
import { type TrustFleet, trustFleet } from './support/trust-fleet.ts'

/** Longest time from the publication of a roster to its effect, ms (docs/trust.md). */
const withinMs = 5_000

t.test('own broker: a revoked device is cut off and stays out; the others know it within 5 s', async (t) => {
  const { fleet, broker, device, monitor } = await fleetOfTwo(t, startOwn)
  const { client: live } = await fleet.connect(broker.tls, 'd1')
  t.equal(await answers(live.ping()), true, 'd1 is connected')
  const published = await revoke(fleet, broker)
  await live.closed
  t.ok(performance.now() - published < withinMs, `its connection is closed after ${since(published)}`)
  t.equal((await fleet.connect(broker.tls, 'd1')).code, 5, 'it is not admitted again')
  await device.taken(2)
  t.ok(performance.now() - published < withinMs, `d2 has the roster after ${since(published)}`)
  t.match(broker.log(), /d1 was revoked: its connection is closed/)
  t.equal(monitor.connected, true, 'nobody else is cut off')

  // With the new revocation list its handshake already fails: the broker reads the file again by itself.
  await broker.reload()
  for (;;) {
    const { client, code } = await fleet.connect(broker.ws, 'd1')
    client.destroy()
    if (code === undefined) break
  }
  t.match(broker.log(), /the files of TLS were read again/)
  t.equal((await fleet.connect(broker.ws, 'monitor2')).code, 0, 'others connect on')
})

t.test('own broker: a roster file that is replaced does the same, and is published', async (t) => {
  const { fleet, broker, device } = await fleetOfTwo(t, startOwn)
  const { client: live } = await fleet.connect(broker.ws, 'd1')
  await fleet.provision('revoke', 'd1')
  const written = performance.now()
  await broker.reload()
  await live.closed
  t.ok(performance.now() - written < withinMs, `its connection is closed after ${since(written)}`)
  await device.taken(2)
  t.ok(performance.now() - written < withinMs, `d2 has the roster after ${since(written)}`)
})

t.test('mosquitto: a reload silences a revoked device; before it, its parameters are refused as revoked', async (t) => {
  if (!requireTool(t, 'mosquitto')) return
  const { fleet, broker, device, verdicts } = await fleetOfTwo(t, startMosquitto)
  const d1 = busAs(t, fleet, broker.tls, 'd1')
  const seal = sealerOf(fleet, 'd1')
  await d1.ready
  const address = { fleet: 'demo', cell: 'all', vehicle: 'd1' }
  d1.publish(channels.params, address, seal(1))
  d1.publish(channels.params, address, seal(1))
  t.equal(await verdicts.next(), 'replayed d1', 'd2 had taken the first one: the second is a replay')

  const published = await revoke(fleet, broker)
  await device.taken(2)
  // At most one verdict of this kind is published in 200 ms, so that one message could be refused in silence.
  let sequence = 2
  const sending = setInterval(() => d1.publish(channels.params, address, seal(sequence++)), 100)
  t.teardown(() => clearInterval(sending))
  t.equal(await verdicts.next(), 'revoked d1')
  clearInterval(sending)
  t.ok(performance.now() - published < withinMs, `refused after ${since(published)}`)

  await broker.reload()
  const reloaded = performance.now()
  const { client: reader } = await fleet.connect(broker.tls, 'monitor2')
  await reader.subscribe('tm/v1/demo/near/+/+/params')
  while (!broker.log().includes('Reloading config')) await reader.ping()
  d1.publish(channels.params, address, seal(sequence++))
  while (!broker.log().includes('Denied PUBLISH from d1')) await reader.ping()
  t.ok(performance.now() - reloaded < withinMs, `silenced after ${since(reloaded)}`)
  await reader.ping()
  t.equal(reader.inbox.length, 0, 'nothing of it arrives')
  await d1.close()
  t.equal((await fleet.connect(broker.tls, 'd1')).code, undefined, 'it does not connect again: the list is read anew')
  const { client: odd, code } = await fleet.connect(broker.ws, 'd1')
  t.equal(code, 0, 'by WebSocket mosquitto 2.0 lets it in, whatever the list says …')
  await odd.publish('tm/v1/demo/near/all/d1/params', Buffer.from(seal(sequence++)))
  await odd.subscribe('tm/v1/demo/near/+/+/params')
  await reader.ping()
  t.equal(reader.inbox.length, 0, '… but it is given nothing to say')
  odd.destroy()
  reader.destroy()
})

/** Devices d1 and d2 of a fleet; d2 runs as a process, from its unit file. */
async function fleetOfTwo(t: Test, start: (t: Test, fleet: TrustFleet) => Promise<SecuredBroker>) {
  const fleet = await trustFleet(t)
  await fleet.provision('broker', 'hub', '--host', 'localhost,127.0.0.1')
  await fleet.provision('monitor', 'monitor', 'monitor2', 'spy')
  await fleet.provision('device', 'd1', 'd2')
  const broker = await start(t, fleet)
  // d2 is given the roster by the broker alone, where it has one; mosquitto gets it published.
  if (!broker.own) await fleet.provision('roster', 'publish', '--broker', broker.tls)
  const monitor = busAs(t, fleet, broker.tls, 'monitor')
  const verdicts = queue<string>()
  monitor.subscribe(channels.verdict, { fleet: 'demo' }, ({ reason, peerId }) => verdicts.add(`${reason} ${peerId}`))
  await monitor.ready
  const device = await startDevice(t, fleet, broker.tls)
  return { fleet, broker, monitor, verdicts, device }
}

/** Revokes d1 and publishes the roster; returns the time of publication. */
async function revoke(fleet: TrustFleet, broker: SecuredBroker): Promise<number> {
  await fleet.provision('revoke', 'd1')
  const before = performance.now()
  await fleet.provision('roster', 'publish', '--broker', broker.tls)
  return before
}

/** d2 as `trustmix device`, started from what `provision apply` made of its unit file. */
async function startDevice(t: Test, fleet: TrustFleet, url: string) {
  const { writeUnitFile, unitFile, keysOf } = await import('../cli/provision/unit-file.ts')
  const { openFleetDirectory } = await import('../cli/provision/fleet-directory.ts')
  const { applyUnit } = await import('../cli/provision/apply.ts')
  const directory = openFleetDirectory(fleet.path)
  const first = directory.registry().number
  const options = { broker: url, run: 'r1', template: undefined }
  writeUnitFile(join(fleet.path, 'units'), unitFile(directory, 'd2', options, keysOf(directory, 'd2')))
  const place = { configDir: join(fleet.path, 'd2', 'config'), stateDir: join(fleet.path, 'd2', 'state') }
  const { file } = applyUnit(unitFile(directory, 'd2', options, keysOf(directory, 'd2')), place)
  const child: ChildProcess = spawn(process.execPath, [bin, 'device', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr?.on('data', (text) => (log += text))
  killWithTest(t, child)
  const monitor = busAs(t, fleet, url, 'monitor2')
  await new Promise<void>((resolve, reject) => {
    monitor.subscribe(channels.status, { fleet: 'demo', vehicle: 'd2' }, ({ state }) => {
      if (state === 'online') resolve()
    })
    child.once('exit', () => reject(new Error(`d2 ended: ${log}`)))
  })
  await monitor.close()
  return {
    /** Resolves once d2 keeps the roster that came `more - 1` changes after its start. */
    async taken(more: number): Promise<void> {
      for (;;) {
        const kept = readIfThere(join(place.stateDir, 'roster.json'))
        if (kept && (JSON.parse(JSON.parse(kept).body) as { number: number }).number >= first + more - 1) return
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

function sealerOf(fleet: TrustFleet, id: string): (sequence: number) => Uint8Array {
  const identity = createIdentity(fleet.read('members', id, 'signing.key.pem'), {})
  const { observationNames, actionNames } = createFeatures(settings.headway, {
    preset: 'flow',
    loopLength: 1,
    speedLimit: 1,
    accelerationLimit: 1,
  })
  const architecture = { observationSize: observationNames.length, actionSize: actionNames.length, hidden: [64, 64] }
  const policy = initialPolicy(architecture, createRng(1, 'x'), 0)
  return (sequence) => {
    const header = { fleet: 'demo', vehicle: id, boot: 1, sequence, updates: 0, time: '', cell: 'all' }
    return sealParams(policy, header, { architecture, observationNames, actionNames }, identity)
  }
}

function busAs(t: Test, fleet: TrustFleet, url: string, id: string): MqttBus {
  const bus = createMqttBus({ url, clientId: id, tls: fleet.tls(id), jitter: () => 0.05 })
  t.teardown(() => bus.close())
  return bus
}

function queue<T>() {
  const held: T[] = []
  const waiting: ((value: T) => void)[] = []
  return {
    add(value: T): void {
      const next = waiting.shift()
      if (next) next(value)
      else held.push(value)
    },
    next: (): Promise<T> =>
      new Promise((resolve) => {
        const value = held.shift()
        if (value === undefined) waiting.push(resolve)
        else resolve(value)
      }),
  }
}

function answers(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function since(start: number): string {
  return `${(performance.now() - start).toFixed(0)} ms`
}
