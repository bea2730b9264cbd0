import type { Duplex } from 'node:stream'
import type { AedesOptions, Client } from 'aedes'
import {
  type Denial,
  mayRead,
  type Principal,
  parseTopic,
  publishDenial,
  subscribeDenial,
  type Topic,
} from './access.ts'
import { type AdmissionRules, admit, type ConnectRequest } from './admission.ts'
import type { Certified } from './certificate.ts'
import type { Framing, Rates } from './guard.ts'
import type { Reason, Refusals } from './refusals.ts'
import { RetainedQuota } from './retained.ts'

/** One connection from its first byte to its end; `principal` exists once it is admitted. */
export interface Connection {
  readonly stream: Duplex
  readonly address: string
  readonly loopback: boolean
  readonly certified?: Certified
  readonly framing: Framing
  principal?: Principal
  username?: string
  clientId?: string
  /** CONNECT as received, until it is judged. */
  request?: Omit<ConnectRequest, 'username' | 'password' | 'loopback' | 'certified' | 'heldBy'>
  /** Filters granted. */
  readonly filters: Set<string>
  /** A refusal that ends the connection was counted. */
  refused: boolean
}

export interface PolicyOptions extends AdmissionRules {
  /** Rates of the bridge and the aggregator, which speak for the whole fleet. */
  readonly serverRates: Rates
  readonly isRevoked: (id: string, serial: string | undefined) => boolean
  /** Judges what the root publishes as roster. */
  readonly onRoster: (payload: Buffer | string) => boolean
  /** Largest payload in bytes of a topic that is in the table. */
  readonly payloadLimit: (topic: string) => number
  readonly maxSubscriptions: number
  readonly maxRetained: number
  readonly queuedBytes: number
  readonly now: () => number
}

type Hooks = Required<
  Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>
>

/**
 * The broker's decisions as aedes' hooks. A message that is refused is dropped, counted and acknowledged (3.1.1 has no
 * negative PUBACK and a client would resend it for ever); a refused filter is granted 0x80. Only what the specification
 * calls a protocol violation, and what endangers others, ends the connection.
 */
export class Policy implements Hooks {
  readonly #options: PolicyOptions
  readonly #refusals: Refusals
  readonly #connections = new WeakMap<object, Connection>()
  readonly #live = new Map<string, Connection>()
  readonly #retained: RetainedQuota
  #parsedName = ''
  #parsed: Topic | Denial = 'topic-invalid'

  constructor(options: PolicyOptions, refusals: Refusals) {
    this.#options = options
    this.#refusals = refusals
    this.#retained = new RetainedQuota(options.maxRetained)
  }

  add(connection: Connection): void {
    this.#connections.set(connection.stream, connection)
    connection.stream.once('close', () => {
      const { clientId } = connection
      if (clientId !== undefined && this.#live.get(clientId) === connection) this.#live.delete(clientId)
    })
  }

  /** The connection of an aedes client. */
  of(client: Client): Connection | undefined {
    return this.#connections.get(client.conn)
  }

  /** The live connection of a client id. */
  live(clientId: string): Connection | undefined {
    return this.#live.get(clientId)
  }

  /** Live connections of those that are revoked by now. */
  revoked(): Connection[] {
    return [...this.#live.values()].filter(({ principal, certified }) =>
      principal ? this.#options.isRevoked(principal.id, certified?.serial) : false,
    )
  }

  /** Counts what ends a connection, once per connection. */
  end(connection: Connection, reason: Reason, detail?: string): void {
    if (connection.refused) return
    connection.refused = true
    this.#count(connection, reason, undefined, detail)
  }

  readonly preConnect: Hooks['preConnect'] = (client, packet, callback) => {
    const connection = this.of(client)
    if (connection) {
      const clean = packet.clean ?? false
      connection.request = { clientId: packet.clientId, clean, will: willOf(packet.will) }
    }
    // Every session is clean: for a client that is away aedes would keep a queue without limit, and its QoS 1 does not
    // survive a restart anyway. CONNACK says "no session present", so clients subscribe again.
    packet.clean = true
    callback(null, connection !== undefined)
  }

  readonly authenticate: Hooks['authenticate'] = (client, username, password, callback) => {
    const connection = this.of(client)
    const request = connection?.request
    if (!connection || !request) return callback(refusedConnect('credentials'), false)
    delete connection.request
    const { loopback, certified } = connection
    const heldBy = this.#live.get(client.id)?.username
    const asked = admit(this.#options, { ...request, username, password, loopback, certified, heldBy })
    const known = typeof asked !== 'string'
    const admission = known && this.#options.isRevoked(asked.principal.id, certified?.serial) ? 'revoked' : asked
    connection.clientId = client.id
    if (typeof admission === 'string') {
      this.end(connection, admission)
      return callback(refusedConnect(admission), false)
    }
    connection.principal = admission.principal
    connection.username = admission.username
    this.#live.set(client.id, connection)
    const { role } = admission.principal
    const { serverRates, now } = this.#options
    if (role === 'bridge' || role === 'aggregator') connection.framing.setRates(serverRates, now())
    callback(null, true)
  }

  /** Publishes and wills; a will may come without its client, and is then refused. */
  readonly authorizePublish: Hooks['authorizePublish'] = (client, packet, callback) => {
    const connection = client ? this.of(client) : undefined
    const { topic, retain } = packet
    const reason = this.#publishRefusal(connection, topic, retain ?? false, packet.payload ?? '')
    if (!reason) return callback(null)
    if (connection && reason === 'topic-malformed') this.end(connection, reason)
    else this.#count(connection, reason, topic)
    if (!connection || reason === 'topic-malformed') return callback(new Error(reason))
    // aedes closes the connection on an error, and waits for ever without an answer: the message goes where nobody reads
    packet.topic = '$SYS/refused'
    packet.payload = Buffer.alloc(0)
    packet.retain = false
    callback(null)
  }

  readonly authorizeSubscribe: Hooks['authorizeSubscribe'] = (client, subscription, callback) => {
    const connection = this.of(client)
    const filter = subscription.topic
    const reason = this.#subscribeRefusal(connection, filter)
    if (connection && !reason) {
      connection.filters.add(filter)
      return callback(null, subscription)
    }
    if (connection && reason === 'topic-malformed') {
      this.end(connection, reason)
      return callback(new Error(reason))
    }
    this.#count(connection, reason ?? 'topic-forbidden', filter)
    callback(null, null)
  }

  /**
   * Skips latest-wins messages for a receiver that is behind. It is behind at half its buffer already: a write that
   * fills the buffer makes aedes hold its publisher until the receiver drains, so these messages never cause that.
   */
  readonly authorizeForward: Hooks['authorizeForward'] = (client, packet) => {
    const connection = this.of(client)
    const topic = this.#parse(packet.topic)
    if (!connection?.principal || typeof topic === 'string' || !mayRead(connection.principal, topic)) return null
    const { stream } = connection
    if (topic.rule.latest && (stream.writableNeedDrain || stream.writableLength > stream.writableHighWaterMark / 2)) {
      this.#count(connection, 'not-drained', packet.topic)
      return null
    }
    if (stream.writableLength > this.#options.queuedBytes) {
      this.end(connection, 'queue-limit')
      stream.destroy()
      return null
    }
    return packet
  }

  #publishRefusal(
    connection: Connection | undefined,
    name: string,
    retain: boolean,
    payload: Buffer | string,
  ): Reason | undefined {
    const size = Buffer.byteLength(payload)
    const topic = this.#parse(name)
    if (typeof topic === 'string') return topic
    if (!connection?.principal) return 'topic-forbidden'
    const denial = publishDenial(connection.principal, topic, retain)
    if (denial) return denial
    if (size > this.#options.payloadLimit(name)) return 'payload-too-large'
    if (topic.rule.isRoster && !this.#options.onRoster(payload)) return 'roster'
    if (retain && !this.#retained.set(name, connection.username ?? '', size > 0)) return 'retained-limit'
    return undefined
  }

  #subscribeRefusal(connection: Connection | undefined, filter: string): Reason | undefined {
    if (!connection?.principal) return 'topic-forbidden'
    const { filters, principal } = connection
    const denial = subscribeDenial(principal, filter)
    if (denial) return denial
    return filters.size >= this.#options.maxSubscriptions && !filters.has(filter) ? 'subscription-limit' : undefined
  }

  /** One message is forwarded to many clients in a row: the last name is remembered. */
  #parse(name: string): Topic | Denial {
    if (name !== this.#parsedName) {
      this.#parsed = parseTopic(name)
      this.#parsedName = name
    }
    return this.#parsed
  }

  #count(connection: Connection | undefined, reason: Reason, topic?: string, detail?: string): void {
    this.#refusals.count({
      reason,
      ...(connection && { address: connection.address }),
      ...(connection?.clientId !== undefined && { clientId: connection.clientId }),
      ...(topic !== undefined && { topic }),
      ...(detail !== undefined && { detail }),
    })
  }
}

function willOf(will: { topic: string; retain?: boolean } | undefined): ConnectRequest['will'] {
  return will && { topic: will.topic, retain: will.retain ?? false }
}

/** MQTT 3.1.1, table 3.1: 2 identifier rejected, 4 bad user name or password, 5 not authorized. */
function refusedConnect(reason: string): Error & { returnCode: 2 | 4 | 5 } {
  const returnCode = reason === 'credentials' ? 4 : reason === 'will-forbidden' || reason === 'revoked' ? 5 : 2
  return Object.assign(new Error(reason), { returnCode } as const)
}
