import type { AedesOptions } from 'aedes'
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
import type { Connection, Connections } from './connections.ts'
import type { Rates } from './guard.ts'
import type { Reason, Refusals } from './refusals.ts'
import { RetainedQuota } from './retained.ts'
import type { Shares } from './shares.ts'

export interface PolicyOptions extends AdmissionRules {
  /** Rates of the bridge and the aggregator, which speak for the whole fleet. */
  readonly serverRates: Rates
  /** What devices may publish. */
  readonly shares: Shares
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
  readonly #connections: Connections
  readonly #retained: RetainedQuota
  #parsedName = ''
  #parsed: Topic | Denial = 'topic-invalid'

  constructor(options: PolicyOptions, connections: Connections, refusals: Refusals) {
    this.#options = options
    this.#connections = connections
    this.#refusals = refusals
    this.#retained = new RetainedQuota(options.maxRetained)
  }

  /** Counts what ends a connection, once per connection. */
  end(connection: Connection, reason: Reason, detail?: string): void {
    if (connection.refused) return
    connection.refused = true
    this.#count(connection, reason, undefined, detail)
  }

  readonly preConnect: Hooks['preConnect'] = (client, packet, callback) => {
    const connection = this.#connections.of(client)
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
    const connection = this.#connections.of(client)
    const request = connection?.request
    if (!connection || !request) return callback(refusedConnect('credentials'), false)
    delete connection.request
    const { loopback, certified } = connection
    const heldBy = this.#connections.live(client.id)?.username
    const asked = admit(this.#options, { ...request, username, password, loopback, certified, heldBy })
    const known = typeof asked !== 'string'
    const admission = known ? (this.#closedTo(asked.principal, certified?.serial) ?? asked) : asked
    connection.clientId = client.id
    if (typeof admission === 'string') {
      this.end(connection, admission)
      return callback(refusedConnect(admission), false)
    }
    connection.principal = admission.principal
    connection.username = admission.username
    this.#connections.admit(client.id, connection)
    const { role } = admission.principal
    const { serverRates, now } = this.#options
    if (role === 'bridge' || role === 'aggregator') connection.framing.setRates(serverRates, now())
    callback(null, true)
  }

  /** Why somebody whose identity holds is not let in all the same. */
  #closedTo({ id, role }: Principal, serial: string | undefined): 'revoked' | 'banned' | undefined {
    const { isRevoked, shares, now } = this.#options
    if (isRevoked(id, serial)) return 'revoked'
    return role === 'device' && shares.isBanned(id, now()) ? 'banned' : undefined
  }

  /** Publishes and wills; a will may come without its client, and is then refused. */
  readonly authorizePublish: Hooks['authorizePublish'] = (client, packet, callback) => {
    const connection = client ? this.#connections.of(client) : undefined
    const { topic, retain } = packet
    const reason = this.#publishRefusal(connection, packet.qos, topic, retain ?? false, packet.payload ?? '')
    if (!reason) return callback(null)
    if (connection && reason === 'share') {
      this.end(connection, reason)
      connection.stream.destroy()
      return callback(new Error(reason))
    }
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
    const connection = this.#connections.of(client)
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
    const connection = this.#connections.of(client)
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
    qos: number,
    name: string,
    retain: boolean,
    payload: Buffer | string,
  ): Reason | undefined {
    const size = Buffer.byteLength(payload)
    const topic = this.#parse(name)
    const principal = connection?.principal
    // First of all: what is refused costs time too.
    if (principal?.role === 'device' && (typeof topic === 'string' || !topic.rule.paced)) {
      const { shares, now } = this.#options
      const share = shares.take(principal.id, size, qos, now())
      if (share !== 'pass') return share === 'end' ? 'share' : 'shed'
    }
    if (typeof topic === 'string') return topic
    if (!connection || !principal) return 'topic-forbidden'
    const denial = publishDenial(principal, topic, retain)
    if (denial) return denial
    if (size > this.#options.payloadLimit(name)) return 'payload-too-large'
    if (topic.rule.isRoster && !this.#options.onRoster(payload)) return 'roster'
    if (retain && !this.#retained.set(name, connection.username ?? '', size > 0)) return 'retained-limit'
    if (topic.rule.asks) this.#options.shares.asked(topic.levels[topic.rule.vehicle] ?? '', this.#options.now())
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
  const returnCode = reason === 'credentials' ? 4 : reason.startsWith('client-id') ? 2 : 5
  return Object.assign(new Error(reason), { returnCode } as const)
}
