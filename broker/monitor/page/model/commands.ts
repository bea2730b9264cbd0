import { type CommandBody, type CommandName, validateCommandBody } from '../../../../schemas/command.ts'
import { formatVersion } from '../../../../schemas/validator.ts'
import type { Vehicle } from '../../../fleet.ts'

/** A command that is about to be signed. */
export interface Draft {
  readonly fleet: string
  readonly vehicle: string
  readonly boot: number
  readonly name: CommandName
  readonly args: Readonly<Record<string, string>>
  readonly operator: string
}

/** The exact text that is signed. Throws with the rule broken where the draft breaks one. */
export function bodyOf({ fleet, vehicle, boot, name, args, operator }: Draft, counter: number): string {
  const fields: CommandBody = {
    ...{ version: formatVersion, fleet, vehicle, boot, name, args: { ...args } },
    ...{ operator, counter, expires: null },
  }
  const checked = validateCommandBody(fields)
  if (!checked.ok) throw new Error(checked.detail)
  return JSON.stringify(fields)
}

/**
 * The next counter of an operator: above the last one given here and those that the vehicle has answered, and at least the
 * milliseconds since 1970, as `trustmix command` counts.
 */
export function nextCounter(last: number, operator: string, vehicle: Vehicle | undefined, wallMs: number): number {
  let highest = last
  for (const { message } of vehicle?.acknowledgements ?? [])
    if (message.operator === operator) highest = Math.max(highest, message.counter)
  return Math.max(highest + 1, Math.floor(wallMs))
}

/** The bytes of an operator's key. Throws, with what to do, where the file is no such key. */
export function pkcs8Of(pem: string): Uint8Array<ArrayBuffer> {
  if (pem.includes('BEGIN ENCRYPTED PRIVATE KEY'))
    throw new Error(
      'The key has a passphrase, which a browser cannot open. Make a copy without one where only you can read it (openssl pkey -in key.pem -out plain.pem), choose that, and delete it afterwards.',
    )
  const found = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem)
  if (!found?.[1])
    throw new Error(
      'The file must hold an Ed25519 private key (PKCS#8, PEM), which begins with -----BEGIN PRIVATE KEY-----.',
    )
  const text = atob(found[1].replace(/\s/g, ''))
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}
