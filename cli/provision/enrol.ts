import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join, resolve } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { rawPublicKey } from '../../device/identity.ts'
import { openRoster } from '../../device/trust/roster.ts'
import { createRosterStore } from '../../device/trust/roster-store.ts'
import { ExitError } from '../../schemas/exit.ts'
import {
  type EnrolmentAnswer,
  type EnrolmentRequest,
  enrolmentProof,
  type Provision,
  validateEnrolmentAnswer,
} from '../../schemas/provision.ts'
import { formatVersion } from '../../schemas/validator.ts'
import { enrolmentFolder } from './apply.ts'
import { enrolmentPath } from './enrol-server.ts'
import { type CertificateMaker, newTlsKey } from './x509.ts'

export interface EnrolOptions {
  readonly stateDir: string
  readonly waitMs: number
  readonly onTrouble: (text: string) => void
}

/**
 * Has this unit certified: keys are made here and kept before anything is sent, so that after a cut the same unit asks again
 * with the same keys. Does nothing where a certificate is there already. ExitError 3 where the server is not reached, 4
 * where it refuses or answers something else than this fleet's.
 */
export async function enrol(
  unit: Provision,
  maker: CertificateMaker,
  options: EnrolOptions,
): Promise<'enrolled' | 'known'> {
  const { enrolment, id, fleet } = unit
  const folder = enrolmentFolder(unit, options.stateDir)
  const certificateFile = join(folder, 'tls.pem')
  if (existsSync(certificateFile)) return 'known'
  if (!enrolment) throw new ExitError('damaged', `the unit file of ${id} must hold an enrolment, got none`)
  const tlsKey = keyOf(join(folder, 'tls.key.pem'), newTlsKey)
  const signing = keyOf(join(folder, 'signing.key.pem'), () => generateKeyPairSync('ed25519').privateKey)
  const request = await maker.request(id, tlsKey)
  const proof = sign(null, Buffer.from(enrolmentProof({ fleet, id, request })), signing).toString('base64')
  const asked = {
    version: formatVersion,
    id,
    token: enrolment.token,
    request,
    key: rawPublicKey(signing),
    proof,
  } as const
  const answer = await post(enrolment.url, unit.ca, asked, options.waitMs)
  const certificate = new X509Certificate(answer.certificate)
  const ours =
    certificate.checkPrivateKey(tlsKey) &&
    certificate.verify(createPublicKey(unit.ca)) &&
    certificate.subject.split('\n').includes(`CN=${id}`)
  if (!ours)
    throw new ExitError('damaged', `the certificate must be of ${id} and this fleet, got ${certificate.subject}`)
  const opened = openRoster(answer.roster, unit.rootKey, fleet)
  if (!opened.ok) throw new ExitError('damaged', `the roster of the answer: ${opened.detail}`)
  const path = join(resolve(options.stateDir), 'roster.json')
  const store = createRosterStore({
    ...{ fleet, rootKey: unit.rootKey, path, initial: [] },
    onTrouble: options.onTrouble,
  })
  if (opened.roster.number > (store.current?.number ?? 0)) store.take(answer.roster)
  // Last: whoever has it is enrolled.
  writeAtomically(certificateFile, answer.certificate)
  return 'enrolled'
}

/** The key of a file, made and kept where there is none. */
function keyOf(path: string, make: () => KeyObject): KeyObject {
  if (existsSync(path)) return createPrivateKey(readFileSync(path))
  const key = make()
  writeAtomically(path, key.export({ type: 'pkcs8', format: 'pem' }), 0o600)
  return key
}

/** Largest answer, bytes: a certificate and a roster. */
const maxBytes = 2_097_152

function post(url: string, ca: string, asked: EnrolmentRequest, waitMs: number): Promise<EnrolmentAnswer> {
  return new Promise((resolve, reject) => {
    const unreachable = (error: Error): void => reject(new ExitError('unreachable', `${url}: ${error.message}`))
    const target = new URL(enrolmentPath, url)
    const headers = { 'content-type': 'application/json' }
    const sent = httpsRequest(
      target,
      { method: 'POST', ca, minVersion: 'TLSv1.3', headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          chunks.push(chunk)
          if (size > maxBytes) sent.destroy(new Error(`the answer must be at most ${maxBytes} bytes`))
        })
        response.on('error', unreachable)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          if (response.statusCode === 503) return unreachable(new Error(text.slice(0, 300)))
          if (response.statusCode !== 200)
            return reject(new ExitError('damaged', `${url} refused the enrolment: ${text.slice(0, 300)}`))
          try {
            const validated = validateEnrolmentAnswer(JSON.parse(text))
            if (!validated.ok) throw new Error(validated.detail)
            resolve(validated.value)
          } catch (error) {
            reject(new ExitError('damaged', `${url} must answer as an enrolment server: ${(error as Error).message}`))
          }
        })
      },
    )
    sent.setTimeout(waitMs, () => sent.destroy(new Error(`no answer within ${waitMs} ms`)))
    sent.on('error', unreachable)
    sent.end(JSON.stringify(asked))
  })
}
