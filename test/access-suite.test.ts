import t, { type Test } from 'tap'
import { full, lists, names, retainable, table } from './support/access-table.ts'
import { type message, PUBACK, PUBLISH, publish, type RawClient } from './support/mqtt-raw.ts'
import { requireTool } from './support/require.ts'
import { type SecuredBroker, startMosquitto, startOwn } from './support/secured-brokers.ts'
import { type TrustFleet, trustFleet } from './support/trust-fleet.ts'

/** These members come by WebSocket, the others by TCP. */
const byWebSocket = new Set(['d2', 'monitor', 'operator', 'root'])

const suite = (name: string, start: (t: Test, fleet: TrustFleet) => Promise<SecuredBroker>, tool?: string) =>
  t.test(`each role, each topic: publish, subscribe, retain, will; over TLS with certificates: ${name}`, async (t) => {
    if (tool && !requireTool(t, tool)) return
    const fleet = await trustFleet(t)
    await fleet.provision('device', 'd1', 'd2')
    await fleet.provision('bridge', 'bridge')
    await fleet.provision('aggregator')
    await fleet.provision('monitor', 'monitor', 'spy')
    await fleet.provision('operator', 'operator', '--commands', 'stop')
    await fleet.provision('broker', 'hub', '--host', 'localhost,127.0.0.1')
    const broker = await start(t, fleet)
    const join = async (id: string): Promise<RawClient> => {
      const { client, code } = await fleet.connect(byWebSocket.has(id) ? broker.ws : broker.tls, id)
      t.teardown(() => client.destroy())
      t.equal(code, 0, `${id} is admitted`)
      return client
    }
    const clients = new Map<string, RawClient>()
    for (const name of names) clients.set(name, await join(name))
    const each = [...clients]

    // The root's roster is judged by the own broker: it has to be one.
    const roster = fleet.read('roster.json').trim()
    const payload = (name: string, topic: string): string =>
      topic === 'roster' && name === 'root' ? roster : `${name} on ${topic}`
    /** Every message of these topics and publishers, as each reader's inbox must hold it: nothing else. */
    const expected = (reader: string, passes: (name: string, topic: string) => boolean): string[] =>
      table.flatMap(([topic, publishers, readers]) =>
        lists(readers, reader)
          ? names
              .filter((name) => lists(publishers, name) && passes(name, topic))
              .map((name) => `${full(topic)} ${payload(name, topic)}`)
          : [],
      )

    for (const [name, client] of each) {
      const codes = await client.subscribe(...table.map(([topic]) => full(topic)))
      // mosquitto 2.0 grants every filter and judges each message.
      if (broker.own)
        t.strictSame(
          table.filter((_, i) => codes[i] === 1).map(([topic]) => topic),
          table.filter(([, , readers]) => lists(readers, name)).map(([topic]) => topic),
          `${name} is granted`,
        )
    }
    // What the own broker has retained from its start: the roster.
    if (broker.own)
      for (const name of names)
        if (lists('d1 d2 aggregator monitor operator root', name)) await clients.get(name)?.takeMessage()

    for (const [name, client] of each)
      await publishAll(client, (topic) => publish(full(topic), payload(name, topic), { qos: 1 }))
    for (const [reader, client] of each)
      t.strictSame(
        await received(
          client,
          expected(reader, () => true),
        ),
        sorted(expected(reader, () => true)),
        `${reader} receives`,
      )

    for (const [name, client] of each)
      await publishAll(client, (topic) => publish(full(topic), payload(name, topic), { qos: 1, retain: true }))
    // mosquitto has no rule for the flag: who may publish may retain. Devices drop what is retained where nothing is.
    const retains = (topic: string): boolean => !broker.own || retainable.includes(topic)
    for (const [reader, client] of each) {
      await received(
        client,
        expected(reader, (_, topic) => retains(topic)),
      )
      await client.subscribe(...table.map(([topic]) => full(topic)))
      const newest = table.filter(
        ([topic, publishers, readers]) =>
          lists(readers, reader) && retains(topic) && names.some((name) => lists(publishers, name)),
      )
      const kept = await received(client, newest, ({ retain }) => retain)
      t.strictSame(
        kept.map((text) => text.split(' ')[0]),
        newest.map(([topic]) => full(topic)).sort(),
        `${reader} finds retained`,
      )
    }
    for (const [, client] of each) client.destroy()

    const spy = await join('spy')
    await spy.subscribe(...(broker.own ? ['tm/v1/demo/v/+/status'] : ['#']))
    await spy.ping()
    spy.inbox.length = 0
    const wills: string[] = []
    for (const name of names)
      for (const [topic, publishers] of table) {
        const will = { topic: full(topic), payload: payload(name, topic) }
        const { client, code } = await fleet.connect(
          byWebSocket.has(name) && broker.own ? broker.ws : broker.tls,
          name,
          { will },
        )
        const allowed = lists(publishers, name)
        if (broker.own) t.equal(code, allowed ? 0 : 5, `${name} with a will on ${topic}`)
        const seen = broker.own ? topic.startsWith('v/') && topic.endsWith('/status') : true
        if (allowed && seen) wills.push(`${full(topic)} ${will.payload}`)
        client.destroy()
        await client.closed
      }
    const carriedOut = await received(spy, wills, ({ retain }) => !retain)
    t.strictSame(carriedOut, sorted(wills), 'the wills that are carried out')
  })

suite('own broker', startOwn)
suite('mosquitto', startMosquitto, 'mosquitto')

/** One after the other, without waiting in between: by WebSocket mosquitto takes a tenth of a second for each answer. */
async function publishAll(client: RawClient, packet: (topic: string) => Buffer): Promise<void> {
  client.send(...table.map(([topic]) => packet(topic)))
  for (let i = 0; i < table.length; i++) await client.take(PUBACK)
}

/** What has come, sorted: waits for as many messages as are expected, and for a round trip after them. */
async function received(
  client: RawClient,
  expected: readonly unknown[],
  counts: (packet: ReturnType<typeof message>) => boolean = () => true,
): Promise<string[]> {
  const packets: ReturnType<typeof message>[] = []
  const take = async (): Promise<void> => {
    const packet = await client.takeMessage()
    if (counts(packet)) packets.push(packet)
  }
  while (packets.length < expected.length) await take()
  await client.ping()
  while (client.inbox.some(({ type }) => type === PUBLISH)) await take()
  return sorted(packets.map(({ topic, payload }) => `${topic} ${payload}`))
}

function sorted(texts: readonly string[]): string[] {
  return [...texts].sort()
}
