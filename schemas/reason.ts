/** Why a gate answered as it did: one word of this list, on every verdict and in every count. */
export const reasons = [
  'accepted',
  'non-positive-advantage',
  'below-lower-bound',
  'low-effective-sample-size',
  'too-few-samples',
  'identical',
  'non-finite',
  'shape-mismatch',
  'malformed',
  'unsupported-version',
  'unknown-peer',
  'wrong-sender',
  'bad-signature',
  'revoked',
  'replayed',
  'stale',
  'clock-not-synchronised',
  'over-size',
  'rate-limited',
  'missing',
  'control',
  'too-few-policies',
  'zero-weight',
] as const

export type Reason = (typeof reasons)[number]
