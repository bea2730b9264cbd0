import type { FromSchema } from 'json-schema-to-ts'
import { count, hash, id, nullableNumber, version } from './common.ts'
import { reasons } from './reason.ts'
import { validatorOf } from './validator.ts'

/** One gate decision with its evidence; what could not be computed is null. */
export const verdictSchema = {
  $id: 'verdict',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'vehicle', 'epoch', 'step', 'mode', 'accepted', 'reason', 'alpha', 'peerId'],
  properties: {
    version,
    vehicle: id,
    epoch: count,
    step: count,
    mode: {
      enum: [
        'theorem1',
        'strict',
        'certified',
        'fixed',
        'average',
        'coin',
        'reversed',
        'median',
        'trimmed-mean',
        'krum',
        'fltrust',
        'wire',
      ],
    },
    estimator: { enum: ['exact', 'sampled', 'kfac', null] },
    accepted: { type: 'boolean' },
    reason: { enum: reasons },
    alpha: nullableNumber,
    alphaBound: nullableNumber,
    policyAdvantage: nullableNumber,
    policyAdvantageMean: nullableNumber,
    standardError: nullableNumber,
    lowerBound: nullableNumber,
    effectiveSampleSize: nullableNumber,
    epsilon: nullableNumber,
    c: nullableNumber,
    fisher: nullableNumber,
    kl: nullableNumber,
    M: { type: ['integer', 'null'] },
    K: { type: ['integer', 'null'] },
    gamma: nullableNumber,
    ownHash: { anyOf: [hash, { type: 'null' }] },
    peerHash: { anyOf: [hash, { type: 'null' }] },
    peerId: { anyOf: [id, { type: 'null' }] },
    peerBoot: { type: ['integer', 'null'] },
    peerSequence: { type: ['integer', 'null'] },
  },
} as const

export type VerdictMessage = FromSchema<typeof verdictSchema>
export const validateVerdict = validatorOf(verdictSchema)
