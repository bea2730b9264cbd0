import type { Bus } from '../../device/bus/bus.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'

export interface FindOptions {
  readonly bus: Bus
  readonly fleet: string
  readonly vehicle: string
  readonly broker: string
  /** Null: without end. */
  readonly timeoutMs: number | null
  /** How a unit is started, for people. */
  readonly hint: string
  readonly print: (line: string) => void
  readonly stopped: Promise<void>
}

/** What a unit says of itself at the broker. */
export interface Presence {
  /** Told of every further status. */
  follow(handler: (status: Status) => void): void
  /** Its status once it is online; ExitError 3 where it is not in time, 130 where the command is stopped. */
  online(): Promise<Status>
  /** Resolves when the unit has gone, at the latest after some time. */
  gone(timeoutMs: number): Promise<void>
}

const sayEveryMs = 10_000

/** Looks for a unit by its retained status. */
export function findUnit(options: FindOptions): Presence {
  const { bus, fleet, vehicle, broker, timeoutMs, hint, print } = options
  let last: Status | undefined
  const handlers: ((status: Status) => void)[] = []
  bus.subscribe(channels.status, { fleet }, (status, from) => {
    if (from.vehicle !== vehicle) return
    last = status
    for (const handler of handlers) handler(status)
  })
  const until = (state: Status['state']): Promise<Status> =>
    new Promise((resolve) => {
      if (last?.state === state) resolve(last)
      else handlers.push((status) => status.state === state && resolve(status))
    })

  return {
    follow: (handler) => void handlers.push(handler),
    async online() {
      const began = performance.now()
      const timers: NodeJS.Timeout[] = []
      const late = new Promise<never>((_, reject) => {
        if (timeoutMs === null) return
        const refuse = (): void => reject(new ExitError('unreachable', `${absent(options, last, timeoutMs)}\n${hint}`))
        timers.push(setTimeout(refuse, timeoutMs))
      })
      const stopped = options.stopped.then(() => {
        throw new ExitError('interrupted', `interrupted while ${vehicle} was waited for`)
      })
      stopped.catch(() => {})
      if (timeoutMs === null) {
        print(`waiting for ${vehicle} of fleet ${fleet} at ${broker}\n${hint}`)
        const say = (): void =>
          print(`still waiting for ${vehicle} (${((performance.now() - began) / 1_000).toFixed(0)} s)`)
        timers.push(setInterval(say, sayEveryMs))
      }
      try {
        return await Promise.race([until('online'), late, stopped])
      } finally {
        for (const timer of timers) clearTimeout(timer)
      }
    },
    async gone(ms) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms)
      })
      await Promise.race([until('offline'), late])
      clearTimeout(timer)
    },
  }
}

function absent({ vehicle, fleet, broker }: FindOptions, last: Status | undefined, timeoutMs: number): string {
  const found = last ? `it ${last.state} (boot ${last.boot}, connection ${last.connection})` : 'no status of it'
  return `${vehicle} of fleet ${fleet} must be online at ${broker}, got ${found} within ${timeoutMs} ms`
}
