import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import t, { type Test } from 'tap'
import type { Status } from '../../schemas/status.ts'
import { telemetryOf } from '../../schemas/telemetry.ts'
import { channels, topicOf } from '../../schemas/topics.ts'
import { start } from '../support/broker-fixture.ts'
import { status } from '../support/buses.ts'
import { refuses, trustmix } from '../support/cli.ts'
import { startBin } from '../support/hil.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { testFolder } from '../support/program.ts'
import { requireTool } from '../support/require.ts'
import { scrape, until, valueIn } from '../support/scrape.ts'
import { type Received, startHost } from '../support/sparkplug-host.ts'

const group = 'Plant 7'

/** What vehicles publish, by the hand of one client. */
async function vehiclesAt(t: Test, url: string) {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 50 })
  t.teardown(() => client.endAsync(true))
  const publish = (topic: string, message: object, retain = false) =>
    client.publishAsync(topic, JSON.stringify(message), { qos: 1, retain })
  return {
    tell: (vehicle: string, more: Partial<Status> = {}) =>
      publish(
        topicOf(channels.status, { fleet: 'demo', vehicle }),
        { ...status, software: 'trustmix 1', ...more },
        true,
      ),
    drive: (vehicle: string, speed: number, updates: number) => {
      const told = { epoch: 1, samples: 10, return: 0.25, fallbacks: 0, memory: 80, tickP99: 2 }
      return publish(topicOf(channels.telemetry, { fleet: 'demo', vehicle }), telemetryOf({ ...told, speed, updates }))
    },
  }
}

function startGateway(t: Test, url: string, ...more: string[]) {
  return startBin(t, ['monitor', '--broker', url, '--sparkplug', group, '--max-backoff-ms', '100', ...more])
}

const of = (messages: readonly Received[], type: string, device = '') =>
  messages.filter((message) => message.type === type && message.device === device)

t.test('births, data and deaths come in the order of the specification', async (t) => {
  if (!requireTool(t, 'mosquitto')) return
  const { url, stop, start: startAgain } = await startMosquitto(t)
  const host = await startHost(t, url, group)
  const vehicles = await vehiclesAt(t, url)
  await vehicles.tell('car01')
  const gateway = startGateway(t, url)
  const first = await host.next(0, (messages) => of(messages, 'DBIRTH', 'car01').length === 1)
  t.match(first[0], { type: 'NBIRTH', seq: 0, values: { bdSeq: 0 } })
  t.match(of(first, 'DBIRTH', 'car01')[0], {
    values: { 'Properties/Software': 'trustmix 1', Boot: 1, Speed: null, Updates: null, 'Alarms/collapse': false },
    types: { Speed: 'Double', Updates: 'Int64', 'Properties/Software': 'String', 'Alarms/collapse': 'Boolean' },
  })

  let from = host.heard.length
  await vehicles.drive('car01', 8.5, 12)
  const data = await host.next(from, (messages) => of(messages, 'DDATA', 'car01').length === 1)
  const { values } = of(data, 'DDATA', 'car01')[0] as Received
  t.match(values, { Speed: 8.5, Updates: 12, 'Tick P99': 0.002, 'Resident Memory': 80 * 1_048_576 })
  t.notOk(Object.hasOwn(values, 'Boot'), 'what has not changed is not told again')

  from = host.heard.length
  await vehicles.tell('car01', { boot: 2 })
  const again = await host.next(from, (messages) => of(messages, 'DBIRTH', 'car01').length === 1)
  t.same(
    again.filter(({ device }) => device === 'car01').map(({ type }) => type),
    ['DDEATH', 'DBIRTH'],
    'another boot',
  )
  await vehicles.tell('car01', { boot: 2, state: 'offline', leaving: true })
  await host.next(from, (messages) => of(messages, 'DDEATH', 'car01').length === 2)

  // More births than there are sequence numbers.
  from = host.heard.length
  const many = Array.from({ length: 300 }, (_, i) => `v${i}`)
  for (const vehicle of many) await vehicles.tell(vehicle)
  await host.next(from, (messages) => messages.filter(({ type }) => type === 'DBIRTH').length === 300)
  t.ok(host.heard.slice(from).some(({ seq }) => seq === 255) && host.heard.slice(from).some(({ seq }) => seq === 0))

  from = host.heard.length
  await host.raw('demo', 'no payload of Sparkplug')
  await host.command('demo', [{ name: 'Node Control/Rebirth', type: 'Boolean', value: false }])
  await host.command('demo', [{ name: 'Node Control/Rebirth', type: 'Boolean', value: true }])
  const reborn = await host.next(from, (messages) => messages.filter(({ type }) => type === 'DBIRTH').length === 300)
  t.match(of(reborn, 'NBIRTH'), [{ seq: 0, values: { bdSeq: 0 } }], 'once, in the same session')
  t.notOk(of(reborn, 'DBIRTH', 'car01').length, 'nothing of who is away')

  from = host.heard.length
  await stop()
  await gateway.said(/^Sparkplug: .* ECONNREFUSED .*trying again$/)
  await startAgain()
  await vehicles.tell('v1')
  const back = await host.next(from, (messages) => of(messages, 'NBIRTH').length === 1)
  t.match(
    of(back, 'NBIRTH'),
    [{ values: { bdSeq: 1 } }],
    'one more for the next CONNECT, however often there was nobody to send it to',
  )
  await until(
    async () => (await scrape(monitorOf(await gateway.said(/^monitor at/)))).metrics,
    (metrics) =>
      valueIn(metrics, 'trustmix_sparkplug_connected') === 1 && valueIn(metrics, 'trustmix_monitor_connected') === 1,
  )

  from = host.heard.length
  gateway.child.kill('SIGKILL')
  const killed = await host.next(from, (messages) => of(messages, 'NDEATH').length === 1)
  t.match(of(killed, 'NDEATH')[0], { values: { bdSeq: 1 } }, 'the will of that connection')

  from = host.heard.length
  const next = startGateway(t, url)
  await host.next(from, (messages) => of(messages, 'NBIRTH').length === 1)
  next.child.kill('SIGINT')
  t.equal((await next.ended).code, 0)
  const gone = await host.next(from, (messages) => of(messages, 'NDEATH').length === 1)
  t.match(of(gone, 'NDEATH'), [{ values: { bdSeq: 0 } }], 'said before it goes')
})

t.test(
  'two brokers, each with its own login; a vehicle dies for the host when the monitor loses the fleet',
  async (t) => {
    if (!requireTool(t, 'mosquitto')) return
    const login = { username: 'scada', password: 'its own' }
    const { url } = await startMosquitto(t, { login })
    const broker = await start(t, { anonymousMonitors: true })
    const fleetUrl = `mqtt://127.0.0.1:${broker.port}`
    const directory = testFolder(t)
    const fileOf = (secret: string): string => {
      const file = join(directory, secret)
      writeFileSync(file, `${secret}\n`)
      return file
    }
    const host = await startHost(t, url, group, login)
    const device = await mqtt.connectAsync(fleetUrl, { clientId: 'd1', username: 'd1', password: 'd1-secret' })
    t.teardown(() => device.endAsync(true))
    const topic = topicOf(channels.status, { fleet: 'demo', vehicle: 'd1' })
    await device.publishAsync(topic, JSON.stringify(status), { qos: 1, retain: true })
    const elsewhere = ['--sparkplug-broker', url, '--username', 'monitor', '--password-file', fileOf('monitor-secret')]
    const stranger = await startGateway(t, fleetUrl, ...elsewhere).ended
    t.equal(stranger.code, 2, "the fleet's password is not shown to another broker")
    t.match(stranger.stderr, /must let the topics spBv1\.0\/Plant 7\/… pass, got "Connection refused: Not authorized"/)
    const shown = ['--sparkplug-username', login.username, '--sparkplug-password-file', fileOf(login.password)]
    startGateway(t, fleetUrl, ...elsewhere, ...shown)
    await host.next(0, (messages) => of(messages, 'DBIRTH', 'd1').length === 1)
    await broker.close()
    await host.next(0, (messages) => of(messages, 'DDEATH', 'd1').length === 1)
    t.equal(of(host.heard, 'NDEATH').length, 0, 'the node itself lives on')
  },
)

t.test(
  "trustmix' own broker lets no Sparkplug in: exit 2 with what to do; so are options that do nothing",
  async (t) => {
    const broker = await start(t, { anonymousMonitors: true })
    const url = `mqtt://127.0.0.1:${broker.port}`
    const own = await trustmix(['monitor', '--broker', url, '--sparkplug', group])
    t.equal(own.code, 2, own.stderr)
    t.match(own.stderr, /must let the topics spBv1\.0\/Plant 7\/… pass, got "Connection refused: Not authorized"/)
    t.match(own.stderr, /trustmix' own broker lets none but its own: give another --sparkplug-broker/)
    const monitor = (...more: string[]): string[] => ['monitor', '--broker', url, ...more]
    await refuses(t, 2, /sparkplug must match pattern/, monitor('--sparkplug', 'a/b'))
    await refuses(
      t,
      2,
      /^sparkplugBroker needs sparkplug, got mqtt:\/\/h:1 without it$/,
      monitor('--sparkplug-broker', 'mqtt://h:1'),
    )
    await refuses(
      t,
      2,
      /^sparkplugUsername needs sparkplugBroker, got u without it$/,
      monitor('--sparkplug', 'g', '--sparkplug-username', 'u'),
    )
  },
)

function monitorOf(line: string): string {
  return line.replace('monitor at ', '')
}
