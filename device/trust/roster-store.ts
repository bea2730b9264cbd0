import { readFileSync, renameSync } from 'node:fs'
import { channels } from '../../schemas/topics.ts'
import type { RosterMessage } from '../../schemas/trust.ts'
import type { Bus } from '../bus/bus.ts'
import { writeAtomically } from '../checkpoint.ts'
import { type OpenedRoster, openRoster, type Roster } from './roster.ts'

export interface RosterStoreOptions {
  readonly fleet: string
  /** The fleet root's Ed25519 key, 32 raw bytes in base64. */
  readonly rootKey: string
  /** Where the newest roster is kept; undefined: nowhere. */
  readonly path: string | undefined
  /** Files to start from if the kept one is older or missing. */
  readonly initial: readonly string[]
  /** Told what is wrong with a roster or its file. */
  readonly onTrouble: (text: string) => void
}

/** The newest roster of a fleet, across restarts. */
export interface RosterStore {
  /** Undefined until the first one is known: then nobody is a member. */
  readonly current: Roster | undefined
  /** Takes a roster that is signed by the root and newer; it is on disk before it counts. Never throws. */
  take(value: unknown): OpenedRoster
  /** Takes the roster of a file, if it is a newer one. */
  takeFile(path: string): void
  /** Called after each new roster. */
  onTaken(handler: (roster: Roster) => void): void
}

/** Opens the store: the newest of the kept roster and the initial ones. Throws where `rootKey` is no key. */
export function createRosterStore(options: RosterStoreOptions): RosterStore {
  const { fleet, rootKey, path, onTrouble } = options
  const handlers: ((roster: Roster) => void)[] = []
  let current: Roster | undefined

  const readKept = (kept: string): void => {
    const found = readRoster(kept)
    if (found === undefined) return
    const opened = openRoster(found.value, rootKey, fleet)
    if (opened.ok) {
      current = opened.roster
      return
    }
    try {
      // Never overwritten: what a disk has damaged may still tell a person something.
      renameSync(kept, `${kept}.damaged`)
      onTrouble(`${kept} is kept as ${kept}.damaged: ${opened.detail}`)
    } catch (error) {
      onTrouble(`${kept} cannot be read: ${(error as Error).message}`)
    }
  }

  const take = (value: unknown): OpenedRoster => {
    // The retained roster comes again at each connection.
    if (current && (value as Partial<RosterMessage> | null)?.signature === current.message.signature)
      return { ok: false, reason: 'replayed', detail: 'this is the present roster' }
    const opened = openRoster(value, rootKey, fleet, current?.number)
    if (!opened.ok) {
      onTrouble(`a roster was refused: ${opened.reason}: ${opened.detail}`)
      return opened
    }
    if (path !== undefined) keep(path, opened.roster.message)
    current = opened.roster
    for (const handler of handlers) handler(opened.roster)
    return opened
  }

  const keep = (kept: string, message: RosterMessage): void => {
    try {
      writeAtomically(kept, `${JSON.stringify(message)}\n`)
    } catch (error) {
      // A full disk must not keep a revoked device in; after a restart the broker's retained roster comes again.
      onTrouble(`the roster is in force but was not kept: ${(error as Error).message}`)
    }
  }

  const takeFile = (file: string): void => {
    const found = readRoster(file)
    if (found === undefined) return
    const opened = openRoster(found.value, rootKey, fleet)
    if (!opened.ok) onTrouble(`${file} was refused: ${opened.detail}`)
    else if (opened.roster.number > (current?.number ?? 0)) take(found.value)
  }

  if (path !== undefined) readKept(path)
  for (const file of options.initial) takeFile(file)
  return {
    get current() {
      return current
    },
    take,
    takeFile,
    onTaken: (handler) => void handlers.push(handler),
  }
}

/** Keeps a store at the roster that the fleet's root publishes. */
export function followRoster(bus: Bus, fleet: string, store: RosterStore): void {
  bus.subscribe(channels.roster, { fleet }, (message) => void store.take(message))
}

/** The JSON in a file: undefined where there is no file, a value that is no roster where it cannot be read as one. */
function readRoster(path: string): { readonly value: unknown } | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { value: null }
  }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { value: null }
  }
}
