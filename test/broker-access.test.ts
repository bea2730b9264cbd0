import t from 'tap'
import { type Principal, parseTopic, publishDenial, subscribeDenial } from '../broker/access.ts'
import { createBroker } from '../broker/broker.ts'
import { full, names, retainable, table } from './support/access-table.ts'
import { users } from './support/broker-fixture.ts'
import { RawClient } from './support/mqtt-raw.ts'

t.test('each role publishes and subscribes exactly what the table says', async (t) => {
  const broker = await createBroker({ fleet: 'demo', users, now: () => performance.now(), port: 0 })
  t.teardown(() => broker.close())
  const refusedMessages = () =>
    broker.counters['topic-forbidden'] + broker.counters['topic-unknown'] + broker.counters['topic-invalid']
  for (const name of names) {
    const { client, code } = await RawClient.connect(broker.port, {
      clientId: name,
      username: name,
      password: `${name}-secret`,
    })
    t.equal(code, 0, `${name} is admitted`)
    const published: string[] = []
    for (const [topic] of table) {
      const before = refusedMessages()
      await client.publish(full(topic))
      if (refusedMessages() === before) published.push(topic)
    }
    t.strictSame(
      published,
      table.filter(([, publishers]) => publishers.split(' ').includes(name)).map(([topic]) => topic),
      `${name} publishes`,
    )
    const codes = await client.subscribe(...table.map(([topic]) => full(topic)))
    const granted = table.filter((_, i) => codes[i] === 1).map(([topic]) => topic)
    t.strictSame(
      granted,
      table.filter(([, , readers]) => readers.split(' ').includes(name)).map(([topic]) => topic),
      `${name} reads`,
    )
    client.destroy()
  }
})

t.test('the retain flag is allowed on state, never on events and commands', async (t) => {
  for (const [topic, publishers] of table) {
    for (const name of publishers.split(' ').filter(Boolean)) {
      const parsed = parseTopic(full(topic))
      if (typeof parsed === 'string') throw new Error(parsed)
      const expected = retainable.includes(topic) ? undefined : 'retain-forbidden'
      t.equal(publishDenial(principal(name), parsed, true), expected, `${name} retains ${topic}`)
    }
  }
})

t.test('a filter is granted when every topic it matches is readable', async (t) => {
  const granted: [string, string][] = [
    ['monitor', 'tm/v1/+/v/+/verdict'],
    ['monitor', 'tm/v1/demo/v/+/status'],
    ['monitor', 'tm/v1/demo/v/+/ack/+'],
    ['operator', 'tm/v1/demo/v/d1/ack/+'],
    ['monitor', 'tm/v1/demo/near/+/+/params'],
    ['monitor', 'tm/v1/+/sim/+/world'],
    ['monitor', 'tm/v1/demo/ops/alarm/+'],
    ['aggregator', 'tm/v1/demo/near/+/+/params'],
    ['aggregator', 'tm/v1/demo/near/+/aggregator/want'],
    ['bridge', 'tm/v1/demo/sim/r1/+/act'],
    ['bridge', 'tm/v1/demo/v/+/status'],
    ['d1', 'tm/v1/demo/near/all/+/params'],
    ['d1', 'tm/v1/demo/near/+/+/ann'],
    ['d1', 'tm/v1/demo/near/+/d1/want'],
    ['d1', 'tm/v1/demo/v/d1/cmd/+'],
    ['d1', 'tm/v1/demo/sim/+/d1/obs'],
  ]
  for (const [name, filter] of granted)
    t.equal(subscribeDenial(principal(name), filter), undefined, `${name} ${filter}`)
  const refused: [string, string, string][] = [
    ['monitor', '#', 'filter-too-wide'],
    ['monitor', 'tm/v1/#', 'filter-too-wide'],
    ['monitor', 'tm/v1/demo/v/#', 'filter-too-wide'],
    ['monitor', 'tm/v1/demo/v/+/ack/#', 'filter-too-wide'],
    ['monitor', 'tm/v1/demo/v/+/+', 'filter-too-wide'],
    ['monitor', 'tm/+/demo/v/+/status', 'filter-too-wide'],
    ['monitor', '+/+/+/+/+/+', 'filter-too-wide'],
    ['monitor', 'tm/v1/demo/v/+/cmd/+', 'topic-forbidden'],
    ['monitor', 'tm/v1/demo/v/+/+/stop', 'filter-too-wide'],
    ['monitor', 'tm/v1/demo/sim/+/+/obs', 'topic-forbidden'],
    ['monitor', 'tm/v1/demo/sim/+/+', 'filter-too-wide'],
    ['operator', 'tm/v1/demo/v/+/cmd/+', 'topic-forbidden'],
    ['root', 'tm/v1/demo/v/d1/status', 'topic-forbidden'],
    ['bridge', 'tm/v1/+/v/+/status', 'topic-forbidden'],
    ['bridge', 'tm/v1/demo/sim/+/+/obs', 'topic-forbidden'],
    ['aggregator', 'tm/v1/demo/near/+/+/want', 'topic-forbidden'],
    ['d1', 'tm/v1/demo/v/+/cmd/stop', 'topic-forbidden'],
    ['d1', 'tm/v1/demo/v/d2/cmd/stop', 'topic-forbidden'],
    ['d1', 'tm/v1/demo/sim/r1/+/obs', 'topic-forbidden'],
    ['d1', 'tm/v1/demo/near/all/+/want', 'topic-forbidden'],
    ['d1', 'tm/v1/+/near/all/+/params', 'topic-forbidden'],
    ['d1', 'tm/v1/demo/near/all/d1/#', 'filter-too-wide'],
  ]
  for (const [name, filter, reason] of refused)
    t.equal(subscribeDenial(principal(name), filter), reason, `${name} ${filter}`)
})

t.test('topics and filters that are none are refused before any rule', async (t) => {
  const base = 'tm/v1/demo/v'
  const id23 = 'a'.repeat(23)
  t.equal(typeof parseTopic(`${base}/${id23}/status`), 'object', 'an id of 23 characters')
  const cases: [string, string][] = [
    [`${base}/d\u0000/status`, 'topic-malformed'],
    [`${base}/d\ufffd/status`, 'topic-malformed'],
    ['', 'topic-invalid'],
    ['/', 'topic-invalid'],
    [`/${base}/d1/status`, 'topic-invalid'],
    [`${base}/d1/status/`, 'topic-invalid'],
    [`${base}//status`, 'topic-invalid'],
    [`${base}/a#`, 'topic-invalid'],
    [`${base}/#/status`, 'topic-invalid'],
    [`${base}/a+/status`, 'topic-invalid'],
    [`${base}/++/status`, 'topic-invalid'],
    [`${base}/d 1/status`, 'topic-invalid'],
    [`${base}/dé/status`, 'topic-invalid'],
    [`${base}/${id23}a/status`, 'topic-invalid'],
    [`${base}/d1/cmd/stop/now`, 'topic-invalid'],
    ['a/'.repeat(30_000), 'topic-invalid'],
    ['$SYS/#', 'topic-invalid'],
    ['$share/g/tm/v1/demo/v', 'topic-invalid'],
  ]
  for (const [text, reason] of cases) {
    const shown = JSON.stringify(text.slice(0, 40))
    t.equal(parseTopic(text), reason, `topic ${shown}`)
    t.equal(subscribeDenial(principal('monitor'), text), reason, `filter ${shown}`)
  }
  for (const wildcard of [`${base}/+/status`, `${base}/#`, '+', '#']) t.equal(parseTopic(wildcard), 'topic-invalid')
})

function principal(name: string): Principal {
  const user = users.get(name)
  if (!user) throw new Error(`no user ${name}`)
  return { role: user.role, id: user.id, fleet: 'demo' }
}
