import { readFileSync } from 'node:fs'
import { writeAtomically } from '../device/checkpoint.ts'
import { ExitError } from '../schemas/exit.ts'
import { formatVersion } from '../schemas/validator.ts'

/**
 * The next counter of an operator, durable before it is returned: one more than the last one in `path`, and at least the
 * milliseconds since 1970. So it rises also where the file is lost or the key is used on another machine, as long as clocks
 * do not run back; with the file it rises even then. ExitError 2 where the file cannot be written, 4 where it is damaged.
 */
export function nextCounter(path: string, wallMs: number): number {
  const counter = Math.max(lastCounter(path) + 1, Math.floor(wallMs))
  if (!Number.isSafeInteger(counter))
    throw new ExitError('damaged', `${path}: counter must be below 2^53, got ${counter}`)
  try {
    writeAtomically(path, `${JSON.stringify({ version: formatVersion, counter })}\n`, 0o600)
  } catch (error) {
    throw new ExitError('usage', `the counter must be kept beside the key: ${(error as Error).message}`)
  }
  return counter
}

function lastCounter(path: string): number {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return -1
    throw new ExitError('usage', (error as Error).message)
  }
  try {
    const { version, counter } = JSON.parse(text) as { version?: unknown; counter?: unknown }
    if (version === formatVersion && Number.isSafeInteger(counter) && Number(counter) >= 0) return Number(counter)
  } catch {
    // Said below.
  }
  throw new ExitError(
    'damaged',
    `${path} must hold {"version":1,"counter":N}; without it counters go on from the time of day`,
  )
}
