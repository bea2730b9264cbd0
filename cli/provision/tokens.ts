import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Registry, Token } from '../../schemas/fleet-registry.ts'

/** How long a token may be used, ms: a day. */
export const tokenLifeMs = 86_400_000

/** A new token of 256 random bits for one enrolment of `id`; the registry keeps its hash. A former one of the same id ends. */
export function newToken(registry: Registry, id: string, now: Date): string {
  const token = randomBytes(32).toString('base64url')
  const expires = new Date(now.getTime() + tokenLifeMs).toISOString()
  dropTokens(registry, (other) => other.id === id || new Date(other.expires) < now)
  registry.tokens.push({ id, hash: sha256(token), expires, usedBy: null })
  return token
}

export type TokenRefusal = 'token-unknown' | 'token-expired' | 'token-used'

/** The registry's entry of a token that `id` may use for these keys now, or why not. */
export function findToken(
  registry: Registry,
  { id, token, keys }: { readonly id: string; readonly token: string; readonly keys: string },
  now: Date,
): Token | TokenRefusal {
  const hash = Buffer.from(sha256(token), 'hex')
  const found = registry.tokens.find(
    (entry) => timingSafeEqual(Buffer.from(entry.hash, 'hex'), hash) && entry.id === id,
  )
  if (!found) return 'token-unknown'
  if (new Date(found.expires) < now) return 'token-expired'
  return found.usedBy === null || found.usedBy === keys ? found : 'token-used'
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function dropTokens(registry: Registry, drop: (token: Token) => boolean): void {
  const kept = registry.tokens.filter((token) => !drop(token))
  registry.tokens.splice(0, registry.tokens.length, ...kept)
}
