import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { logsOf } from '../../device/recorder/log-files.ts'
import type { HilConfig } from './hil.ts'
import type { Target } from './target.ts'

/** A unit of which nothing is known but what it says at the broker; its recording may lie on this machine. */
export function createExternalTarget({ target, log, vehicle }: HilConfig): Target {
  return {
    name: target,
    start: async () => {},
    facts: async () => undefined,
    journal: async () => [],
    log: log === null ? undefined : () => logFiles(log, vehicle),
    stop: async () => {},
  }
}

/** The file itself, or the logs of a vehicle in a directory, oldest first; rejects with the system's error. */
export async function logFiles(path: string, vehicle: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  return (await logsOf(path, vehicle)).map((name) => join(path, name))
}
