import t from 'tap'
import type { User } from '../broker/admission.ts'
import type { Broker } from '../broker/broker.ts'
import { defaultFraming, Framing } from '../broker/guard.ts'
import type { Refusal } from '../broker/refusals.ts'
import { as, join, start, users } from './support/broker-fixture.ts'
import { connect, header, message, PUBLISH, publish, RawClient, subscribe } from './support/mqtt-raw.ts'

const log = 'tm/v1/demo/v/d1/log'

t.test('hostile framing ends the connection and nothing else', async (t) => {
  const [broker, hasty] = [await start(t, {}), await start(t, { limits: { connectTimeoutMs: 400 } })]
  const expectClosed = (name: string, reason: keyof Broker['counters'], first: boolean, ...bytes: Uint8Array[]) =>
    expectClosedBy(broker, name, reason, first, ...bytes)
  const expectClosedBy = async (
    broker: Broker,
    name: string,
    reason: keyof Broker['counters'],
    first: boolean,
    ...bytes: Uint8Array[]
  ) => {
    const before = broker.counters[reason]
    const client = await RawClient.open(broker.port)
    if (first) client.send(...bytes)
    else {
      client.send(connect(as('d1')))
      await client.take(2)
      client.send(...bytes)
    }
    await client.closed
    t.equal(broker.counters[reason], before + 1, `${name}: ${reason}`)
  }
  await expectClosed('a first packet that is not CONNECT', 'not-connect', true, publish(log, 'x'))
  await expectClosed('TLS on the plain port', 'not-connect', true, Buffer.from('160301020001', 'hex'))
  await expectClosed('a large CONNECT', 'connect-too-large', true, header(0x10, 10_000))
  await expectClosed(
    'a length of five bytes',
    'length-malformed',
    false,
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]),
  )
  await expectClosed('a packet of 250 MB', 'packet-too-large', false, header(0x30, 250_000_000))
  await expectClosed("a server's packet", 'packet-type', false, Buffer.from([0x20, 2, 0, 0]))
  await expectClosed('a second CONNECT', 'protocol-error', false, connect(as('d1')))
  await expectClosed('NUL in a topic', 'topic-malformed', false, publish('tm/v1/demo/v/d1/lo\u0000g', 'x'))
  await expectClosed('ill-formed UTF-8 in a topic', 'topic-malformed', false, publish(Buffer.from([0x61, 0xff]), 'x'))
  await expectClosed('ill-formed UTF-8 in a filter', 'topic-malformed', false, subscribe([Buffer.from([0xc0, 0x80])]))
  await expectClosed('a wildcard in a publish', 'protocol-error', false, publish('tm/v1/demo/v/+/log', 'x'))
  await expectClosed('an empty topic', 'protocol-error', false, publish('', 'x'))
  await expectClosedBy(hasty, 'a slow CONNECT', 'connect-timeout', true, connect(as('d1')).subarray(0, 9))
  await expectClosedBy(hasty, 'silence', 'connect-timeout', true)
  const { client, code } = await RawClient.connect(broker.port, as('d1'))
  t.equal(code, 0, 'the broker serves the next client')
  client.destroy()
})

t.test('20 MB are refused at their header and never buffered', async (t) => {
  const broker = await start(t, {})
  const { client } = await RawClient.connect(broker.port, as('d1'))
  const block = Buffer.alloc(65_536)
  const before = process.memoryUsage().arrayBuffers
  let peak = before
  let sent = 0
  client.socket.write(header(0x30, 20_000_000))
  while (sent < 20_000_000 && !client.socket.destroyed) {
    if (!client.socket.write(block))
      await Promise.race([new Promise((resolve) => client.socket.once('drain', resolve)), client.closed])
    sent += block.length
    peak = Math.max(peak, process.memoryUsage().arrayBuffers)
  }
  await client.closed
  t.equal(broker.counters['packet-too-large'], 1)
  t.ok(sent < 20_000_000, `closed after ${sent} bytes`)
  t.ok(peak - before < 4_000_000, `buffers grew by ${peak - before} bytes`)
})

t.test('rates, connections per address and fragments are limited', async (t) => {
  const rates = { messagesPerSecond: 10, bytesPerSecond: 1_000 }
  const limits = { ...defaultFraming, rates }
  const ping = Buffer.from([0xc0, 0])
  const framing = new Framing(limits, 0)
  t.equal(
    framing.accept(Buffer.concat([connect(as('d1')), ...Array(19).fill(ping)]), 0),
    undefined,
    'two seconds of burst',
  )
  t.equal(framing.accept(ping, 99), 'message-rate', 'the 21st message after 0.099 s')
  t.equal(framing.accept(ping, 101), undefined, 'a tenth of a second later one more')
  t.equal(
    new Framing(limits, 0).accept(Buffer.concat([connect(as('d1')), publish(log, Buffer.alloc(2_000))]), 0),
    'byte-rate',
  )

  const dribble = new Framing(defaultFraming, 0)
  dribble.accept(Buffer.concat([connect(as('d1')), header(0x30, 64_000)]), 0)
  let pieces = 0
  while (dribble.accept(Buffer.alloc(1), 0) === undefined) pieces++
  t.equal(pieces, 64 + 1_000 - 1, 'a packet of 64,000 bytes may come in 64 + 1,000 pieces, the header included')

  let nowMs = 0
  const broker = await start(t, { now: () => nowMs, limits: { rates, connectionsPerAddress: 2 } })
  const device = await join(t, broker, 'd1')
  const other = await join(t, broker, 'd2')
  const third = await RawClient.open(broker.port)
  await third.closed
  device.destroy()
  for (let i = 0; i < 30; i++) {
    await other.ping()
    nowMs += 100
  }
  for (let i = 0; i < 30; i++) other.send(ping)
  await other.closed
  t.match(broker.counters, { 'connections-per-address': 1, 'message-rate': 1 })
})

t.test('a frozen receiver of latest-wins messages misses them and holds nobody up', async (t) => {
  const broker = await start(t, {})
  const frozen = await join(t, broker, 'monitor')
  const healthy = await join(t, broker, 'operator')
  const device = await join(t, broker, 'd1')
  for (const client of [frozen, healthy]) await client.subscribe('tm/v1/demo/v/+/telemetry', 'tm/v1/demo/v/+/log')
  frozen.socket.pause()
  const payload = Buffer.alloc(65_536)
  let slowestMs = 0
  for (let i = 0; i < 300; i++) {
    const before = performance.now()
    await device.publish('tm/v1/demo/v/d1/telemetry', payload)
    await healthy.take(PUBLISH)
    slowestMs = Math.max(slowestMs, performance.now() - before)
  }
  t.ok(slowestMs < 1_000, `slowest of 300: ${slowestMs.toFixed(1)} ms`)
  t.ok(broker.counters['not-drained'] > 100, `${broker.counters['not-drained']} skipped for the frozen one`)
  await device.publish(log, 'last')
  frozen.socket.resume()
  let received = 0
  while (message(await frozen.take(PUBLISH)).topic !== log) received++
  t.equal(received + broker.counters['not-drained'], 300, 'the frozen one gets the rest, and the log after it')
})

t.test('a receiver with too much waiting is closed; so are connections beyond the total', async (t) => {
  const refused: string[] = []
  const limits = { queuedBytes: 500_000, connections: 2 }
  const broker = await start(t, { limits, onRefused: (refusal) => refused.push(refusal.reason) })
  const frozen = await join(t, broker, 'monitor')
  const device = await join(t, broker, 'd1')
  const third = await RawClient.open(broker.port)
  await third.closed
  await frozen.subscribe('tm/v1/demo/v/+/verdict')
  frozen.socket.pause()
  while (refused.length < 2) await device.publish('tm/v1/demo/v/d1/verdict', Buffer.alloc(65_536))
  t.strictSame(refused, ['connections', 'queue-limit'])
})

t.test(
  'one frozen subscriber, one publisher filling its topic, five chatty clients: the broker survives',
  async (t) => {
    const devices = ['c0', 'c1', 'c2', 'c3', 'c4'].map(
      (id) => [id, { id, role: 'device', password: `${id}-secret` }] as const,
    )
    let closedFrozen = (_: Refusal) => {}
    const frozenRefused = new Promise<Refusal>((resolve) => (closedFrozen = resolve))
    const broker = await start(t, {
      users: new Map<string, User>([
        ...users,
        ...devices,
        ['watcher', { id: 'watcher', role: 'monitor', password: 'watcher-secret' }],
      ]),
      limits: { drainTimeoutMs: 3_000 },
      onRefused: (refusal) => closedFrozen(refusal),
    })
    const frozen = await join(t, broker, 'monitor')
    const healthy = await join(t, broker, 'operator')
    const flooder = await join(t, broker, 'd1')
    const watcher = await join(t, broker, 'watcher')
    const chatty = await Promise.all(devices.map(([id]) => join(t, broker, id)))
    for (const client of [frozen, watcher]) await client.subscribe('tm/v1/demo/v/d1/verdict')
    await healthy.subscribe('tm/v1/demo/v/+/log')
    frozen.socket.pause()
    const flood = publish('tm/v1/demo/v/d1/verdict', Buffer.alloc(4_096))
    for (let i = 0; i < 5_000; i++) flooder.send(flood)
    // when the frozen one is closed, whatever waited behind it is released at once
    for (const [i, client] of chatty.entries()) {
      client.send(...Array<Buffer>(4_000).fill(publish(`tm/v1/demo/v/c${i}/telemetry`, Buffer.alloc(200))))
    }
    let ended = false
    const refusal = frozenRefused.finally(() => {
      ended = true
    })
    let rounds = 0
    let slowestMs = 0
    for (; !ended; rounds++) {
      const before = performance.now()
      for (const [i, client] of chatty.entries()) {
        client.send(...Array<Buffer>(20).fill(publish(`tm/v1/demo/v/c${i}/log`, Buffer.alloc(200))))
      }
      for (let i = 0; i < 5 * 20; i++) await healthy.take(PUBLISH)
      slowestMs = Math.max(slowestMs, performance.now() - before)
    }
    t.ok(rounds > 10, `${rounds} rounds of 100 messages reached the healthy subscriber, complete`)
    t.ok(slowestMs < 2_500, `slowest round ${slowestMs.toFixed(0)} ms`)
    t.match(await refusal, { reason: 'drain-timeout', clientId: 'monitor' }, 'the frozen one is closed')
    for (let i = 0; i < 5_000; i++) await watcher.take(PUBLISH)
    await flooder.ping()
    t.pass('its publisher goes on, and another subscriber of that topic has everything')
  },
)
