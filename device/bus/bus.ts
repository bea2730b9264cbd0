import type { Reason } from '../../schemas/reason.ts'
import type { Address, Channel } from '../../schemas/topics.ts'

/**
 * Typed publish and subscribe. Over MQTT messages are encoded, size-checked and validated; in process the same typed
 * objects are handed over. Parameters travel as the encoded container on both.
 */
export interface Bus {
  readonly connected: boolean
  /** Number of the present connection, from 1. */
  readonly connections: number
  /** Sends a message. Never throws for want of a connection: what must arrive is repeated by its protocol or queued by its channel. */
  publish<K extends string, M>(channel: Channel<K, M>, address: Address<K>, message: M): void
  /** Empties a retained topic. */
  clear<K extends string, M>(channel: Channel<K, M>, address: Address<K>): void
  /**
   * Calls `handler` for each message on matching topics; address parameters left out match anything. `onCleared` is told
   * when a retained topic is emptied.
   */
  subscribe<K extends string, M>(
    channel: Channel<K, M>,
    address: Partial<Address<K>>,
    handler: (message: M, address: Address<K>) => void,
    onCleared?: (address: Address<K>) => void,
  ): void
  /** Called after every (re)connection, once all subscriptions are in place; at once if there already is one. */
  onConnected(handler: () => void): void
  /** Called for each message that was dropped before it reached a handler. */
  onRefused(handler: (refusal: Refusal) => void): void
  /** Sends what is queued and disconnects. */
  close(): Promise<void>
}

/** A message from outside that did not pass: where it came from and why. */
export interface Refusal {
  readonly channel: string
  readonly address: Readonly<Record<string, string>>
  readonly reason: Reason
  readonly detail: string
}
