import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { MqttClient } from 'mqtt'
import { ExitError } from '../../schemas/exit.ts'
import type { Reason } from '../../schemas/reason.ts'
import { type Address, addressOf, type Channel, filterMatches, filterOf, topicOf } from '../../schemas/topics.ts'
import type { Bus, Refusal } from './bus.ts'
import { createOutbox, type Outgoing } from './outbox.ts'

export interface MqttBusOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string
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

interface Subscription {
  readonly channel: Channel<string, unknown>
  readonly filter: string
  readonly handler: (message: unknown, address: Address<string>) => void
}

/**
 * The bus over MQTT 3.1.1. Each connection is a fresh client without a session: MQTT.js' own store loses publishes made
 * while it replays, so repetition is ours: channels with a queue are re-sent until acknowledged, the lock-step repeats
 * by `seq`, parameters are published anew on every connection.
 */
export function createMqttBus(options: MqttBusOptions): MqttBus {
  const { maxBackoffMs = 60_000, keepaliveS = 60, jitter = Math.random, onTrouble = () => {} } = options
  const subscriptions: Subscription[] = []
  const routes = new Map<string, Subscription[]>()
  const connectedHandlers: (() => void)[] = []
  const refusedHandlers: ((refusal: Refusal) => void)[] = []
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

  const url = parseUrl(options.url)
  const open = (): void => {
    const will = options.will?.(connections + 1)
    const next = new MqttClient(() => stream(url), {
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
    next.on('message', (topic, payload) => receive(topic, payload))
    next.on('error', (error) => {
      // One line an outage: the first error that keeps it from being connected.
      if (!troubled) onTrouble(`${options.url}: ${error.message || String(error)}; trying again`)
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
      const filters = [...new Set(subscriptions.map((s) => s.filter))].filter((filter) => !asked.has(filter))
      if (filters.length === 0) return
      for (const filter of filters) asked.add(filter)
      const granted = await next.subscribeAsync(filters, { qos: 1 })
      const refused = granted.filter((grant) => grant.qos === 128).map((grant) => grant.topic)
      if (refused.length > 0) throw new Error(`the broker refused ${refused.join(', ')}`)
    }
  }

  const receive = (topic: string, payload: Buffer): void => {
    for (const { channel, handler } of routeOf(topic)) {
      const address = addressOf(channel, topic)
      if (!address || payload.length === 0) continue
      const refuse = (reason: Reason, detail: string): void => {
        for (const told of refusedHandlers) told({ channel: channel.name, address, reason, detail })
      }
      if (payload.length > channel.maxBytes) {
        refuse('over-size', `${channel.name} must be at most ${channel.maxBytes} bytes, got ${payload.length}`)
        continue
      }
      if (!channel.validate) {
        guarded(channel.name, () => handler(payload, address))
        continue
      }
      let value: unknown
      try {
        value = JSON.parse(payload.toString('utf8'))
      } catch {
        refuse('malformed', `${channel.name} must be JSON`)
        continue
      }
      const validated = channel.validate(value)
      if (validated.ok) guarded(channel.name, () => handler(validated.value, address))
      else refuse(validated.reason, `${channel.name}: ${validated.detail}`)
    }
  }

  const routeOf = (topic: string): Subscription[] => {
    let route = routes.get(topic)
    if (!route) {
      if (routes.size >= 4096) routes.clear()
      route = subscriptions.filter((s) => addressOf(s.channel, topic) && filterMatches(s.filter, topic))
      routes.set(topic, route)
    }
    return route
  }

  const guarded = (what: string, work: () => void): void => {
    try {
      work()
    } catch (error) {
      onTrouble(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }

  const send = (message: Outgoing): void => {
    if (!client || !online) return
    const { channel, topic, payload } = message
    client.publish(topic, payload, { qos: channel.qos, retain: channel.retain }, (error) => {
      if (!error) outbox.acknowledge(message)
    })
  }

  setImmediate(() => !closed && open())

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
    subscribe(channel, address, handler) {
      const filter = filterOf(channel, address)
      subscriptions.push({ channel, filter, handler } as unknown as Subscription)
      routes.clear()
      if (online) client?.subscribe(filter, { qos: 1 })
    },
    onConnected(handler) {
      connectedHandlers.push(handler)
      if (online) guarded('a connection handler', handler)
    },
    onRefused(handler) {
      refusedHandlers.push(handler)
    },
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

/** Throws ExitError 2 for what is not `mqtt://host:port` or `mqtts://host:port`. */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '')
    throw new ExitError('usage', `broker must be mqtt://host:port or mqtts://host:port, got ${text}`)
  if (url.username !== '' || url.password !== '')
    throw new ExitError('usage', 'broker must not hold user or password; give --username and --password-file')
  return url
}

/** A socket without Nagle's delay: lock-step sends one small message at a time. */
function stream(url: URL) {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'mqtts:') return connectTls({ host, port: Number(url.port || 8883), servername: host })
  return connectTcp({ host, port: Number(url.port || 1883), noDelay: true })
}
