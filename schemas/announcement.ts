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
    boot: count,
    sequence: count,
    policyHash: hash,
    size: { ...count, unit: 'bytes' },
    dims: { type: 'array', maxItems: 8, items: count },
    expires: { type: ['string', 'null'], maxLength: 30 },
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
  properties: { version, peer: id, hash, round: count },
} as const

export type Want = FromSchema<typeof wantSchema>
export const validateWant = validatorOf(wantSchema)
