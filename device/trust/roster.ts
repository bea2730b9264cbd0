import { verify } from 'node:crypto'
import { type RosterMessage, validateRoster, validateRosterBody } from '../../schemas/trust.ts'
import { publicKeyOf } from '../identity.ts'

/** Who belongs to the fleet, as its root signed it. */
export interface RosterView {
  readonly fleet: string
  /** Rises with every roster; only a higher one replaces this. */
  readonly number: number
  /** ISO 8601, by the clock of whoever signed. */
  readonly issued: string
  /** Ed25519 key (32 raw bytes, base64) that signs the parameters of this id. */
  deviceKey(id: string): string | undefined
  /** Ed25519 key of an operator and the names of the commands it may give. */
  operator(id: string): { readonly key: string; readonly commands: readonly string[] } | undefined
  isRevoked(id: string): boolean
}

/** A roster whose signature held, with the message that it came in, to be kept and passed on byte for byte. */
export interface Roster extends RosterView {
  readonly message: RosterMessage
  /** Whether a certificate's serial number (lower-case hexadecimal) was revoked or replaced. */
  isRevokedSerial(serial: string): boolean
}

export type OpenedRoster =
  | { readonly ok: true; readonly roster: Roster }
  | {
      readonly ok: false
      readonly reason: 'malformed' | 'unsupported-version' | 'bad-signature' | 'wrong-fleet' | 'replayed'
      readonly detail: string
    }

/**
 * Judges a roster message: form of the envelope, signature over the exact bytes of its body, form of the body, fleet, and
 * that its number is above `above`. `rootKey` is the fleet root's Ed25519 key (32 raw bytes, base64). Pure; throws only where
 * `rootKey` is no key.
 */
export function openRoster(value: unknown, rootKey: string, fleet: string, above = 0): OpenedRoster {
  const envelope = validateRoster(value)
  if (!envelope.ok) return refuse(envelope.reason, envelope.detail)
  const { body, signature } = envelope.value
  const key = publicKeyOf('the fleet root', rootKey)
  if (!verify(null, Buffer.from(body, 'utf8'), key, Buffer.from(signature, 'base64')))
    return refuse('bad-signature', `the roster must be signed by the root of fleet ${fleet}`)
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return refuse('malformed', 'the body of a roster must be JSON')
  }
  const content = validateRosterBody(parsed)
  if (!content.ok) return refuse(content.reason, content.detail)
  const { number, issued, devices, operators, revoked } = content.value
  if (content.value.fleet !== fleet) return refuse('wrong-fleet', `fleet must be ${fleet}, got ${content.value.fleet}`)
  if (number <= above) return refuse('replayed', `number must be above ${above}, got ${number}`)
  // Maps: an id such as __proto__ is only an id.
  const keys = new Map(Object.entries(devices))
  const persons = new Map(Object.entries(operators))
  const ids = new Set(revoked.ids)
  const serials = new Set(revoked.serials)
  const live = <T>(id: string, value: T | undefined): T | undefined => (ids.has(id) ? undefined : value)
  return {
    ok: true,
    roster: {
      ...{ message: envelope.value, fleet, number, issued },
      deviceKey: (id) => live(id, keys.get(id)),
      operator: (id) => live(id, persons.get(id)),
      isRevoked: (id) => ids.has(id),
      isRevokedSerial: (serial) => serials.has(serial),
    },
  }
}

function refuse(reason: Exclude<OpenedRoster, { ok: true }>['reason'], detail: string): OpenedRoster {
  return { ok: false, reason, detail }
}
