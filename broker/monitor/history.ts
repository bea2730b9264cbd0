import { counter, type Figure, gauge } from './figures.ts'

/** A store of lines over a network that may be slow or away. */
export interface Store {
  /** Stores lines. Resolves with why it will never take them, or nothing; rejects where it may take them later. */
  write(lines: readonly string[]): Promise<string | undefined>
}

/** What waits to be stored: bounded, in order, one request at a time. Nobody waits for it. */
export interface History {
  add(line: string): void
  /** Sends what waits, unless a request is under way or the store was away a moment ago; call it a few times a second. */
  tick(): void
  readonly figures: readonly Figure[]
  /** Sends what waits, unless the store is away. */
  close(): Promise<void>
}

export interface HistoryOptions {
  readonly store: Store
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Told once when the store goes, and once when it is back. */
  readonly onTrouble: (text: string) => void
  /** Lines that may wait; beyond, the oldest are dropped. */
  readonly capacity?: number
}

export function createHistory({ store, now, onTrouble, capacity = 20_000 }: HistoryOptions): History {
  let waiting: string[] = []
  let underWay = 0
  let sending: Promise<void> | undefined
  let [written, dropped, failures, nextAtMs] = [0, 0, 0, 0]

  const shorten = (): void => {
    const beyond = underWay + waiting.length - capacity
    // Many at once: the head of a long array is costly to take off.
    if (beyond > 0) dropped += waiting.splice(0, Math.max(beyond, Math.ceil(capacity / 20))).length
  }

  const tell = (trouble: string | undefined): void => {
    if (trouble !== undefined && failures++ === 0) onTrouble(`history: ${trouble}`)
    if (trouble === undefined && failures > 0) {
      failures = 0
      onTrouble('history: stored again')
    }
  }

  async function send(): Promise<void> {
    const lines = waiting.slice(0, batchLines)
    waiting = waiting.slice(batchLines)
    underWay = lines.length
    try {
      const refused = await store.write(lines)
      if (refused === undefined) written += lines.length
      else dropped += lines.length
      tell(refused)
    } catch (error) {
      waiting = [...lines, ...waiting]
      tell((error as Error).message)
    }
    underWay = 0
    nextAtMs = failures === 0 ? 0 : now() + Math.min(maxPauseMs, 500 * 2 ** Math.min(failures, 10))
  }

  const start = (): Promise<void> => {
    sending ??= send().finally(() => {
      sending = undefined
    })
    return sending
  }

  return {
    add(line) {
      waiting.push(line)
      shorten()
    },
    tick() {
      if (waiting.length > 0 && now() >= nextAtMs) start()
    },
    figures: [
      counter('trustmix_history_points_written_total', 'Points that the store has taken', () => written),
      counter('trustmix_history_points_dropped_total', 'Points lost: refused, or too many waiting', () => dropped),
      gauge('trustmix_history_points_waiting', 'Points that wait for the store', () => underWay + waiting.length),
    ],
    async close() {
      await sending
      while (waiting.length > 0 && failures === 0) await start()
    },
  }
}

/** Lines of one request at most. */
export const batchLines = 2_000
const maxPauseMs = 30_000
