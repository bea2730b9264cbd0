import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Broker } from '../broker/broker.ts'
import { startMonitor } from '../broker/monitor/monitor.ts'
import { createMqttBus, type MqttBus } from '../device/bus/mqtt-bus.ts'
import { defaultConfig } from '../schemas/config.ts'
import { channelOf, channels, largestPayload } from '../schemas/topics.ts'
import { start } from './support/broker-fixture.ts'
import { run } from './support/cli.ts'
import { createContractJudge, readContract } from './support/contract.ts'
import { startFleet } from './support/fleet.ts'
import { testFolder } from './support/program.ts'
import { trustFleet } from './support/trust-fleet.ts'
import { type Overheard, startWiretap, type Wiretap } from './support/wiretap.ts'

const fleet = 'demo'
const contract = readContract()
const judge = createContractJudge(contract)

t.test('a live fleet says everything that the document describes, and nothing else', async (t) => {
  const broker = await start(t, { payloadLimit: (topic) => channelOf(topic)?.maxBytes ?? largestPayload })
  const tap = await startWiretap(t, broker)
  // What is lost on its way to the aggregator makes it say `want`.
  tap.lose(({ client, topic }) => client === 'aggregator' && topic.endsWith('/params'))
  await watched(t, tap)
  const [directory, trust] = [join(testFolder(t), 'run'), join(t.testdirName, 'trust')]
  const running = startFleet(directory, [
    ...['--broker', tap.url, '--method', 'average-gated', '--epochs', '100000', '--seed', '1'],
    ...['--vehicles', '4', '--learners', '2', '--hidden', '8,8', '--missing-after-ms', '1000'],
  ])
  t.teardown(async () => {
    running.child.kill('SIGKILL')
    await running.gone()
  })
  await running.epochDone(1)
  await publishRoster(t, tap, trust)
  await command(t, tap, directory)
  process.kill(running.pid('device', 'car01'), 'SIGKILL')

  const counts = new Map(Object.keys(contract.channels).map((name) => [name, 0]))
  let counted = 0
  const silent = (): string[] => {
    for (; counted < tap.overheard.length; counted++) {
      const { topic, toBroker, payload } = tap.overheard[counted] as Overheard
      const name = judge.channelOf(topic)
      if (name !== undefined && toBroker && payload.length > 0) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return [...counts].flatMap(([name, count]) => (count === 0 ? [name] : []))
  }
  await Promise.race([tap.until(() => silent().length === 0), tooLate(() => `no message on ${silent().join(', ')}`)])
  running.child.kill('SIGINT')
  // What was retained ends with the run. What the supervisor draws afterwards is not waited for.
  const emptied = (name: string): boolean =>
    tap.overheard.some(({ topic, payload }) => payload.length === 0 && judge.channelOf(topic) === name)
  await Promise.race([tap.until(() => emptied('run') && emptied('ann')), tooLate(() => 'nothing was emptied')])

  t.same(silent(), [], [...counts].map(([name, count]) => `${name} ${count}`).join(', '))
  t.same(faults(tap), [], 'every message on the wire is as the document says')
  t.same(refused(broker), {}, 'and the broker refused none')
  for (const action of [true, false])
    t.ok(
      tap.overheard.some(({ toBroker }) => toBroker === action),
      action ? 'heard on the way to the broker' : 'heard on the way to readers',
    )
})

t.test('a topic that the document does not describe, and a message that it does not allow, are found', async (t) => {
  const broker = await start(t, {})
  const tap = await startWiretap(t, broker)
  const client = await member(t, tap, 'car01')
  const vehicle = 'car01'
  client.publish(
    { ...channels.log, levels: ['tm', 'v1', '{fleet}', 'v', '{vehicle}', 'gossip'] },
    { fleet, vehicle },
    { version: 1, level: 'info', event: 'e', text: 'on a topic of its own' },
  )
  client.publish(channels.log, { fleet, vehicle }, { version: 1, level: 'info', event: 'e'.repeat(41), text: '' })
  client.publish(channels.log, { fleet, vehicle: 'car03' }, { version: 1, level: 'info', event: 'e', text: '' })
  client.publish(channels.health, { fleet }, { version: 1, vehicles: 1, online: 1 })
  client.publish({ ...channels.log, qos: 1 }, { fleet, vehicle }, { version: 1, level: 'info', event: 'e', text: '' })
  client.publish(
    { ...channels.log, retain: true },
    { fleet, vehicle },
    { version: 1, level: 'info', event: 'e', text: '' },
  )
  client.publish(channels.log, { fleet, vehicle }, { version: 1, level: 'info', event: 'e', text: 'this one is right' })
  await tap.until(() => tap.overheard.length === 7)
  t.match(faults(tap), [
    'no channel describes tm/v1/demo/v/car01/gossip',
    /car01\/log: .*event must NOT have more than 40 characters/,
    "tm/v1/demo/v/car03/log: a device's own only, got one of car01",
    'tm/v1/demo/ops/health: no operation of a device to send, got one of car01',
    'tm/v1/demo/v/car01/log: qos 0, got 1',
    'tm/v1/demo/v/car01/log: retain false, got true',
  ])
  t.equal(faults(tap).length, 6)
  t.match(judge.payloadFault('log', Buffer.alloc(513)), /at most 512 bytes, got 513/)
  t.match(judge.payloadFault('log', Buffer.alloc(0)), /no bytes/)
  t.match(judge.payloadFault('params', Buffer.from('not a file')), /paramsHeader/)
  t.match(judge.payloadFault('cmd', Buffer.from('{"version":1,"body":"{}","signature":""}')), /signature/)
})

/** A member with a connection of its own. */
async function member(t: Test, tap: Wiretap, clientId: string): Promise<MqttBus> {
  const bus = createMqttBus({ url: tap.url, clientId, jitter: () => 0.05 })
  t.teardown(() => bus.close())
  await bus.ready
  return bus
}

/** As the fleet's root does, with a roster of `trustmix provision`. */
async function publishRoster(t: Test, tap: Wiretap, directory: string): Promise<void> {
  const trust = await trustFleet(t, directory)
  await trust.provision('device', 'car01')
  await trust.provision('operator', 'ann', '--commands', 'pause')
  const root = await member(t, tap, 'root')
  root.publish(channels.roster, { fleet }, JSON.parse(trust.read('roster.json')))
}

/** By a monitor of its own, which reads all that it may and publishes health and alarms. */
async function watched(t: Test, tap: Wiretap): Promise<void> {
  const context = { software: 'test', print: () => {}, stopped: new Promise<void>(() => {}) }
  const monitor = await startMonitor({ ...defaultConfig, broker: tap.url, monitorPort: 0 }, context)
  t.teardown(() => monitor.close())
}

/** By the operator that the fleet has made: one command that is carried out, one that is refused. */
async function command(t: Test, tap: Wiretap, directory: string): Promise<void> {
  const by = ['--broker', tap.url, '--operator', 'operator', '--key', join(directory, 'secrets', 'operator.key.pem')]
  t.equal((await run(['command', 'car01', 'gate-mode', '--mode', 'strict', ...by])).code, 0)
  t.equal((await run(['command', 'car01', 'resume', '--boot', '99', ...by])).code, 5)
}

/** So that what does not come is named. */
function tooLate(why: () => string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(why())), 120_000).unref()
  })
}

function faults({ overheard }: Wiretap): string[] {
  return [...new Set(overheard.flatMap((message) => judge.fault(message) ?? []))]
}

function refused({ counters }: Broker): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0))
}
