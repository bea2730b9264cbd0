import mqtt from 'mqtt'
import sparkplug from 'sparkplug-payload'
import type { Test } from 'tap'
import type { Login } from './mosquitto.ts'

const payloads = sparkplug.get('spBv1.0')!

/** A message of an edge node, decoded. */
export interface Received {
  /** NBIRTH, DDATA … */
  readonly type: string
  /** Empty for messages of the node. */
  readonly device: string
  readonly seq: number | undefined
  readonly timestamp: number
  readonly values: Readonly<Record<string, unknown>>
  readonly types: Readonly<Record<string, string>>
  readonly qos: number
  readonly retain: boolean
}

/** A host application: hears a group, tells a node to be born again, and holds every message against the specification. */
export interface SparkplugHost {
  readonly heard: readonly Received[]
  /** The messages from the `from`-th on, once `holds` is true of them. */
  next(from: number, holds: (messages: readonly Received[]) => boolean): Promise<readonly Received[]>
  command(node: string, metrics: { name: string; type: 'Boolean'; value: boolean }[]): Promise<unknown>
  raw(node: string, payload: string): Promise<unknown>
}

/** Fails the test at the first message that breaks a rule; a host that is there before the node hears it whole. */
export async function startHost(t: Test, url: string, group: string, login?: Login): Promise<SparkplugHost> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 50, ...login })
  t.teardown(() => client.endAsync(true))
  const heard: Received[] = []
  const waiting = new Set<() => void>()
  const rules = createRules()
  client.on('message', (topic, payload, { qos, retain }) => {
    const [namespace, , type = '', , device = ''] = topic.split('/')
    if (type === 'NCMD') return
    const message = { type, device, ...decode(payload), qos, retain: retain ?? false }
    for (const broken of [namespace === 'spBv1.0' ? [] : [`namespace ${namespace}`], rules(message)].flat())
      t.fail(`${topic}: ${broken}`)
    heard.push(message)
    for (const look of waiting) look()
  })
  await client.subscribeAsync(`spBv1.0/${group}/#`, { qos: 1 })
  const topicOf = (node: string): string => `spBv1.0/${group}/NCMD/${node}`
  return {
    heard,
    next: (from, holds) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          const found = heard.slice(from).map(({ type, device }) => `${type} ${device}`)
          reject(new Error(`not so within 15 s: ${holds}\nheard ${found.length}: ${found.slice(-20).join(', ')}`))
        }, 15_000)
        const look = (): void => {
          const messages = heard.slice(from)
          if (!holds(messages)) return
          waiting.delete(look)
          clearTimeout(late)
          resolve(messages)
        }
        waiting.add(look)
        look()
      }),
    command: (node, metrics) =>
      client.publishAsync(topicOf(node), Buffer.from(payloads.encodePayload({ timestamp: Date.now(), metrics }))),
    raw: (node, payload) => client.publishAsync(topicOf(node), payload),
  }
}

function decode(payload: Buffer): Pick<Received, 'seq' | 'timestamp' | 'values' | 'types'> {
  const { seq, timestamp, metrics } = payloads.decodePayload(payload)
  const named = metrics ?? []
  if (named.some((metric) => metric.timestamp === undefined)) throw new Error('a metric without a timestamp')
  const plain = (value: unknown): unknown => (typeof value === 'object' && value !== null ? Number(value) : value)
  return {
    seq: seq === undefined || seq === null ? undefined : Number(seq),
    timestamp: Number(timestamp),
    values: Object.fromEntries(named.map(({ name, value }) => [name, plain(value)])),
    types: Object.fromEntries(named.map(({ name, type }) => [name, type])),
  }
}

/** What Sparkplug 3.0 demands of the order and the form of one node's messages; each call returns what one breaks. */
function createRules(): (message: Received) => string[] {
  let born: { bdSeq: number } | undefined
  let seq = 0
  const devices = new Map<string, Readonly<Record<string, string>>>()
  let nodeTypes: Readonly<Record<string, string>> = {}

  return ({ type, device, seq: numbered, timestamp, values, types, qos, retain }) => {
    const broken: string[] = []
    const demand = (holds: boolean, rule: string): void => {
      if (!holds) broken.push(rule)
    }
    demand(!retain, 'retain must be false')
    demand(Math.abs(timestamp - Date.now()) < 60_000, `timestamp must be UTC milliseconds, got ${timestamp}`)
    if (type === 'NDEATH') {
      demand(numbered === undefined, 'NDEATH must not include a seq')
      demand(Object.keys(values).join() === 'bdSeq' && types.bdSeq === 'Int64', 'NDEATH holds bdSeq alone')
      // A death of an older session than the present one is to be ignored.
      if (born && values.bdSeq === born.bdSeq) {
        born = undefined
        devices.clear()
      }
      return broken
    }
    demand(qos === 0, 'qos must be 0')
    if (type === 'NBIRTH') {
      demand(numbered === 0, `NBIRTH must have seq 0, got ${numbered}`)
      demand(types.bdSeq === 'Int64', 'bdSeq must be an Int64')
      demand(types['Node Control/Rebirth'] === 'Boolean' && values['Node Control/Rebirth'] === false, 'Rebirth: false')
      born = { bdSeq: Number(values.bdSeq) }
      seq = 0
      devices.clear()
      nodeTypes = types
      return broken
    }
    demand(born !== undefined, `${type} before NBIRTH`)
    demand(numbered === (seq + 1) % 256, `seq must be ${(seq + 1) % 256}, got ${numbered}`)
    seq = numbered ?? 0
    const known = devices.get(device)
    const within = (all: Readonly<Record<string, string>> = {}): boolean =>
      Object.entries(types).every(([name, kind]) => all[name] === kind)
    if (type === 'DBIRTH') {
      demand(known === undefined, 'DBIRTH of a device that lives')
      devices.set(device, types)
    } else if (type === 'DDATA') demand(known !== undefined && within(known), 'DDATA of what its DBIRTH did not name')
    else if (type === 'DDEATH') demand(devices.delete(device), 'DDEATH of a device that was not born')
    else if (type === 'NDATA') demand(within(nodeTypes), 'NDATA of what the NBIRTH did not name')
    else broken.push(`unknown type ${type}`)
    return broken
  }
}
