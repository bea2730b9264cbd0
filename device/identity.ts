import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Vector } from './core/engine.ts'

/** Signs as this vehicle and checks signatures of the fleet's members. */
export interface Identity {
  /** Detached Ed25519 signature, base64 (88 characters). */
  sign(bytes: Uint8Array): string
  verify(vehicle: string, bytes: Uint8Array, signature: string): 'ok' | 'unknown-peer' | 'revoked' | 'bad-signature'
  /** Whether the fleet's roster has put the vehicle out; without a roster nobody is. */
  isRevoked?(vehicle: string): boolean
}

/** What a placeholder signature looks like while the signed bytes are made: 88 characters, as many as the signature has. */
export const emptySignature = 'A'.repeat(88)

/**
 * An identity from its own private key (PKCS#8 PEM) and the map of the fleet's public keys (32 raw bytes, base64).
 * Throws when a key is not an Ed25519 key.
 */
export function createIdentity(privateKeyPem: string, publicKeys: Readonly<Record<string, string>>): Identity {
  const keys = new Map(Object.entries(publicKeys).map(([vehicle, raw]) => [vehicle, publicKeyOf(vehicle, raw)]))
  const { sign, verify } = createKeyedIdentity(privateKeyPem, (vehicle) => keys.get(vehicle))
  return { sign, verify }
}

/** An identity that asks for a peer's key each time, so that the fleet's members may change while it runs. */
export function createKeyedIdentity(
  privateKeyPem: string,
  keyOf: (vehicle: string) => KeyObject | 'revoked' | undefined,
): Identity {
  const privateKey = createPrivateKey(privateKeyPem)
  if (privateKey.asymmetricKeyType !== 'ed25519')
    throw new Error(`private key must be Ed25519, got ${privateKey.asymmetricKeyType}`)
  return {
    sign: (bytes) => sign(null, bytes, privateKey).toString('base64'),
    verify(vehicle, bytes, signature) {
      const key = keyOf(vehicle)
      if (!key) return 'unknown-peer'
      if (key === 'revoked') return 'revoked'
      return signatureHolds(key, bytes, signature) ? 'ok' : 'bad-signature'
    },
    isRevoked: (vehicle) => keyOf(vehicle) === 'revoked',
  }
}

/** Whether a detached Ed25519 signature (base64) over the bytes is that of the key. */
export function signatureHolds(key: KeyObject, bytes: Uint8Array, signature: string): boolean {
  const raw = Buffer.from(signature, 'base64')
  // Node skips characters that are not base64: only the one way to write the bytes counts.
  return raw.toString('base64') === signature && verify(null, bytes, key, raw)
}

/**
 * For experiments in one process, where peers are objects of the same program: nothing is signed, members are known by
 * name only. Never used where messages come from outside.
 */
export function createInProcessIdentity(vehicles: readonly string[]): Identity {
  const members = new Set(vehicles)
  return { sign: () => emptySignature, verify: (vehicle) => (members.has(vehicle) ? 'ok' : 'unknown-peer') }
}

/**
 * SHA-256 over the little-endian float32 bytes of the policy's tensors, names in code-unit order: the flat vector's order.
 */
export function policyHash(policy: Vector): string {
  return sha256(float32Bytes(policy))
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The values as little-endian float32, the byte order of every platform that Node runs on with WebAssembly. */
function float32Bytes(policy: Vector): Uint8Array {
  const { buffer, byteOffset, byteLength } = policy instanceof Float32Array ? policy : new Float32Array(policy)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** RFC 8410: the fixed prefix of an Ed25519 SubjectPublicKeyInfo. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The key object of 32 raw bytes (base64); throws where they are not 32. */
export function publicKeyOf(owner: string, raw: string): KeyObject {
  const bytes = Buffer.from(raw, 'base64')
  if (bytes.length !== 32) throw new Error(`public key of ${owner} must be 32 bytes, got ${bytes.length}`)
  return createPublicKey({ key: Buffer.concat([spkiPrefix, bytes]), format: 'der', type: 'spki' })
}

/** The raw 32 bytes (base64) of a public or private Ed25519 key. */
export function rawPublicKey(key: KeyObject): string {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' })
  return spki.subarray(spkiPrefix.length).toString('base64')
}
