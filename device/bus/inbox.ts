import type { Reason } from '../../schemas/reason.ts'
import { type Address, addressOf, type Channel, filterMatches, filterOf } from '../../schemas/topics.ts'
import type { Refusal } from './bus.ts'

/** What is subscribed to, and the checks that a message passes on its way to those who want it. */
export interface Inbox {
  /** Adds a subscription; returns its topic filter. */
  add<K extends string, M>(
    channel: Channel<K, M>,
    address: Partial<Address<K>>,
    handler: (message: M, address: Address<K>) => void,
    onCleared?: (address: Address<K>) => void,
  ): string
  /** The topic filters of all subscriptions, each once. */
  filters(): string[]
  /**
   * Checks size and schema and hands over; what does not pass is refused, what a handler throws is caught. `retained`: the
   * broker had kept it.
   */
  receive(topic: string, payload: Buffer, retained?: boolean): void
  onRefused(handler: (refusal: Refusal) => void): void
}

interface Subscription {
  readonly channel: Channel<string, unknown>
  readonly filter: string
  readonly handler: (message: unknown, address: Address<string>) => void
  readonly onCleared: ((address: Address<string>) => void) | undefined
}

/** `guarded` does work of a handler and keeps what it throws to itself. */
export function createInbox(guarded: (what: string, work: () => void) => void): Inbox {
  const subscriptions: Subscription[] = []
  const routes = new Map<string, Subscription[]>()
  const refusedHandlers: ((refusal: Refusal) => void)[] = []

  const routeOf = (topic: string): Subscription[] => {
    let route = routes.get(topic)
    if (!route) {
      if (routes.size >= 4096) routes.clear()
      route = subscriptions.filter((s) => addressOf(s.channel, topic) && filterMatches(s.filter, topic))
      routes.set(topic, route)
    }
    return route
  }

  return {
    add(channel, address, handler, onCleared) {
      const filter = filterOf(channel, address)
      subscriptions.push({ channel, filter, handler, onCleared } as unknown as Subscription)
      routes.clear()
      return filter
    },
    filters: () => [...new Set(subscriptions.map(({ filter }) => filter))],
    receive(topic, payload, retained = false) {
      for (const { channel, handler, onCleared } of routeOf(topic)) {
        const address = addressOf(channel, topic)
        if (!address) continue
        if (payload.length === 0) {
          if (onCleared && channel.retain) guarded(channel.name, () => onCleared(address))
          continue
        }
        const refuse = (reason: Reason, detail: string): void => {
          for (const told of refusedHandlers) told({ channel: channel.name, address, reason, detail })
        }
        // Of events and commands only the moment counts; mosquitto has no rule that keeps a sender from retaining one.
        if (retained && !channel.retain) {
          refuse('stale', `${channel.name} must not be retained`)
          continue
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
    },
    onRefused: (handler) => void refusedHandlers.push(handler),
  }
}
