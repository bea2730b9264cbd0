import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { publicKeyOf } from '../../device/identity.ts'
import { ExitError } from '../../schemas/exit.ts'
import { type EnrolmentAnswer, enrolmentProof, validateEnrolmentRequest } from '../../schemas/provision.ts'
import { formatVersion } from '../../schemas/validator.ts'
import { type FleetDirectory, type FleetKeys, locked } from './fleet-directory.ts'
import { changeFleet } from './members.ts'
import { hasSmallOrder } from './small-order.ts'
import { findToken, sha256 } from './tokens.ts'
import { type CertificateMaker, newTlsKey } from './x509.ts'

export interface EnrolmentServerOptions {
  readonly directory: FleetDirectory
  readonly keys: FleetKeys
  readonly maker: CertificateMaker
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Names and addresses under which units reach the server. */
  readonly names: readonly string[]
  readonly validDays: number
  readonly now: () => Date
  /** Told of each unit that was enrolled or refused. */
  readonly print: (line: string) => void
  /** Called after each new member. */
  readonly onEnrolled: (id: string) => void
}

export interface EnrolmentServer {
  readonly port: number
  close(): Promise<void>
}

/** The path of the one request that the server knows. */
export const enrolmentPath = '/v1/enrol'

/** Largest request, bytes. */
const maxBytes = 16_384

/**
 * Serves enrolment over HTTPS under a certificate of the fleet's authority that lives as long as the process. Rejects where
 * it cannot listen.
 */
export async function serveEnrolment(options: EnrolmentServerOptions): Promise<EnrolmentServer> {
  const { directory, keys, maker, now, print } = options
  const key = newTlsKey()
  const subject = { id: 'enrolment', role: 'broker', fleet: directory.registry().fleet, hosts: options.names }
  const end = new Date(now().getTime() + 366 * 86_400_000)
  const { certificate } = await maker.issue(subject, createPublicKey(key), keys.authority, end)
  const server = createServer({
    ...{ cert: certificate, key: String(key.export({ type: 'pkcs8', format: 'pem' })), minVersion: 'TLSv1.3' },
    ...{ handshakeTimeout: 5_000, headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 8_192 },
  })
  server.maxConnections = 64
  // One after the other: each changes the same list.
  let turn = Promise.resolve()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const answer = (status: number, content: object): void => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(content))
    }
    if (request.method !== 'POST' || request.url !== enrolmentPath) return answer(404, { error: 'not-found' })
    readBody(request).then(
      (body) => {
        turn = turn.then(async () => {
          try {
            const { id, content } = await enrol(body, options)
            answer(200, content)
            print(`${id} was enrolled from ${request.socket.remoteAddress}`)
          } catch (error) {
            const refused = error instanceof Refused
            const text = refused
              ? error.message
              : error instanceof ExitError
                ? `busy: ${error.message}`
                : 'internal-error'
            print(
              `an enrolment from ${request.socket.remoteAddress} was refused: ${refused ? text : (error as Error).message}`,
            )
            answer(refused ? 403 : 503, { error: text })
          }
        })
      },
      () => answer(413, { error: `a request must be at most ${maxBytes} bytes` }),
    )
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Checks a request and certifies the unit; a unit whose answer was lost gets the same one again. Throws Refused. */
async function enrol(
  body: string,
  { directory, keys, maker, validDays, now, onEnrolled }: EnrolmentServerOptions,
): Promise<{ readonly id: string; readonly content: EnrolmentAnswer }> {
  const asked = parse(body)
  const { fleet } = directory.registry()
  const request = await maker.openRequest(asked.request).catch((error: Error) => {
    throw new Refused(`request: ${error.message}`)
  })
  if (request.id !== asked.id) throw new Refused(`request: CN must be ${asked.id}, got ${request.id}`)
  if (hasSmallOrder(asked.key)) throw new Refused('key: must not be of small order, for which anybody can sign')
  const proof = Buffer.from(enrolmentProof({ fleet, id: asked.id, request: asked.request }))
  if (!verify(null, proof, publicKeyOf(asked.id, asked.key), Buffer.from(asked.proof, 'base64')))
    throw new Refused('proof: must be a signature of the signing key over the request')
  const tlsKey = request.key.export({ type: 'spki', format: 'der' }).toString('base64')
  const identity = { id: asked.id, token: asked.token, keys: sha256(`${tlsKey} ${asked.key}`) }
  const answer = (certificate: string): EnrolmentAnswer => ({
    ...{ version: formatVersion, certificate, ca: directory.authority, roster: directory.roster() },
  })
  return locked(directory, async () => {
    const change = changeFleet(directory, keys, maker, now())
    const token = findToken(change.registry, identity, now())
    if (typeof token === 'string') throw new Refused(token)
    const member = change.registry.members.find(({ id }) => id === asked.id)
    if (member?.revoked) throw new Refused(`${asked.id} was revoked`)
    if (token.usedBy !== null)
      return { id: asked.id, content: answer(readFileSync(directory.file('members', asked.id, 'tls.pem'), 'utf8')) }
    if (member) throw new Refused(`${asked.id} is a member already`)
    const { certificate } = await change.certify({ id: asked.id, role: 'device', validDays }, request.key, asked.key)
    change.registry.tokens.splice(change.registry.tokens.indexOf(token), 1, { ...token, usedBy: identity.keys })
    await change.commit()
    onEnrolled(asked.id)
    return { id: asked.id, content: answer(certificate) }
  })
}

class Refused extends Error {}

function parse(body: string) {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new Refused('the request must be JSON')
  }
  const validated = validateEnrolmentRequest(value)
  if (!validated.ok) throw new Refused(validated.detail)
  return validated.value
}

/** The body of a request; rejects for one that is too large or breaks off. */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new Error('too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
