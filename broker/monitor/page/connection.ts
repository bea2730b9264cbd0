import { MqttClient } from 'mqtt'
import { createInbox, type Inbox } from '../../../device/bus/inbox.ts'
import { type Address, type Channel, topicOf } from '../../../schemas/topics.ts'
import { backOff } from './model/back-off.ts'
import { openWebSocket } from './web-socket-stream.ts'

/** How things stand with the broker. Times are ms, monotonic. */
export interface ConnectionState {
  readonly phase: 'connecting' | 'connected' | 'lost'
  /** Since when. */
  readonly sinceMs: number
  /** When it is tried again, while it is lost. */
  readonly retryAtMs?: number
  /** Who is signed in; undefined: a watcher without a name. */
  readonly user: string | undefined
  /** What the broker said against it, or what went wrong. */
  readonly trouble: string | undefined
  /** Filters that the broker did not grant. */
  readonly denied: readonly string[]
}

export interface Connection {
  readonly state: ConnectionState
  readonly inbox: Inbox
  /** Told of every change of the state. */
  onChange: (state: ConnectionState) => void
  /** Connects anew under a name; where the broker refuses it, goes on without one. */
  signIn(username: string, password: string): void
  signOut(): void
  /** Sends a message now; false where there is no connection. */
  publish<K extends string, M>(channel: Channel<K, M>, address: Address<K>, message: M): boolean
}

/** Short, so that a line that died silently is noticed; a worker keeps it also where the page is hidden and its timers rest. */
const keepaliveS = 10
const connectTimeoutMs = 5_000

/**
 * A connection that is opened again and again, with a fresh client each time, as `device/bus/mqtt-bus.ts` does. Everything is
 * asked for with QoS 0: what counts is the newest, and acknowledging each message would double the traffic.
 */
export function connect(url: string, onRetained: () => void): Connection {
  const inbox = createInbox((what, work) => {
    try {
      work()
    } catch (error) {
      console.error(what, error)
    }
  })
  let client: MqttClient | undefined
  let credentials: { readonly username: string; readonly password: string } | undefined
  let failures = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  // Monitors and operators choose their client ids; two pages of one browser must not take each other's connection over.
  const clientId = `page-${[...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`

  const connection: Connection & { state: ConnectionState } = {
    inbox,
    state: { phase: 'connecting', sinceMs: performance.now(), user: undefined, trouble: undefined, denied: [] },
    onChange: () => {},
    signIn(username, password) {
      credentials = { username, password }
      reopen()
    },
    signOut() {
      credentials = undefined
      reopen()
    },
    publish(channel, address, message) {
      if (!client?.connected) return false
      client.publish(topicOf(channel, address), JSON.stringify(message), { qos: channel.qos, retain: channel.retain })
      return true
    },
  }
  const change = (part: Partial<ConnectionState>): void => {
    const { phase } = connection.state
    const sinceMs = part.phase && part.phase !== phase ? performance.now() : connection.state.sinceMs
    const { retryAtMs: _, ...before } = connection.state
    connection.state = { ...before, ...part, sinceMs }
    connection.onChange(connection.state)
  }

  const reopen = (): void => {
    const before = client
    client = undefined
    before?.end(true)
    failures = 0
    open()
  }

  const open = (): void => {
    clearTimeout(retry)
    const user = credentials?.username
    // What is lost stays lost until it is found again: a flicker between the two would say nothing.
    change(connection.state.phase === 'lost' ? { user } : { phase: 'connecting', user })
    const next = new MqttClient(() => openWebSocket(url), {
      ...{ protocolVersion: 4, clean: true, reconnectPeriod: 0, resubscribe: false, queueQoSZero: false },
      ...{ connectTimeout: connectTimeoutMs, keepalive: keepaliveS, timerVariant: 'worker', clientId, ...credentials },
    })
    client = next
    let trouble: string | undefined
    next.on('connect', () => {
      next.subscribe(inbox.filters(), { qos: 0 }, (error, granted) => {
        if (client !== next) return
        if (error && !granted?.length) return void next.end(true)
        failures = 0
        const denied = (granted ?? []).filter(({ qos }) => qos === 128).map(({ topic }) => topic)
        change({ phase: 'connected', trouble: undefined, denied })
        onRetained()
      })
    })
    next.on('message', (topic, payload, { retain }) => inbox.receive(topic, payload, retain))
    next.on('error', (error) => {
      const { code } = error as { code?: number }
      trouble = code === badCredentials || code === notAuthorised ? refusedText(credentials?.username) : error.message
      if (trouble !== error.message) credentials = undefined
    })
    next.on('close', () => {
      if (client !== next) return
      client = undefined
      next.end(true)
      const wait = backOff(failures++, Math.random)
      change({ phase: 'lost', retryAtMs: performance.now() + wait, trouble: trouble ?? connection.state.trouble })
      retry = setTimeout(open, wait)
    })
  }

  const hurry = (): void => {
    if (!client && document.visibilityState === 'visible') reopen()
  }
  addEventListener('online', hurry)
  document.addEventListener('visibilitychange', hurry)
  setTimeout(open)
  return connection
}

/** MQTT 3.1.1, table 3.1. */
const badCredentials = 4
const notAuthorised = 5

function refusedText(username: string | undefined): string {
  return username === undefined
    ? 'The broker wants a user name and a password.'
    : `The broker does not know ${username} with this password.`
}
