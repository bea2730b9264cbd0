import type { FromSchema } from 'json-schema-to-ts'
import { version } from './common.ts'
import { validatorOf } from './validator.ts'

/** One line of a device's log, ≤ 512 bytes, ≤ 2 a second. */
export const logSchema = {
  $id: 'log',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'level', 'event', 'text'],
  properties: {
    version,
    level: { enum: ['info', 'warning', 'error'] },
    event: { type: 'string', maxLength: 40 },
    text: { type: 'string', maxLength: 300 },
  },
} as const

export type LogMessage = FromSchema<typeof logSchema>
export const validateLog = validatorOf(logSchema)
