import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { CommandBody } from '../../schemas/command.ts'
import type { CommandMessage } from '../../schemas/trust.ts'

/** One who signs commands, with a fresh key. */
export interface TestOperator {
  readonly id: string
  /** Public key: 32 raw bytes in base64. */
  readonly key: string
  readonly privateKey: KeyObject
  /** PKCS#8, PEM. */
  readonly pem: string
  sign(body: string): CommandMessage
  /** A command with what the text leaves out. */
  command(part: Partial<CommandBody> & Pick<CommandBody, 'name' | 'counter'>): CommandMessage
}

export const addressee = { fleet: 'demo', vehicle: 'car01', boot: 1 } as const

export function createOperator(id: string): TestOperator {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const seal = (body: string): CommandMessage => ({
    version: 1,
    body,
    signature: sign(null, Buffer.from(body), privateKey).toString('base64'),
  })
  return {
    id,
    key: Buffer.from(x, 'base64url').toString('base64'),
    privateKey,
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    sign: seal,
    command: (part) =>
      seal(JSON.stringify({ version: 1, ...addressee, args: {}, operator: id, expires: null, ...part })),
  }
}
