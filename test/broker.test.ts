import { duplexPair } from 'node:stream'
import { connectAsync } from 'mqtt'
import t from 'tap'
import { createBroker } from '../broker/broker.ts'
import { createRefusalPrinter } from '../broker/refusal-printer.ts'
import type { Refusal } from '../broker/refusals.ts'
import { as, base, join, start } from './support/broker-fixture.ts'
import { CONNACK, type ConnectOptions, connect, header, message, PUBLISH, RawClient } from './support/mqtt-raw.ts'

const status = 'tm/v1/demo/v/d1/status'
const log = 'tm/v1/demo/v/d1/log'

t.test('admission', async (t) => {
  const broker = await start(t, { anonymousMonitors: true })
  const code = async (options: ConnectOptions) => {
    const { client, code } = await RawClient.connect(broker.port, options)
    if (code !== 0) await client.closed
    else t.teardown(() => client.destroy())
    return code
  }
  t.equal(await code(as('d1')), 0, 'the right password')
  t.equal(await code({ ...as('d1'), password: 'wrong' }), 4, 'a wrong password')
  t.equal(await code({ clientId: 'd1', username: 'd1' }), 4, 'no password')
  t.equal(await code({ ...as('d1'), username: 'nobody' }), 4, 'an unknown user')
  t.equal(await code({ clientId: 'd1', username: '', password: '' }), 4, 'an empty user name is not anonymous')
  t.equal(await code({ ...as('d1'), clientId: 'd2' }), 2, "another device's client id")
  t.equal(await code({ ...as('monitor'), clientId: 'bridge' }), 2, "a monitor with the bridge's client id")
  t.equal(await code({ clientId: 'd2' }), 2, 'an anonymous client with the id of a device that is away')
  t.equal(await code({ clientId: 'a/b' }), 2, 'a client id that is no id')
  t.equal(await code({ clientId: 'a\u0000b' }), 2, 'a client id with NUL')
  t.equal(await code({ clientId: '', clean: false }), 2, 'no client id and no clean session [MQTT-3.1.3-8]')
  t.equal(await code({ clientId: '' }), 0, 'no client id')
  t.equal(await code({ clientId: 'tab' }), 0, 'an anonymous monitor')
  t.equal(await code({ ...as('operator'), clientId: 'tab' }), 2, 'an id that another user holds')
  t.equal(await code({ ...as('d1'), protocolLevel: 5 }), 1, 'MQTT 5')
  const will = (topic: string, retain = false) => code({ ...as('d2'), will: { topic, payload: 'off', retain } })
  t.equal(await will('tm/v1/demo/v/d1/status', true), 5, 'a will on the status of another')
  t.equal(await will('tm/v1/demo/v/d2/log', true), 5, 'a retained will where nothing is retained')
  t.equal(await will('$SYS/x'), 5, 'a will on $SYS')
  t.equal(await will('tm/v1/demo/v/d2/status', true), 0, 'a will on its own status')
  t.match(broker.counters, {
    'protocol-version': 1,
    credentials: 4,
    'client-id': 4,
    'client-id-in-use': 3,
    'will-forbidden': 3,
  })

  const closed = await start(t, {})
  const { client, code: refused } = await RawClient.connect(closed.port, { clientId: 'tab' })
  await client.closed
  t.equal(refused, 4, 'anonymous clients are refused unless asked for')
})

t.test('what is refused is dropped, counted and acknowledged; the connection goes on', async (t) => {
  const refusals: Refusal[] = []
  const payloadLimit = (topic: string) => (topic.endsWith('/log') ? 512 : 65_536)
  const limits = { maxSubscriptions: 2, maxRetained: 2 }
  const broker = await start(t, { payloadLimit, limits, onRefused: (refusal) => refusals.push(refusal) })
  const monitor = await join(t, broker, 'monitor')
  const device = await join(t, broker, 'd1')
  t.strictSame(await monitor.subscribe('tm/v1/demo/v/+/status', 'tm/v1/#'), [1, 0x80])
  t.strictSame(await monitor.subscribe('tm/v1/demo/v/+/log', 'tm/v1/demo/v/+/verdict'), [1, 0x80])
  await device.publish('tm/v1/demo/v/d2/status')
  await device.publish(log, 'x', true)
  await device.publish(log, Buffer.alloc(513))
  await device.publish('$SYS/demo/x')
  await device.publish('tm/v1/demo/near/c1/d1/ann', 'x', true)
  await device.publish('tm/v1/demo/near/c2/d1/ann', 'x', true)
  await device.publish('tm/v1/demo/near/c3/d1/ann', 'x', true)
  await device.publish('tm/v1/demo/near/c1/d1/ann', '', true)
  await device.publish('tm/v1/demo/near/c3/d1/ann', 'x', true)
  await device.publish(log, Buffer.alloc(512, 'y'))
  t.equal(message(await monitor.take(PUBLISH)).payload.length, 512, 'the only message that came through')
  t.equal(monitor.inbox.length, 0)
  t.match(broker.counters, {
    'filter-too-wide': 1,
    'subscription-limit': 1,
    'topic-forbidden': 1,
    'retain-forbidden': 1,
    'payload-too-large': 1,
    'topic-invalid': 1,
    'retained-limit': 1,
  })
  t.match(refusals[2], { reason: 'topic-forbidden', clientId: 'd1', topic: 'tm/v1/demo/v/d2/status' })
})

t.test('a client that comes back takes over; its will says so; no session is kept', async (t) => {
  const broker = await start(t, {})
  const monitor = await join(t, broker, 'monitor')
  await monitor.subscribe('tm/v1/demo/v/+/status')
  const will = { topic: status, payload: 'offline', retain: true }
  const options = { ...as('d1'), clean: false, will }
  const first = (await RawClient.connect(broker.port, options)).client
  await first.subscribe('tm/v1/demo/v/d1/cmd/+')
  const second = await RawClient.open(broker.port)
  second.send(connect(options))
  t.strictSame([...(await second.take(2)).body], [0, 0], 'no session present, because every session is clean')
  await first.closed
  t.equal(message(await monitor.take(PUBLISH)).payload, 'offline')
  await second.publish(status, 'online', true)
  t.equal(message(await monitor.take(PUBLISH)).payload, 'online')
  t.ok(broker.disconnect('d1'), 'revocation ends the live connection')
  await second.closed
  t.notOk(broker.disconnect('d1'))
  t.equal(message(await monitor.take(PUBLISH)).payload, 'offline')
  const late = await join(t, broker, 'operator')
  await late.subscribe('tm/v1/demo/v/d1/status')
  t.strictSame(message(await late.take(PUBLISH)), { topic: status, payload: 'offline', retain: true })
})

t.test('a stream of another listener gets the same guard and rules', async (t) => {
  const broker = await start(t, { anonymousMonitors: true })
  const open = async (loopback: boolean) => {
    const [near, far] = duplexPair()
    broker.handle(far, { address: 'elsewhere', loopback })
    const client = new RawClient(near)
    client.send(connect({ clientId: 'tab' }))
    return { client, far, code: (await client.take(CONNACK)).body[1] }
  }
  t.equal((await open(false)).code, 4, 'anonymous only over loopback')
  const { client, far, code } = await open(true)
  t.equal(code, 0)
  t.strictSame(await client.subscribe('tm/v1/+/v/+/log', 'tm/v1/demo/v/+/cmd/+'), [1, 0x80])
  const device = await join(t, broker, 'd1')
  await device.publish(log, 'hello')
  t.equal(message(await client.take(PUBLISH)).payload, 'hello')
  client.send(header(0x30, 2_000_000))
  await new Promise((resolve) => far.once('close', resolve))
  t.equal(broker.counters['packet-too-large'], 1)
})

t.test('mqtt.js works; the broker restarts on the same port with its clients connected', async (t) => {
  const first = await createBroker({ ...base, anonymousMonitors: true })
  const { port } = first
  const url = `mqtt://127.0.0.1:${port}`
  const device = await connectAsync(url, { ...as('d1'), reconnectPeriod: 20 })
  const monitor = await connectAsync(url, { clientId: 'tab', reconnectPeriod: 20 })
  t.teardown(() => Promise.all([device.endAsync(true), monitor.endAsync(true)]))
  await monitor.subscribeAsync('tm/v1/+/v/+/status', { qos: 1 })
  const silent = await RawClient.open(port)
  const back = Promise.all([device, monitor].map((client) => new Promise((resolve) => client.once('connect', resolve))))
  await first.close()
  await silent.closed
  t.equal(first.connections, 0, 'close ends every connection, also those that never said CONNECT')
  const second = await start(t, { port, anonymousMonitors: true })
  t.equal(second.port, port)
  await back
  const received = new Promise((resolve) =>
    monitor.once('message', (topic, payload) => resolve([topic, String(payload)])),
  )
  await monitor.subscribeAsync('tm/v1/+/v/+/status', { qos: 1 })
  await device.publishAsync(status, 'online', { qos: 1, retain: true })
  t.strictSame(await received, [status, 'online'])
  await t.rejects(createBroker({ ...base, port }), { code: 'EADDRINUSE' })
  await t.rejects(
    createBroker({ ...base, users: new Map([['x', { id: 'a/b', role: 'device', password: 'p' }]]) }),
    /got "a\/b"/,
  )
})

t.test('a flood of refusals is one line per reason in five seconds, cut and freed of control characters', async (t) => {
  const lines: string[] = []
  let now = 0
  const print = createRefusalPrinter(
    (line) => lines.push(line),
    () => now,
  )
  const refusal = { reason: 'publish-forbidden', clientId: 'x', detail: `\u009b${'y'.repeat(500)}` } as never
  for (; now < 6_000; now += 10) print(refusal)
  t.equal(lines.length, 2)
  t.match(lines[1], /\(500 times\)/)
  t.ok(lines.every((line) => line.length < 300 && !line.includes('\u009b')))
})
