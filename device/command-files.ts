import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Operators, type Orders, validateOperators, validateOrders } from '../schemas/command.ts'
import type { Config } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { formatVersion } from '../schemas/validator.ts'
import { writeAtomically } from './checkpoint.ts'
import type { CommandOptions } from './orders.ts'
import type { Operator } from './trust/command.ts'
import type { RosterStore } from './trust/roster-store.ts'

/** Where operators come from other than a file of their own: the fleet's roster. */
export interface OperatorSource {
  readonly operators: (id: string) => Operator | undefined
  /** Reads again what has no way to arrive by itself; throws where that cannot be read. */
  readonly reload?: () => void
}

/**
 * Commands with their files, for a process: operators from the roster, or else from `operatorsFile`; `orders.json` and
 * `update-request.json` in the state directory. Undefined where there is neither: then nobody is obeyed. `reread` reads the
 * configuration anew. ExitError 2 or 4 where the operators cannot be read.
 */
export function commandFiles(
  config: Config,
  stateDir: string,
  reread: () => Config,
  roster?: OperatorSource,
): CommandOptions | undefined {
  if (config.operatorsFile === null && !roster) return undefined
  let operators = operatorsOf(config)
  const ordersFile = join(stateDir, 'orders.json')
  const { orders, note } = readOrders(ordersFile)
  return {
    operators: roster ? roster.operators : (id) => operators.get(id),
    ordered: orders,
    notes: note === undefined ? [] : [note],
    keep: (next) => writeAtomically(ordersFile, JSON.stringify(next), 0o600),
    reload() {
      const next = reread()
      const found = operatorsOf(next)
      roster?.reload?.()
      return {
        config: next,
        take() {
          operators = found
        },
      }
    },
    // The message as it came: whoever installs checks the signature again, and the bundle's own.
    requestUpdate: (message) =>
      writeAtomically(join(stateDir, 'update-request.json'), `${JSON.stringify(message)}\n`, 0o600),
  }
}

/** The operators of the present roster; undefined where there is no roster to be. */
export function rosterOperators(store: RosterStore | undefined, file: string | null): OperatorSource | undefined {
  if (!store) return undefined
  return {
    operators(id) {
      const roster = store.current
      if (roster?.isRevoked(id)) return { key: '', commands: [], revoked: true }
      return roster?.operator(id)
    },
    reload() {
      if (file !== null) store.takeFile(file)
    },
  }
}

function operatorsOf({ operatorsFile }: Config): ReadonlyMap<string, Operator> {
  return operatorsFile === null ? new Map() : readOperators(operatorsFile)
}

/** The operators file by id. ExitError 2 where it cannot be read, 4 where it is damaged. */
function readOperators(path: string): ReadonlyMap<string, Operator> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', `operators file must be readable: ${(error as Error).message}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ExitError('damaged', `${path} must be JSON: ${(error as Error).message}`)
  }
  const validated = validateOperators(value)
  if (!validated.ok) throw new ExitError('damaged', `${path}: ${validated.detail}`)
  const { operators }: Operators = validated.value
  return new Map(Object.entries(operators))
}

/** What was ordered before the restart. Where the file is damaged nobody knows whether the unit was paused: it is. */
function readOrders(path: string): { readonly orders: Orders; readonly note: string | undefined } {
  const nothing: Orders = { version: formatVersion, paused: false, gateMode: null }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { orders: nothing, note: undefined }
    return {
      orders: { ...nothing, paused: true },
      note: `paused, since orders cannot be read: ${(error as Error).message}`,
    }
  }
  const validated = validateOrders(parsed(text))
  if (validated.ok) return { orders: validated.value, note: undefined }
  return { orders: { ...nothing, paused: true }, note: `paused, since ${path} is damaged: ${validated.detail}` }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
