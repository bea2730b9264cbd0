import type { Channel } from '../../schemas/topics.ts'

/** An encoded message on its way. */
export interface Outgoing {
  readonly channel: Channel<string, unknown>
  readonly topic: string
  readonly payload: Buffer
}

/** What was sent and not acknowledged yet, in order, for the channels that have a queue; each within its own bound. */
export interface Outbox {
  add(message: Outgoing): void
  acknowledge(message: Outgoing): void
  /** Everything unacknowledged, oldest first within a channel. */
  messages(): Iterable<Outgoing>
  /** Messages given up because their queue was full. */
  readonly shed: number
}

export function createOutbox(): Outbox {
  const queues = new Map<Channel<string, unknown>, Set<Outgoing>>()
  let shed = 0
  return {
    add(message) {
      const { channel } = message
      if (channel.queue === 0) return
      const queue = queues.get(channel) ?? new Set()
      queues.set(channel, queue)
      const [oldest] = queue
      if (oldest && queue.size >= channel.queue) {
        queue.delete(oldest)
        shed++
      }
      queue.add(message)
    },
    acknowledge(message) {
      queues.get(message.channel)?.delete(message)
    },
    messages: () => [...queues.values()].flatMap((queue) => [...queue]),
    get shed() {
      return shed
    },
  }
}
