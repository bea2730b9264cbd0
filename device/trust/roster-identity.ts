import type { KeyObject } from 'node:crypto'
import { createKeyedIdentity, type Identity, publicKeyOf } from '../identity.ts'
import type { RosterView } from './roster.ts'

/**
 * An identity whose peers are those of the present roster: an id that was revoked is `revoked`, one that is not listed, and
 * everyone as long as there is no roster, an `unknown-peer`. Throws where the private key (PKCS#8 PEM) is not Ed25519.
 */
export function createRosterIdentity(privateKeyPem: string, present: () => RosterView | undefined): Identity {
  let known: RosterView | undefined
  let keys = new Map<string, KeyObject>()
  return createKeyedIdentity(privateKeyPem, (vehicle) => {
    const roster = present()
    if (roster !== known) [known, keys] = [roster, new Map()]
    if (!roster) return undefined
    if (roster.isRevoked(vehicle)) return 'revoked'
    const raw = roster.deviceKey(vehicle)
    if (raw === undefined) return undefined
    const key = keys.get(vehicle) ?? publicKeyOf(vehicle, raw)
    keys.set(vehicle, key)
    return key
  })
}
