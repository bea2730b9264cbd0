import type { FromSchema } from 'json-schema-to-ts'
import { count, hash, id, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** Retained birth and will of a device: (boot, connection) grows, so a late will of an older connection is told apart. */
export const statusSchema = {
  $id: 'status',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'state', 'boot', 'connection'],
  properties: {
    version,
    state: { enum: ['online', 'offline'] },
    boot: count,
    connection: count,
    software: { type: 'string', maxLength: 64 },
    engine: { type: 'string', maxLength: 64 },
    policyHash: hash,
    updates: count,
    run: id,
    clock: { enum: ['synchronised', 'not-synchronised', 'unknown'] },
    notes: { type: 'array', maxItems: 8, items: { type: 'string', maxLength: 200 } },
  },
} as const

export type Status = FromSchema<typeof statusSchema>
export const validateStatus = validatorOf(statusSchema)
