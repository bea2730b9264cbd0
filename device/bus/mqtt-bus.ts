import type { Duplex } from 'node:stream'
import { MqttClient } from 'mqtt'
import { writeToStream } from 'mqtt-packet'
import { type Address, type Channel, topicOf } from '../../schemas/topics.ts'
import { brokerStreams, type ClientTls, parseBrokerUrl } from './broker-url.ts'
import type { Bus } from './bus.ts'
import { createInbox } from './inbox.ts'
import { createOutbox, type Outgoing } from './outbox.ts'

// Otherwise it keeps a buffer ready for each of 65,536 packet ids and lengths, much of what a small board has for a device.
writeToStream.cacheNumbers = false

export interface MqttBusOptions {
  /** `mqtt://host:port`, `mqtts://host:port` or `wss://host:port`. */
  readonly url: string
  /** For `mqtts` and `wss`. */
  readonly tls?: ClientTls
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  /** Cap of the reconnect back-off (full jitter), ms. */
  readonly maxBackoffMs?: number
  readonly keepaliveS?: number
  /** The will of the n-th connection (n counts from 1). */
  readonly will?: (connection: number) => Will
  /** Draw in [0, 1) for the back-off's jitter; no run depends on it. */
  readonly jitter?: () => number
  /** Told of connection trouble and of errors thrown by handlers. */
  readonly onTrouble?: (text: string) => void
}

export interface Will {
  readonly channel: Channel<string, unknown>
  readonly address: Address<string>
  readonly message: unknown
}

export interface MqttBus extends Bus {
  /** Resolves after the first connection; rejects when closed before. */
  readonly ready: Promise<void>
  /** Queued messages given up because the queue was full. */
  readonly shed: number
}

/**
 * The bus over MQTT 3.1.1. Each connection is a fresh client without a session: MQTT.js' own store loses publishes made
 * while it replays, so repetition is ours: channels with a queue are re-sent until acknowledged, the lock-step repeats
 * by `seq`, parameters are published anew on every connection.
 */
export function createMqttBus(options: MqttBusOptions): MqttBus {
  const { maxBackoffMs = 60_000, keepaliveS = 60, jitter = Math.random, onTrouble = () => {} } = options
  const connectedHandlers: (() => void)[] = []
  const outbox = createOutbox()
  let client: MqttClient | undefined
  let online = false
  let closed = false
  let troubled = false
  let failures = 0
  let connections = 0
  let retry: NodeJS.Timeout | undefined
  let markReady: () => void = () => {}
  let failReady: (error: Error) => void = () => {}
  const ready = new Promise<void>((resolve, reject) => {
    markReady = resolve
    failReady = reject
  })
  ready.catch(() => {})

  const guarded = (what: string, work: () => void): void => {
    try {
      work()
    } catch (error) {
      onTrouble(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }

  const inbox = createInbox(guarded)
  const url = parseBrokerUrl(options.url)
  let openStream: () => Duplex
  const open = (): void => {
    const will = options.will?.(connections + 1)
    const next = new MqttClient(openStream, {
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      connectTimeout: 5_000,
      keepalive: keepaliveS,
      clientId: options.clientId,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
      ...(will && {
        will: {
          topic: topicOf(will.channel, will.address),
          payload: Buffer.from(JSON.stringify(will.message)),
          qos: will.channel.qos,
          retain: will.channel.retain,
        },
      }),
    })
    client = next
    next.on('connect', () => {
      connections++
      subscribeAll(next).then(
        () => {
          if (closed || client !== next) return
          online = true
          failures = 0
          if (troubled) onTrouble(`${options.url}: connected again`)
          troubled = false
          markReady()
          for (const message of outbox.messages()) send(message)
          for (const handler of connectedHandlers) guarded('a connection handler', handler)
        },
        (error: Error) => {
          onTrouble(`subscription failed: ${error.message}`)
          next.end(true)
        },
      )
    })
    next.on('message', (topic, payload, { retain }) => inbox.receive(topic, payload, retain))
    next.on('error', (error) => {
      // One line an outage: the first error that keeps it from being connected.
      if (!troubled && !closed) onTrouble(`${options.url}: ${error.message || String(error)}; trying again`)
      troubled = true
    })
    next.on('close', () => {
      if (client !== next) return
      online = false
      client = undefined
      next.end(true)
      if (closed) return
      const ceiling = Math.min(maxBackoffMs, 250 * 2 ** Math.min(failures++, 20))
      retry = setTimeout(open, jitter() * ceiling)
    })
  }

  /** Subscribes to everything, also to what is added while the broker answers. */
  const subscribeAll = async (next: MqttClient): Promise<void> => {
    const asked = new Set<string>()
    for (;;) {
      const filters = inbox.filters().filter((filter) => !asked.has(filter))
      if (filters.length === 0) return
      for (const filter of filters) asked.add(filter)
      const granted = await next.subscribeAsync(filters, { qos: 1 })
      const refused = granted.filter((grant) => grant.qos === 128).map((grant) => grant.topic)
      if (refused.length > 0) throw new Error(`the broker refused ${refused.join(', ')}`)
    }
  }

  const send = (message: Outgoing): void => {
    if (!client || !online) return
    const { channel, topic, payload } = message
    client.publish(topic, payload, { qos: channel.qos, retain: channel.retain }, (error) => {
      if (!error) outbox.acknowledge(message)
    })
  }

  brokerStreams(url, options.tls).then(
    (streams) => {
      openStream = streams
      setImmediate(() => !closed && open())
    },
    (error: Error) => failReady(error),
  )

  return {
    ready,
    get connected() {
      return online
    },
    get connections() {
      return connections
    },
    get shed() {
      return outbox.shed
    },
    publish(channel, address, message) {
      const payload = channel.validate
        ? Buffer.from(JSON.stringify(message))
        : Buffer.from(
            (message as Uint8Array).buffer,
            (message as Uint8Array).byteOffset,
            (message as Uint8Array).length,
          )
      const outgoing = { channel: channel as unknown as Outgoing['channel'], topic: topicOf(channel, address), payload }
      outbox.add(outgoing)
      send(outgoing)
    },
    clear(channel, address) {
      client?.publish(topicOf(channel, address), '', { qos: channel.qos, retain: true })
    },
    subscribe(channel, address, handler, onCleared) {
      const filter = inbox.add(channel, address, handler, onCleared)
      if (online) client?.subscribe(filter, { qos: 1 })
    },
    onConnected(handler) {
      connectedHandlers.push(handler)
      if (online) guarded('a connection handler', handler)
    },
    onRefused: inbox.onRefused,
    async close() {
      closed = true
      clearTimeout(retry)
      failReady(new Error(`closed before a connection to ${options.url}`))
      const ending = client
      if (!ending) return
      // A broker that is connected but silent must not hold the process: what is not acknowledged by then is lost.
      const late = new Promise<void>((resolve) => setTimeout(resolve, closeWithinMs).unref())
      await Promise.race([ending.endAsync(!online), late])
      // A second `end` would do nothing; an open socket would keep the process.
      ending.stream.destroy()
    },
  }
}

/** How long a close waits for acknowledgements. */
const closeWithinMs = 2_000
