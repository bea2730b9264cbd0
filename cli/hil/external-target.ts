import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../schemas/config.ts'
import type { Target } from './target.ts'

/** A unit of which nothing is known but what it says at the broker; its recording may lie on this machine. */
export function createExternalTarget({ target, log }: Config): Target {
  return {
    name: target,
    start: async () => {},
    facts: async () => undefined,
    journal: async () => [],
    log: log === null ? undefined : async () => filesOf(log),
    stop: async () => {},
  }
}

/** The file itself, or the files of a directory in the order of their names; throws the system's error. */
export function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ name }) => join(path, name))
    .sort()
}
