import { readFileSync, statSync } from 'node:fs'
import { type UpdateResult, validateUpdateResult } from '../schemas/update.ts'

/** What became of the last update, as the file of whoever installs says it. */
export interface UpdateWatch {
  /** Undefined where there is no such file, or it says something else. */
  last(): UpdateResult | undefined
  /** Whether the file is another one than when this was last asked; at first it is not. */
  changed(): boolean
}

export function watchUpdates(path: string): UpdateWatch {
  const version = (): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  let seen = version()
  return {
    last() {
      try {
        const read = validateUpdateResult(JSON.parse(readFileSync(path, 'utf8')))
        return read.ok ? read.value : undefined
      } catch {
        return undefined
      }
    },
    changed() {
      const found = version()
      const isChanged = found !== seen
      seen = found
      return isChanged
    },
  }
}
