import type { LogMessage } from '../schemas/log.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Stateful } from './device-state.ts'

export interface Log extends Stateful<{ readonly sentAt: number }> {
  (level: LogMessage['level'], event: string, text: string): void
}

/** Least milliseconds between two lines: a flood of trouble is not answered by a flood of lines. */
const everyMs = 500

/** A device's log on its topic: at most two lines a second, each cut to what one message holds. */
export function createLog(send: (message: LogMessage) => void, now: () => number): Log {
  let sentAt = Number.NEGATIVE_INFINITY
  const log = (level: LogMessage['level'], event: string, text: string): void => {
    if (now() - sentAt < everyMs) return
    sentAt = now()
    send({ version: formatVersion, level, event, text: text.slice(0, 300) })
  }
  const restore = (state: { readonly sentAt: number }): void => {
    sentAt = state.sentAt
  }
  return Object.assign(log, { state: () => ({ sentAt }), restore })
}
