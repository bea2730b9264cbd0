import type { Duplex } from 'node:stream'
import { MqttClient } from 'mqtt'
import type { get } from 'sparkplug-payload'
import { ExitError } from '../../schemas/exit.ts'
import { membersOf } from '../fleet.ts'
import { counter, type Figure, gauge } from './figures.ts'
import { nodeMetrics, type Told, vehicleMetrics } from './sparkplug-metrics.ts'
import type { Watch } from './watch.ts'

export interface SparkplugOptions {
  readonly watch: Watch
  readonly payloads: Payloads
  readonly group: string
  /** The broker as messages name it. */
  readonly broker: string
  /** Opens a stream to it. */
  readonly open: () => Duplex
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  readonly onTrouble: (text: string) => void
}

type Payloads = NonNullable<ReturnType<typeof get>>

/** What encodes and decodes payloads. ExitError 3 where the library is not installed. */
export async function loadPayloads(): Promise<Payloads> {
  try {
    // CommonJS: a bundle has it under `default` alone.
    const payloads = (await import('sparkplug-payload')).default.get('spBv1.0')
    if (!payloads) throw new Error('it does not know spBv1.0')
    return payloads
  } catch (error) {
    throw new ExitError('unreachable', `sparkplug needs sparkplug-payload: ${(error as Error).message}`)
  }
}

/** The fleet as an edge node of Sparkplug 3.0 and its vehicles as devices. It reads what it is told, `Rebirth` alone is obeyed. */
export interface Sparkplug {
  /** Tells what has changed; call it a few times a second. */
  tick(): void
  /** Rejects with ExitError 2 where the broker does not let Sparkplug in. */
  readonly failed: Promise<never>
  readonly figures: readonly Figure[]
  close(): Promise<void>
}

/** Clauses are those of the Sparkplug 3.0 specification (`tck-id-…`). */
export function openSparkplug(options: SparkplugOptions): Sparkplug {
  const { watch, group, broker, now, wallClock, onTrouble } = options
  const { encodePayload, decodePayload } = options.payloads
  const node = watch.state.fleet
  const topicOf = (type: string, ...device: string[]): string => ['spBv1.0', group, type, node, ...device].join('/')

  /** Counts connections, so that a late death of an older one is told apart [payloads-ndeath-bdseq]. */
  let bdSeq = 0
  /** The present CONNECT has been sent. */
  let reached = false
  let seq = 0
  let online = false
  let everOnline = false
  let rebirthAsked = false
  let troubled = false
  let toldAtMs = Number.NEGATIVE_INFINITY
  let messages = 0
  let toldNode: readonly Told[] = []
  const devices = new Map<string, { readonly session: string; told: readonly Told[] }>()
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})

  const encode = (metrics: readonly Told[], numbered: boolean): Buffer => {
    const timestamp = wallClock()
    const withTime = metrics.map((metric) => ({ ...metric, timestamp }))
    return Buffer.from(encodePayload({ timestamp, metrics: withTime, ...(numbered && { seq }) }))
  }
  const death = () => encode([{ name: 'bdSeq', type: 'Int64', value: bdSeq }], false)
  const willOf = () => ({ topic: topicOf('NDEATH'), payload: death(), qos: 1, retain: false }) as const

  const open = (): Duplex =>
    options.open().once('connect', () => {
      reached = true
    })
  const client = new MqttClient(open, {
    ...{ protocolVersion: 4, clean: true, keepalive: 60, connectTimeout: 5_000, clientId: options.clientId },
    ...{ reconnectPeriod: 1_000, reconnectOnConnackError: true, resubscribe: false, queueQoSZero: false },
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: Buffer.from(options.password) }),
    will: willOf(),
  })

  const publish = (type: string, device: readonly string[], metrics: readonly Told[]): void => {
    // [payloads-sequence-num-zero-nbirth], [payloads-sequence-num-incrementing]
    seq = type === 'NBIRTH' ? 0 : (seq + 1) % 256
    client.publish(topicOf(type, ...device), encode(metrics, true), { qos: 0 })
    messages++
  }

  const birth = (): void => {
    rebirthAsked = false
    devices.clear()
    toldNode = nodeMetrics(watch)
    publish(
      'NBIRTH',
      [],
      [
        { name: 'bdSeq', type: 'Int64', value: bdSeq },
        { name: 'Node Control/Rebirth', type: 'Boolean', value: false },
        ...toldNode,
      ],
    )
    tellDevices(false)
  }

  /** Births and deaths as they come, changes where it is time for them. */
  const tellDevices = (changes: boolean): void => {
    for (const vehicle of membersOf(watch.state)) {
      const { id, status } = vehicle
      // A vehicle that nothing is heard of any more is gone for who looks at it through us.
      const session = watch.connected && status?.state === 'online' ? `${status.boot}.${status.connection}` : undefined
      const known = devices.get(id)
      if (known && known.session !== session) {
        devices.delete(id)
        publish('DDEATH', [id], [])
      }
      const device = devices.get(id)
      if (session === undefined || (device && !changes)) continue
      const told = vehicleMetrics(vehicle, watch.alarms)
      if (!device) {
        devices.set(id, { session, told })
        publish('DBIRTH', [id], told)
      } else {
        const changed = changedOf(device.told, told)
        device.told = told
        if (changed.length > 0) publish('DDATA', [id], changed)
      }
    }
  }

  client.on('connect', () => {
    const connection = bdSeq
    // [message-flow-edge-node-ncmd-subscribe]: before the birth.
    client.subscribe(topicOf('NCMD'), { qos: 1 }, (error, _granted, answer) => {
      if (connection !== bdSeq || !client.connected) return
      if (error && answer) return refused(error)
      if (troubled) onTrouble(`Sparkplug: ${broker}: connected again`)
      troubled = false
      online = true
      everOnline = true
      birth()
    })
  })
  client.on('close', () => {
    online = false
  })
  client.on('packetreceive', () => {
    reached = true
  })
  client.on('reconnect', () => {
    // [message-flow-edge-node-birth-publish-will-message-payload-bdSeq]: one more for each CONNECT that was sent.
    if (reached) bdSeq = (bdSeq + 1) % 256
    reached = false
    client.options.will = willOf()
  })
  client.on('error', (error: Error & { code?: number | string }) => {
    // Return codes of CONNACK: 4 bad user name or password, 5 not authorized.
    if (error.code === 4 || error.code === 5) refused(error)
    else trouble(error)
  })
  client.on('message', (_topic, payload) => {
    // Served at the next tick: no data is sent before, and many requests are one.
    rebirthAsked ||= asksForRebirth(payload, decodePayload)
  })

  function trouble(error: Error): void {
    if (!troubled) onTrouble(`Sparkplug: ${broker}: ${error.message || String(error)}; trying again`)
    troubled = true
  }

  /** Who was never let in is configured wrongly. */
  function refused(error: Error): void {
    client.stream.destroy()
    if (everOnline) {
      trouble(error)
      return
    }
    const text = `${broker} must let the topics spBv1.0/${group}/… pass, got "${error.message}"`
    fail(new ExitError('usage', `${text}; trustmix' own broker lets none but its own: give another --sparkplug-broker`))
  }

  return {
    failed,
    figures: [
      gauge('trustmix_sparkplug_connected', 'Whether the edge node is connected and born', () => Number(online)),
      counter('trustmix_sparkplug_messages_total', 'Births, deaths and data published for Sparkplug', () => messages),
    ],
    tick() {
      if (!online) return
      if (rebirthAsked) return birth()
      const changes = now() - toldAtMs >= dataEveryMs
      if (changes) {
        toldAtMs = now()
        const told = nodeMetrics(watch)
        const changed = changedOf(toldNode, told)
        toldNode = told
        if (changed.length > 0) publish('NDATA', [], changed)
      }
      tellDevices(changes)
    },
    async close() {
      // [payloads-ndeath-will-message-publisher-disconnect-mqtt311]: a broker keeps the will of who says goodbye to itself.
      const said = online ? client.publishAsync(topicOf('NDEATH'), death(), { qos: 1 }) : Promise.resolve()
      const late = new Promise<void>((resolve) => setTimeout(resolve, closeWithinMs).unref())
      await Promise.race([said.then(() => client.endAsync()).catch(() => {}), late])
      client.end(true)
      client.stream.destroy()
    },
  }
}

/** A vehicle tells more at the end of a round; hosts want changes, not a stream. */
const dataEveryMs = 1_000
const closeWithinMs = 2_000

function changedOf(before: readonly Told[], after: readonly Told[]): Told[] {
  return after.filter(({ value }, i) => value !== before[i]?.value)
}

function asksForRebirth(payload: Buffer, decodePayload: Payloads['decodePayload']): boolean {
  try {
    const { metrics } = decodePayload(payload)
    return metrics?.some(({ name, value }) => name === 'Node Control/Rebirth' && value === true) ?? false
  } catch {
    return false
  }
}
