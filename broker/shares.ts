import type { Rates } from './guard.ts'
import { TokenBucket } from './token-bucket.ts'

/**
 * What a device may publish beside its answers to the bridge, which the bridge's questions pace. A share is so much a
 * second, and at least so much a question as if these came ten times a second: in lock-step a fleet lives many seconds in
 * one. Beyond its share messages of QoS 0 are shed; those of QoS 1, which carry evidence, pass up to ten times the share.
 * Who stays beyond for 10 s is disconnected and refused for a minute.
 */
export class Shares {
  readonly #rates: Rates
  readonly #clients = new Map<string, Client>()
  readonly #banned = new Map<string, number>()
  #shed = new Map<string, number>()

  constructor(rates: Rates) {
    this.#rates = rates
  }

  /** Takes one message of a client into account. */
  take(clientId: string, bytes: number, qos: number, nowMs: number): 'pass' | 'shed' | 'end' {
    const client = this.#clientOf(clientId, nowMs)
    const livedMs = nowMs + client.aheadMs
    if (client.share.take(1, bytes, livedMs)) {
      // The bucket must recover, not only drip, before the time beyond it is forgotten.
      if (client.share.recovered(livedMs)) client.beyondSinceMs = undefined
      return 'pass'
    }
    client.beyondSinceMs ??= nowMs
    if (nowMs - client.beyondSinceMs >= beyondMs) {
      this.#clients.delete(clientId)
      this.#banned.set(clientId, nowMs + bannedMs)
      return 'end'
    }
    if (qos > 0 && client.most.take(1, bytes, livedMs)) return 'pass'
    this.#shed.set(clientId, (this.#shed.get(clientId) ?? 0) + 1)
    return 'shed'
  }

  /** The bridge asks a client something: a question that comes early is worth the time it came early. */
  asked(clientId: string, nowMs: number): void {
    const client = this.#clients.get(clientId)
    if (!client) return
    client.aheadMs += Math.max(0, questionMs - (nowMs - client.askedMs))
    client.askedMs = nowMs
  }

  /** Whether a client must still wait before it may connect. */
  isBanned(clientId: string, nowMs: number): boolean {
    const until = this.#banned.get(clientId)
    if (until === undefined) return false
    if (nowMs < until) return true
    this.#banned.delete(clientId)
    return false
  }

  /** Forgets a client that has gone, unless it has something to answer for. */
  leave(clientId: string): void {
    if (this.#clients.get(clientId)?.beyondSinceMs === undefined) this.#clients.delete(clientId)
  }

  /** Messages shed since the last call, by client. */
  takeShed(): ReadonlyMap<string, number> {
    const shed = this.#shed
    this.#shed = new Map()
    return shed
  }

  #clientOf(clientId: string, nowMs: number): Client {
    let client = this.#clients.get(clientId)
    if (!client) {
      client = {
        share: new Share(this.#rates, 1, nowMs),
        most: new Share(this.#rates, 10, nowMs),
        beyondSinceMs: undefined,
        askedMs: nowMs,
        aheadMs: 0,
      }
      this.#clients.set(clientId, client)
    }
    return client
  }
}

interface Client {
  readonly share: Share
  readonly most: Share
  beyondSinceMs: number | undefined
  /** When it was asked last. */
  askedMs: number
  /** How far it is ahead of the clock. */
  aheadMs: number
}

/** Messages and bytes together. */
class Share {
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  readonly #enough: Rates

  constructor({ messagesPerSecond, bytesPerSecond }: Rates, times: number, nowMs: number) {
    this.#enough = { messagesPerSecond: times * messagesPerSecond, bytesPerSecond: times * bytesPerSecond }
    this.#messages = new TokenBucket(this.#enough.messagesPerSecond, burstS, nowMs)
    this.#bytes = new TokenBucket(this.#enough.bytesPerSecond, burstS, nowMs)
  }

  take(messages: number, bytes: number, nowMs: number): boolean {
    if (!this.#messages.has(messages, nowMs) || !this.#bytes.has(bytes, nowMs)) return false
    this.#messages.take(messages, nowMs)
    this.#bytes.take(bytes, nowMs)
    return true
  }

  /** Half of a burst is there again. */
  recovered(nowMs: number): boolean {
    const { messagesPerSecond, bytesPerSecond } = this.#enough
    const worthS = burstS / 2
    return this.#messages.has(worthS * messagesPerSecond, nowMs) && this.#bytes.has(worthS * bytesPerSecond, nowMs)
  }
}

const burstS = 5
const questionMs = 100
const beyondMs = 10_000
const bannedMs = 60_000
