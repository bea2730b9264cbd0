import type { FromSchema } from 'json-schema-to-ts'
import { gateModes } from './command.ts'
import { count, hash, id, version } from './common.ts'
import { updateResult } from './update.ts'
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
    boot: { ...count, description: 'starts of the process so far' },
    connection: { ...count, description: 'connections of this boot so far' },
    software: { type: 'string', maxLength: 64 },
    engine: { type: 'string', maxLength: 64, description: 'arithmetic that learns: the same id gives the same bits' },
    policyHash: { ...hash, description: 'SHA-256 of the present policy' },
    updates: { ...count, description: 'updates that the policy has had' },
    run: { ...id, description: 'the run that the device takes part in' },
    clock: {
      enum: ['synchronised', 'not-synchronised', 'unknown'],
      description: 'whether the time of day can be trusted',
    },
    paused: { type: 'boolean', description: 'learning and mixing rest by command' },
    gateMode: { enum: gateModes, description: "how others' policies are judged, where the method has a gate" },
    lastGood: { ...hash, description: 'the policy that `rollback` returns to' },
    rollbacks: { ...count, description: 'returns to the last good policy because the return collapsed' },
    update: updateResult,
    leaving: {
      type: 'boolean',
      description: 'of `offline`: said by the device itself, asked to stop or at the end of its run',
    },
    notes: {
      type: 'array',
      maxItems: 8,
      items: { type: 'string', maxLength: 200 },
      description: 'what went wrong lately, and what holds now',
    },
  },
} as const

export type Status = FromSchema<typeof statusSchema>
export const validateStatus = validatorOf(statusSchema)
