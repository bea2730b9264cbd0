import type { Config } from '../../schemas/config.ts'
import type { CommandOptions } from '../orders.ts'
import type { Operator } from '../trust/command.ts'
import { placed, type Reread, rereadOf } from './places.ts'
import type { Question, Tap } from './tap.ts'

/** What operators may do, and what became of keeping an order, are facts of the log as well. */
export function tappedCommands(commands: CommandOptions, present: Config, tap: Tap): CommandOptions {
  const { keep, reload, requestUpdate } = commands
  return {
    ...commands,
    operators: (id) => told<Operator | null>(tap, 'operator', id, () => commands.operators(id) ?? null) ?? undefined,
    ...(keep && { keep: (orders) => tried(tap, 'keep', () => keep(orders)) }),
    ...(requestUpdate && { requestUpdate: (message) => tried(tap, 'update', () => requestUpdate(message)) }),
    ...(reload && {
      reload() {
        let read: ReturnType<typeof reload> | undefined
        const found = told<Reread | { readonly error: string }>(tap, 'reload', '', () => {
          try {
            read = reload()
            return rereadOf(read.config, present)
          } catch (error) {
            return { error: (error as Error).message }
          }
        })
        if ('error' in found) throw new Error(found.error)
        return { config: placed(found, present), take: () => read?.take() }
      },
    }),
  }
}

/** An answer that is more than a word, as JSON. */
export function told<T>(tap: Tap, what: Question, of: string, ask: () => T): T {
  return JSON.parse(tap.asked(what, of, () => JSON.stringify(ask()))) as T
}

/** Work of which the device learns only whether it threw. */
export function tried(tap: Tap, what: Question, work: () => void): void {
  const error = tap.asked(what, '', () => {
    try {
      work()
      return null
    } catch (error) {
      return (error as Error).message
    }
  })
  if (error !== null) throw new Error(error)
}
