import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type * as X509 from '@peculiar/x509'
import { ExitError } from '../../schemas/exit.ts'

/**
 * Certificates, requests and revocation lists of a fleet: P-256 keys, SHA-256. Node makes keys and reads certificates, but
 * makes none; the library saves writing ASN.1 by hand. It is loaded by `trustmix provision` alone.
 */
export interface CertificateMaker {
  /** A self-signed certificate of the fleet's authority, DER in PEM. */
  authority(fleet: string, key: KeyObject, notAfter: Date): Promise<string>
  /** A certificate for `subject`, signed by the authority. */
  issue(subject: Subject, publicKey: KeyObject, authority: Authority, notAfter: Date): Promise<Issued>
  /** The list of revoked serial numbers. */
  revocations(authority: Authority, serials: readonly string[], notAfter: Date): Promise<string>
  /** A PKCS#10 request of a unit for itself. */
  request(id: string, key: KeyObject): Promise<string>
  /** The key of a request whose signature proves that the sender has it; throws for everything else. */
  openRequest(pem: string): Promise<{ readonly id: string; readonly key: KeyObject }>
}

/** Who a certificate speaks of: CN is the id, OU the role, O the fleet. Only a broker's is for servers, only others' for clients. */
export interface Subject {
  readonly id: string
  readonly role: string
  readonly fleet: string
  /** Names and addresses under which a server is reached. */
  readonly hosts?: readonly string[]
}

export interface Authority {
  readonly key: KeyObject
  readonly certificate: string
}

export interface Issued {
  readonly certificate: string
  /** Lower-case hexadecimal. */
  readonly serial: string
}

/**
 * From when everything is valid: the beginning of Unix time. A unit without a clock starts there, so that with it nothing is
 * ever "not yet valid"; when something was issued is no evidence anyway, since who holds the authority's key writes the date.
 */
export const validFrom = new Date(0)

/** ExitError 3 where the library is not installed. */
export async function loadCertificateMaker(): Promise<CertificateMaker> {
  let x509: typeof X509.default
  try {
    await import('reflect-metadata')
    // CommonJS: a bundle has it under `default` alone.
    x509 = (await import('@peculiar/x509')).default
  } catch (error) {
    throw new ExitError(
      'unreachable',
      `certificates need the optional dependencies @peculiar/x509 and reflect-metadata: ${(error as Error).message}`,
    )
  }
  x509.cryptoProvider.set(webcrypto)
  const { KeyUsageFlags, KeyUsagesExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension } = x509
  const withdrawn = x509.X509CrlReason.privilegeWithdrawn
  const identifiers = async (own: webcrypto.CryptoKey, issuer: webcrypto.CryptoKey) => [
    await x509.SubjectKeyIdentifierExtension.create(own),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
  ]

  return {
    async authority(fleet, key, notAfter) {
      const keys = await pairOf(key)
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        ...{ serialNumber: newSerial(), notBefore: validFrom, notAfter, keys, signingAlgorithm },
        name: nameOf(`${fleet} authority`, 'authority', fleet),
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      })
      return `${certificate.toString('pem')}\n`
    },
    async issue({ id, role, fleet, hosts = [] }, key, authority, notAfter) {
      const issuer = new x509.X509Certificate(authority.certificate)
      const signing = await pairOf(authority.key)
      const publicKey = await publicOf(key)
      const serial = newSerial()
      const usage = hosts.length > 0 ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth
      const certificate = await x509.X509CertificateGenerator.create({
        ...{ serialNumber: serial, notBefore: validFrom, notAfter, publicKey, signingAlgorithm },
        subject: nameOf(id, role, fleet),
        issuer: issuer.subjectName,
        signingKey: signing.privateKey,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([usage], true),
          ...(await identifiers(publicKey, signing.publicKey)),
          ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName))] : []),
        ],
      })
      return { certificate: `${certificate.toString('pem')}\n`, serial }
    },
    async revocations(authority, serials, notAfter) {
      const list = await x509.X509CrlGenerator.create({
        issuer: new x509.X509Certificate(authority.certificate).subjectName,
        // A list that ended would shut the whole fleet out; which one is the newest is said by the roster's number.
        ...{ thisUpdate: validFrom, nextUpdate: notAfter, signingAlgorithm },
        // With a reason: without one the library writes an empty list of extensions, which RFC 5280 does not allow.
        entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: validFrom, reason: withdrawn })),
        signingKey: (await pairOf(authority.key)).privateKey,
      })
      // RFC 7468, section 6; the library's own label is one that openssl does not know.
      const lines =
        Buffer.from(list.rawData)
          .toString('base64')
          .match(/.{1,64}/g) ?? []
      return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`
    },
    async request(id, key) {
      const request = await x509.Pkcs10CertificateRequestGenerator.create({
        ...{ name: [{ CN: [id] }], keys: await pairOf(key), signingAlgorithm },
      })
      return `${request.toString('pem')}\n`
    },
    async openRequest(pem) {
      const request = new x509.Pkcs10CertificateRequest(pem)
      const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
      if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('the key must be on curve P-256')
      if (!(await request.verify())) throw new Error('the request must be signed by its own key')
      return { id: request.subjectName.getField('CN')[0] ?? '', key }
    },
  }
}

/** A new P-256 key for TLS. */
export function newTlsKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
}

const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const
const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const

function nameOf(id: string, role: string, fleet: string): X509.JsonName {
  return [{ O: [fleet] }, { OU: [role] }, { CN: [id] }]
}

function alternativeName(host: string): X509.JsonGeneralName {
  return { type: isIP(host) ? 'ip' : 'dns', value: host }
}

/** 128 bits, of which the first is 0 and the second 1, so that its one DER form has neither padding nor sign. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function pairOf(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, curve, true, ['sign'])
  return { privateKey, publicKey: await publicOf(key) }
}

function publicOf(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return webcrypto.subtle.importKey('spki', der, curve, true, ['verify'])
}
