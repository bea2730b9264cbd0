import { readFileSync, statSync } from 'node:fs'
import { required } from '../device/process.ts'
import type { Config } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import type { TlsMaterial } from './tls-listeners.ts'

/** The files that the configuration names for TLS; ExitError 2 where one is missing. */
export function readMaterial(config: Config): TlsMaterial {
  return {
    cert: read(required(config, 'certFile')),
    key: read(required(config, 'keyFile')),
    ca: read(required(config, 'caFile')),
    ...(config.crlFile !== null && { crl: read(config.crlFile) }),
  }
}

/** Tells, each time it is called, whether one of the files was written since the last time. */
export function changesOf(paths: readonly (string | null)[]): () => boolean {
  const stamp = (): string =>
    paths
      .map((path) => {
        const found = path === null ? undefined : statSync(path, { throwIfNoEntry: false })
        return found ? `${found.mtimeMs}/${found.size}/${found.ino}` : ''
      })
      .join(' ')
  let last = stamp()
  return () => {
    const now = stamp()
    const changed = now !== last
    last = now
    return changed
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}
