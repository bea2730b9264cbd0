import type { Rng } from '../../device/core/rng.ts'
import type { Validator } from '../../schemas/validator.ts'

/**
 * The payload with `bits` of its bits flipped, drawn anew until the receiver's checks refuse it: JSON has no checksum, and a
 * flip that turns one number into another would be a false reading, not a corrupt message.
 */
export function corrupt(
  payload: Uint8Array,
  bits: number,
  refused: (bytes: Uint8Array) => boolean,
  rng: Rng,
): Uint8Array {
  for (let draw = 0; draw < maxDraws; draw++) {
    const bytes = payload.slice()
    for (let i = 0; i < bits; i++) flip(bytes, rng.integer(8 * bytes.length))
    if (refused(bytes)) return bytes
  }
  // No JSON text begins with a byte beyond ASCII (RFC 8259, section 2).
  const bytes = payload.slice()
  flip(bytes, 7)
  return bytes
}

const maxDraws = 64

/** Whether bytes are no JSON document of a schema. */
export function isRefused<T>(bytes: Uint8Array, validate: Validator<T>): boolean {
  try {
    return !validate(JSON.parse(Buffer.from(bytes).toString('utf8'))).ok
  } catch {
    return true
  }
}

function flip(bytes: Uint8Array, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
}
