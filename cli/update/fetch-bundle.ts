import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  fsyncSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { dirname, isAbsolute } from 'node:path'
import { rootCertificates } from 'node:tls'
import { Refusal } from './refusal.ts'
import type { AskedBundle } from './request.ts'

export interface FetchOptions {
  readonly asked: AskedBundle
  /** `host` or `host:port` from which bundles may come. */
  readonly hosts: readonly string[]
  /** A certificate (PEM) that servers may be certified by, beside the authorities that Node knows. */
  readonly ca: string
  /** File that gets the bundle, of this user alone. */
  readonly into: string
  /** Longest bundle, bytes. */
  readonly limit: number
  /** Longest silence of a server, ms. */
  readonly silenceMs?: number
}

/** Left free for what the unit itself writes, bytes. */
const reserve = 64 * 1_048_576

/**
 * Brings a bundle to a file of one's own and compares its SHA-256 with the signed one. Redirects are not followed: only the
 * host that is configured counts. Throws Refusal, and leaves no file behind then.
 */
export async function fetchBundle({ asked, hosts, ca, into, limit, silenceMs = 60_000 }: FetchOptions): Promise<void> {
  const { bavail, bsize } = statfsSync(dirname(into))
  const room = Math.min(limit, bavail * bsize - reserve)
  const hash = createHash('sha256')
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  rmSync(into, { force: true })
  const file = openSync(into, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  let bytes = 0
  try {
    for await (const chunk of source(asked.bundle, { hosts, ca, silenceMs, limit: room })) {
      bytes += chunk.length
      if (!(bytes <= room)) throw tooLarge(room, bytes)
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at)
      hash.update(chunk)
    }
    fsyncSync(file)
    const found = hash.digest('hex')
    if (found !== asked.sha256)
      throw new Refusal(
        'wrong-hash',
        `the bundle must have the SHA-256 ${asked.sha256.slice(0, 16)}…, got ${found.slice(0, 16)}…`,
      )
  } catch (error) {
    rmSync(into, { force: true })
    throw error instanceof Refusal ? error : new Refusal('not-there', `${asked.bundle}: ${(error as Error).message}`)
  } finally {
    closeSync(file)
  }
}

interface SourceOptions {
  readonly hosts: readonly string[]
  readonly ca: string
  readonly silenceMs: number
  readonly limit: number
}

function source(bundle: string, options: SourceOptions): AsyncIterable<Buffer> {
  if (isAbsolute(bundle)) return local(bundle, options.limit)
  const url = URL.canParse(bundle) ? new URL(bundle) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new Refusal('wrong-host', `the bundle must be https://HOST/… or an absolute path, got ${bundle}`)
  if (!options.hosts.includes(url.host))
    throw new Refusal('wrong-host', `the host must be one of ${options.hosts.join(', ') || '(none)'}, got ${url.host}`)
  return remote(url, options)
}

function local(path: string, limit: number): AsyncIterable<Buffer> {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const found = fstatSync(file)
  if (!found.isFile() || found.size > limit) {
    closeSync(file)
    throw found.isFile() ? tooLarge(limit, found.size) : new Refusal('not-there', `${path} must be a file`)
  }
  return createReadStream('', { fd: file, highWaterMark: 262_144 })
}

async function* remote(url: URL, { ca, silenceMs, limit }: SourceOptions): AsyncGenerator<Buffer> {
  const asking = request(url, {
    ca: [...rootCertificates, ca],
    minVersion: 'TLSv1.2',
    timeout: silenceMs,
    agent: false,
  })
  asking.once('timeout', () => asking.destroy(new Error(`silent for ${silenceMs} ms`)))
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asking.once('response', resolve).on('error', reject).end()
  })
  try {
    if (answer.statusCode !== 200)
      throw new Refusal('not-there', `${url} must be answered with 200, got ${answer.statusCode}`)
    const told = Number(answer.headers['content-length'] ?? 0)
    if (told > limit) throw tooLarge(limit, told)
    yield* answer as AsyncIterable<Buffer>
  } finally {
    answer.destroy()
  }
}

function tooLarge(limit: number, found: number): Refusal {
  return new Refusal('too-large', `the bundle must have at most ${Math.max(0, limit)} bytes, got ${found}`)
}
