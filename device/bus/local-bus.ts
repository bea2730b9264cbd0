import { type Address, addressOf, type Channel, filterMatches, filterOf, topicOf } from '../../schemas/topics.ts'
import type { Bus } from './bus.ts'

/** A broker within one process: endpoints share topics, messages are delivered synchronously in order of subscription. */
export interface LocalBroker {
  connect(): Bus
}

export interface LocalBrokerOptions {
  /** Told of errors thrown by handlers. Without it the first one goes to the publisher, so that an experiment fails at once. */
  readonly onTrouble?: (text: string) => void
}

interface Subscription {
  readonly filter: string
  readonly channel: Channel<string, unknown>
  readonly handler: (message: unknown, address: Address<string>) => void
  readonly onCleared: ((address: Address<string>) => void) | undefined
  readonly owner: object
}

/** Creates an in-process broker; retained messages are replayed to later subscribers as MQTT does. */
export function createLocalBroker({ onTrouble }: LocalBrokerOptions = {}): LocalBroker {
  const subscriptions: Subscription[] = []
  const routes = new Map<string, Subscription[]>()
  const retained = new Map<string, unknown>()

  const matching = (topic: string): Subscription[] => {
    let route = routes.get(topic)
    if (!route) {
      route = subscriptions.filter((s) => filterMatches(s.filter, topic))
      routes.set(topic, route)
    }
    return route
  }

  /** Every handler is served before an error leaves. */
  const deliver = (
    receivers: readonly Pick<Subscription, 'channel' | 'handler'>[],
    message: unknown,
    address: Address<string>,
  ): void => {
    const failed: unknown[] = []
    for (const { channel, handler } of receivers) {
      try {
        handler(message, address)
      } catch (error) {
        if (onTrouble) onTrouble(`${channel.name}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
        else failed.push(error)
      }
    }
    if (failed.length > 0) throw failed[0]
  }

  return {
    connect() {
      const owner = {}
      return {
        connected: true,
        connections: 1,
        publish(channel, address, message) {
          const topic = topicOf(channel, address)
          if (channel.retain) retained.set(topic, message)
          deliver(matching(topic), message, address)
        },
        clear(channel, address) {
          const topic = topicOf(channel, address)
          retained.delete(topic)
          const told = matching(topic).flatMap(({ channel, onCleared }) =>
            onCleared ? [{ channel, handler: (_: unknown, emptied: Address<string>) => onCleared(emptied) }] : [],
          )
          deliver(told, undefined, address)
        },
        subscribe(channel, address, handler, onCleared) {
          const filter = filterOf(channel, address)
          const subscription = { filter, channel, handler, onCleared, owner } as unknown as Subscription
          subscriptions.push(subscription)
          routes.clear()
          for (const [topic, message] of retained)
            if (filterMatches(filter, topic))
              deliver([subscription], message, addressOf(subscription.channel, topic) ?? {})
        },
        onConnected(handler) {
          handler()
        },
        onRefused() {},
        async close() {
          for (let i = subscriptions.length - 1; i >= 0; i--)
            if (subscriptions[i]?.owner === owner) subscriptions.splice(i, 1)
          routes.clear()
        },
      }
    },
  }
}
