import type { FromSchema } from 'json-schema-to-ts'
import { gateModes } from './command.ts'
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
    /** The run that the device takes part in. */
    run: id,
    clock: { enum: ['synchronised', 'not-synchronised', 'unknown'] },
    /** Learning and mixing rest by command. */
    paused: { type: 'boolean' },
    /** How others' policies are judged, where the method has a gate. */
    gateMode: { enum: gateModes },
    /** The policy that `rollback` returns to. */
    lastGood: hash,
    /** Returns to the last good policy because the return collapsed. */
    rollbacks: count,
    notes: { type: 'array', maxItems: 8, items: { type: 'string', maxLength: 200 } },
  },
} as const

export type Status = FromSchema<typeof statusSchema>
export const validateStatus = validatorOf(statusSchema)
