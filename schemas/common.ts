import { formatVersion } from './validator.ts'

export const version = { const: formatVersion } as const
/** Ids of fleets, vehicles, cells and runs: one topic level, also an MQTT 3.1.1 client id (≤ 23 characters). */
export const id = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,23}$' } as const
export const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
export const count = { type: 'integer', minimum: 0 } as const
export const finite = { type: 'number' } as const
export const nullableNumber = { type: ['number', 'null'] } as const
export const text = { type: 'string', maxLength: 400 } as const
/** 32 raw bytes of an Ed25519 key, base64. */
export const publicKey = { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' } as const
