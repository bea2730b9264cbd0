/**
 * Everything the broker says no to, counted by reason. A reason ends the connection unless it is marked "message only".
 */
const reasons = [
  // guard: before a packet reaches the MQTT parser
  'not-connect', // the first packet is not CONNECT [MQTT-3.1.0-1]
  'connect-too-large',
  'packet-too-large',
  'packet-type', // a type that only a server sends, or a reserved one
  'length-malformed', // remaining length of more than four bytes
  'fragmented', // one packet in thousands of tiny pieces
  'message-rate',
  'byte-rate',
  'connections-per-address',
  'connections',
  // TLS and WebSocket: before MQTT
  'tls', // no certificate, one that is not of the authority, expired or revoked
  'certificate', // of another fleet, or of no client's role
  'host', // a Host header that names another server
  'origin', // a web page of elsewhere
  'websocket', // no subprotocol mqtt
  // admission: CONNECT
  'connect-timeout',
  'protocol-version',
  'client-id',
  'client-id-in-use',
  'credentials',
  'banned', // sent more than its share for long, a moment ago
  'revoked', // put out by the roster, before or during the connection
  'will-forbidden',
  // access: PUBLISH and SUBSCRIBE
  'topic-malformed', // U+0000 or ill-formed UTF-8 [MQTT-1.5.3-1, MQTT-1.5.3-2]
  'topic-invalid', // message only: a level that is no id, more than 7 levels, $SYS
  'topic-unknown', // message only: no row of the table
  'topic-forbidden', // message only: a row of the table, but not for this client
  'filter-too-wide', // message only: a wildcard that reaches past one row of the table
  'retain-forbidden', // message only
  'retained-limit', // message only
  'payload-too-large', // message only
  'roster', // message only: a roster that the fleet's root has not signed, or an older one
  'subscription-limit', // message only
  'shed', // message only: beyond the share of a device
  'share', // beyond it for long
  // delivery
  'not-drained', // message only: latest-wins message skipped for a receiver that is behind
  'queue-limit',
  'drain-timeout',
  // other
  'keepalive-timeout',
  'protocol-error',
  'internal-error',
] as const

export type Reason = (typeof reasons)[number]

/** One refusal, for the log; the caller limits how much of it is written. */
export interface Refusal {
  readonly reason: Reason
  readonly address?: string
  readonly clientId?: string
  readonly topic?: string
  readonly detail?: string
}

export type Counters = Readonly<Record<Reason, number>>

/** Counts refusals by reason and hands each one to `onRefused`. */
export class Refusals {
  readonly counters: Record<Reason, number>
  readonly #onRefused: (refusal: Refusal) => void

  constructor(onRefused: (refusal: Refusal) => void = () => {}) {
    this.counters = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>
    this.#onRefused = onRefused
  }

  count(refusal: Refusal): void {
    this.counters[refusal.reason]++
    this.#onRefused(refusal)
  }
}
