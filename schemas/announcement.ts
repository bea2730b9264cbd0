import type { FromSchema } from 'json-schema-to-ts'
import { count, hash, id, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** `ann`, retained: which parameters a device has to offer. */
export const announcementSchema = {
  $id: 'announcement',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'boot', 'sequence', 'policyHash', 'size', 'dims'],
  properties: {
    version,
    boot: { ...count, description: 'starts of the process so far' },
    sequence: { ...count, description: 'that of `params`; (boot, sequence) only grows' },
    policyHash: { ...hash, description: 'SHA-256 of the policy on `params`' },
    size: { ...count, unit: 'bytes', description: 'of `params`' },
    dims: { type: 'array', maxItems: 8, items: count, description: 'neurons of each layer, input and output included' },
    expires: { type: ['string', 'null'], maxLength: 30, description: 'ISO 8601; null: until it is replaced' },
  },
} as const

export type Announcement = FromSchema<typeof announcementSchema>
export const validateAnnouncement = validatorOf(announcementSchema)

/** `want`: a peer asks for parameters of a given hash. */
export const wantSchema = {
  $id: 'want',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'peer', 'hash', 'round'],
  properties: {
    version,
    peer: { ...id, description: 'who asks' },
    hash: { ...hash, description: 'SHA-256 of the policy that is asked for' },
    round: { ...count, description: 'epoch of the question' },
  },
} as const

export type Want = FromSchema<typeof wantSchema>
export const validateWant = validatorOf(wantSchema)
