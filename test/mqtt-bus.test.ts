import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import { connectAsync } from 'mqtt'
import t from 'tap'
import type { User } from '../broker/admission.ts'
import { createBroker } from '../broker/broker.ts'
import type { Refusal } from '../device/bus/bus.ts'
import { createMqttBus } from '../device/bus/mqtt-bus.ts'
import { type Channel, channels, topicOf } from '../schemas/topics.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'
import { as, base, start, users } from './support/broker-fixture.ts'
import { busTo, d1, disconnected, fleet, nextConnection, status, verdict } from './support/buses.ts'
import { collect } from './support/devices.ts'

t.test('refuses what is too large, not JSON, off the schema or of another version', async (t) => {
  const broker = await start(t, {})
  const bus = busTo(t, broker.port, 'monitor')
  const seen = collect(bus, channels.status, { fleet })
  const refused: Refusal[] = []
  bus.onRefused((refusal) => refused.push(refusal))
  await bus.ready
  const raw = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { ...as('d1'), reconnectPeriod: 0 })
  t.teardown(() => raw.endAsync())
  const topic = topicOf(channels.status, d1)
  const padded = JSON.stringify({ ...status, notes: ['x'.repeat(9000)] })
  for (const text of [padded, '{', '[]', '{"version":1}', '{"version":2,"new":true}', JSON.stringify(status)])
    await raw.publishAsync(topic, text, { qos: 1 })
  await seen.until(1)
  t.match(refused, [
    {
      channel: 'status',
      address: d1,
      reason: 'over-size',
      detail: `status must be at most 8192 bytes, got ${padded.length}`,
    },
    { reason: 'malformed', detail: 'status must be JSON' },
    { reason: 'malformed', detail: /must be object/ },
    { reason: 'malformed', detail: /state/ },
    { reason: 'unsupported-version', detail: 'status: version must be 1, got 2' },
  ])
  t.equal(refused.length, 5)
  t.same(seen.messages, [status])
})

t.test('lives through a restart of the broker', async (t) => {
  const admitted = new Map<string, User>(users)
  const first = await createBroker({ ...base, users: admitted })
  const reader = busTo(t, first.port, 'monitor')
  const verdicts = collect(reader, channels.verdict, { fleet })
  const sender = busTo(t, first.port, 'd1')
  await Promise.all([reader.ready, sender.ready])
  sender.publish(channels.verdict, d1, verdict(0))
  await verdicts.until(1)
  // The sender is refused until the reader is back: verdicts are not retained.
  admitted.delete('d1')
  await first.close()
  for (let step = 1; step <= 10; step++) sender.publish(channels.verdict, d1, verdict(step))
  await disconnected(sender)
  for (let step = 11; step <= 20; step++) sender.publish(channels.verdict, d1, verdict(step))
  t.same([sender.connected, sender.connections], [false, 1])
  const again = nextConnection(reader)
  const second = await start(t, { users: admitted, port: first.port })
  await again
  admitted.set('d1', users.get('d1') as User)
  await verdicts.until(21)
  t.same(new Set(verdicts.messages.map(({ step }) => step)), new Set(Array.from({ length: 21 }, (_, step) => step)))
  t.same([reader.connections, sender.connections, sender.shed], [2, 2, 0])
  t.ok(second.port === first.port)
})

t.test('each channel has a queue of its own bound', async (t) => {
  const broker = await start(t, {})
  const admitted = busTo(t, broker.port, 'd1')
  const ack = { version: 1, operator: 'ann', result: 'done', reason: '' } as const
  for (let step = 0; step < 600; step++) admitted.publish(channels.verdict, d1, verdict(step))
  t.equal(admitted.shed, 600 - 512, 'the oldest verdicts are given up')
  for (let counter = 0; counter < 64; counter++)
    admitted.publish(channels.ack, { ...d1, name: 'stop' }, { ...ack, counter })
  t.equal(admitted.shed, 600 - 512, 'acknowledgements displace no verdict')
  const reader = busTo(t, broker.port, 'monitor')
  const verdicts = collect(reader, channels.verdict, { fleet })
  await Promise.all([reader.ready, admitted.ready])
  admitted.publish(channels.verdict, d1, verdict(600))
  await verdicts.until(1)
})

t.test('a subscription made while the others are being granted is not forgotten', async (t) => {
  const broker = await start(t, {})
  const proxy = createServer((socket) => {
    const onward = connectTcp(broker.port, '127.0.0.1')
    onward.pipe(socket)
    socket.on('data', (bytes) => {
      // SUBSCRIBE: the answer is still out.
      if (bytes[0] === 0x82 && !late) late = collect(bus, channels.verdict, { fleet })
      onward.write(bytes)
    })
    socket.on('close', () => onward.destroy())
    socket.on('error', () => {})
    onward.on('error', () => {})
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  let late: ReturnType<typeof collect<'fleet' | 'vehicle', VerdictMessage>> | undefined
  const bus = busTo(t, (proxy.address() as { port: number }).port, 'monitor')
  bus.subscribe(channels.status, { fleet }, () => {})
  await bus.ready
  const sender = busTo(t, broker.port, 'd1')
  await sender.ready
  const sent = setInterval(() => sender.publish(channels.verdict, d1, verdict(1)), 5)
  t.teardown(() => clearInterval(sent))
  await late?.until(1)
  t.same(late?.messages[0], verdict(1))
})

t.test('the will says which connection ended', async (t) => {
  const broker = await start(t, {})
  const reader = busTo(t, broker.port, 'monitor')
  const seen = collect(reader, channels.status, d1)
  await reader.ready
  const device = busTo(t, broker.port, 'd1', {
    will: (connection) => ({
      channel: channels.status as unknown as Channel<string, unknown>,
      address: d1,
      message: { ...status, state: 'offline', connection },
    }),
  })
  await device.ready
  const again = nextConnection(device)
  t.ok(broker.disconnect('d1'))
  await again
  broker.disconnect('d1')
  await seen.until(2)
  t.match(seen.messages, [
    { state: 'offline', connection: 1 },
    { state: 'offline', connection: 2 },
  ])
})

t.test('closed before any connection: `ready` rejects and says where to', async (t) => {
  const bus = createMqttBus({ url: 'mqtt://127.0.0.1:1', clientId: 'd1' })
  await bus.close()
  await t.rejects(bus.ready, { message: 'closed before a connection to mqtt://127.0.0.1:1' })
})
