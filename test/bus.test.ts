import t, { type Test } from 'tap'
import type { Bus, Refusal } from '../device/bus/bus.ts'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import type { Announcement } from '../schemas/announcement.ts'
import { channels } from '../schemas/topics.ts'
import { start } from './support/broker-fixture.ts'
import { busTo, d1, fleet, status, verdict } from './support/buses.ts'
import { calm, collect } from './support/devices.ts'

const d2 = { fleet, vehicle: 'd2' }
const mine = { ...d1, cell: 'all' }

/** Both buses behind one way to connect; subscriptions made in `prepare` are in place when it resolves. */
interface Net {
  join<R>(name: string, prepare: (bus: Bus) => R): Promise<R>
  readonly trouble: string[]
}

const connect = (net: Net, name: string): Promise<Bus> => net.join(name, (bus) => bus)

function localNet(): Net {
  const trouble: string[] = []
  const broker = createLocalBroker({ onTrouble: (text) => trouble.push(text) })
  return { trouble, join: async (_, prepare) => prepare(broker.connect()) }
}

async function mqttNet(t: Test): Promise<Net> {
  const broker = await start(t, {})
  const trouble: string[] = []
  const join: Net['join'] = async (name, prepare) => {
    const bus = busTo(t, broker.port, name, { onTrouble: (text) => trouble.push(text) })
    const prepared = prepare(bus)
    await bus.ready
    return prepared
  }
  return { join, trouble }
}

for (const kind of ['LocalBus', 'MqttBus']) {
  t.test(kind, async (t) => {
    const open = (t: Test): Promise<Net> => (kind === 'LocalBus' ? Promise.resolve(localNet()) : mqttNet(t))

    t.test('delivers documents and bytes as they were sent, with their address', async (t) => {
      const net = await open(t)
      const { verdicts, params } = await net.join('monitor', (bus) => ({
        verdicts: collect(bus, channels.verdict, d1),
        params: collect(bus, channels.params, { fleet }),
      }))
      const sender = await connect(net, 'd1')
      sender.publish(channels.verdict, d1, verdict(3))
      sender.publish(channels.params, mine, Uint8Array.of(0, 255, 7))
      await Promise.all([verdicts.until(1), params.until(1)])
      t.same(verdicts.messages, [verdict(3)])
      t.same(verdicts.addresses, [d1])
      t.same([...(params.messages[0] as Uint8Array)], [0, 255, 7])
      t.same(params.addresses, [mine])
      t.same([sender.connected, sender.connections], [true, 1])
    })

    t.test('replays the newest retained message to a later subscriber, and nothing else', async (t) => {
      const net = await open(t)
      const before = await net.join('monitor', (bus) => collect(bus, channels.verdict, { fleet }))
      const sender = await connect(net, 'd1')
      sender.publish(channels.status, d1, status)
      sender.publish(channels.status, d1, { ...status, connection: 2 })
      sender.publish(channels.verdict, d1, verdict(0))
      await before.until(1)
      const { bus, verdicts, statuses } = await net.join('bridge', (bus) => ({
        bus,
        verdicts: collect(bus, channels.act, { fleet }),
        statuses: collect(bus, channels.status, { fleet }),
      }))
      await statuses.until(1)
      const late = collect(bus, channels.status, { fleet })
      await late.until(1)
      const newest = [{ ...status, connection: 2 }]
      t.same(late.messages, newest, 'also where the connection is older than the subscription')
      t.same(statuses.messages.slice(0, 1), newest)
      t.same(verdicts.messages, [])
    })

    t.test('matches anything where the address leaves a parameter out', async (t) => {
      const net = await open(t)
      const { all, one } = await net.join('monitor', (bus) => ({
        all: collect(bus, channels.telemetry, { fleet }),
        one: collect(bus, channels.telemetry, d2),
      }))
      const [first, second] = [await connect(net, 'd1'), await connect(net, 'd2')]
      first.publish(channels.telemetry, d1, { version: 1, 'Vehicle.Speed': 18 })
      await all.until(1)
      second.publish(channels.telemetry, d2, { version: 1, 'Vehicle.Speed': 36 })
      await Promise.all([all.until(2), one.until(1)])
      t.same(all.addresses, [d1, d2])
      t.same(one.messages, [{ version: 1, 'Vehicle.Speed': 36 }])
    })

    t.test('clear empties a retained topic without calling anybody', async (t) => {
      const net = await open(t)
      const { reader, statuses, end } = await net.join('monitor', (reader) => ({
        reader,
        statuses: collect(reader, channels.status, { fleet }),
        end: collect(reader, channels.verdict, { fleet }),
      }))
      const sender = await connect(net, 'd1')
      sender.publish(channels.status, d1, status)
      sender.publish(channels.ann, mine, announcement)
      sender.clear(channels.status, d1)
      sender.publish(channels.verdict, d1, verdict(0))
      await end.until(1)
      t.same(statuses.messages, [status])
      const later = await net.join('operator', (bus) => ({
        statuses: collect(bus, channels.status, { fleet }),
        announced: collect(bus, channels.ann, { fleet }),
      }))
      await later.announced.until(1)
      t.same(later.statuses.messages, [])
      t.ok(reader.connected)
    })

    t.test('delivers in the order of publishing', async (t) => {
      const net = await open(t)
      const verdicts = await net.join('monitor', (bus) => collect(bus, channels.verdict, { fleet }))
      const sender = await connect(net, 'd1')
      for (let step = 0; step < 300; step++) sender.publish(channels.verdict, d1, verdict(step))
      await verdicts.until(300)
      const steps = verdicts.messages.map(({ step }) => step)
      t.same(
        steps,
        Array.from({ length: 300 }, (_, step) => step),
      )
    })

    t.test('a handler that throws is reported; other handlers and messages go on', async (t) => {
      const net = await open(t)
      const verdicts = await net.join('monitor', (bus) => {
        bus.subscribe(channels.verdict, { fleet }, ({ step }) => {
          throw new Error(`no taste for step ${step}`)
        })
        return collect(bus, channels.verdict, { fleet })
      })
      const sender = await connect(net, 'd1')
      sender.publish(channels.verdict, d1, verdict(1))
      sender.publish(channels.verdict, d1, verdict(2))
      await verdicts.until(2)
      t.match(net.trouble, [/no taste for step 1/, /no taste for step 2/])
    })

    t.test('numbers that JSON does not have', async (t) => {
      const net = await open(t)
      const refused: Refusal[] = []
      const to = { ...d1, run: 'r' }
      const asked = await net.join('d1', (bus) => {
        bus.onRefused((refusal) => refused.push(refusal))
        return collect(bus, channels.obs, to)
      })
      const bridge = await connect(net, 'bridge')
      const question = { version: 1, run: 'r', epoch: 1, step: 0, seq: 1, kind: 'decide' } as const
      bridge.publish(channels.obs, to, { ...question, observation: { ...calm, gap: Number.NaN } })
      bridge.publish(channels.obs, to, { ...question, observation: { ...calm, speed: -0 } })
      await asked.until(kind === 'LocalBus' ? 2 : 1)
      const last = asked.messages.at(-1)
      const speed = last?.kind === 'decide' ? (last.observation?.speed ?? Number.NaN) : Number.NaN
      if (kind === 'LocalBus') {
        t.ok(Object.is(speed, -0), 'in process −0 arrives as −0: the features turn it into +0')
        t.same(refused, [], 'in process NaN arrives: the envelope answers it')
      } else {
        t.ok(Object.is(speed, 0), 'JSON turns −0 into 0')
        t.match(refused, [{ channel: 'obs', address: to, reason: 'malformed', detail: /gap.*null/ }])
      }
    })
  })
}

t.test(
  'LocalBus without a listener for trouble hands the error to the publisher, after everybody was served',
  async (t) => {
    const bus = createLocalBroker().connect()
    bus.subscribe(channels.verdict, { fleet }, () => {
      throw new Error('broken')
    })
    const { messages } = collect(bus, channels.verdict, { fleet })
    t.throws(() => bus.publish(channels.verdict, d1, verdict(1)), { message: 'broken' })
    t.same(messages, [verdict(1)])
  },
)

const announcement = {
  version: 1,
  boot: 1,
  sequence: 1,
  policyHash: '0'.repeat(64),
  size: 8,
  dims: [6, 8, 1],
} satisfies Announcement
