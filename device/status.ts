import type { Status } from '../schemas/status.ts'
import { formatVersion } from '../schemas/validator.ts'

/** Notes that a status carries. */
export const maxNotes = 8

/** Longest note, characters. */
const noteLength = 200

/** What a device says of itself on each connection and after each mix. */
export function onlineStatus(
  told: Required<Pick<Status, 'boot' | 'connection' | 'software' | 'engine' | 'policyHash' | 'updates' | 'clock'>> &
    Pick<Status, 'run' | 'paused' | 'gateMode' | 'lastGood' | 'rollbacks' | 'update'>,
  notes: readonly string[],
): Status {
  return {
    version: formatVersion,
    state: 'online',
    ...told,
    notes: notes.slice(-maxNotes).map((note) => note.slice(0, noteLength)),
  }
}

/** The will of connection number `connection` of start number `boot`. */
export function offlineStatus(
  boot: number,
  connection: number,
): { version: 1; state: 'offline'; boot: number; connection: number } {
  return { version: formatVersion, state: 'offline', boot, connection }
}
