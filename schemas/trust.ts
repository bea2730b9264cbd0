import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, id, text, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** A signed command to one vehicle: the signature covers the exact bytes of `body`. */
export const commandMessageSchema = {
  $id: 'command',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'body', 'signature'],
  properties: {
    version,
    body: { type: 'string', maxLength: 4096 },
    signature: { type: 'string', pattern: '^[A-Za-z0-9+/]{86}==$' },
  },
} as const
export type CommandMessage = FromSchema<typeof commandMessageSchema>
export const validateCommandMessage = validatorOf(commandMessageSchema)

/** The one answer to a command; a repeated command is answered with it again. */
export const acknowledgementSchema = {
  $id: 'acknowledgement',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'operator', 'counter', 'result', 'reason'],
  properties: {
    version,
    operator: id,
    counter: count,
    result: { enum: ['done', 'refused'] },
    /** `done`, or a word of `commandReasons`. */
    reason: text,
    /** The rule that was broken and the value found. */
    detail: text,
  },
} as const
export type Acknowledgement = FromSchema<typeof acknowledgementSchema>
export const validateAcknowledgement = validatorOf(acknowledgementSchema)

/** An Ed25519 public key: 32 raw bytes in base64. */
export const publicKey = { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' } as const

/** The fleet's list of members, signed by the fleet root; only a higher `number` is taken. */
export const rosterSchema = {
  $id: 'roster',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'fleet', 'number', 'issued', 'devices', 'operators', 'revoked', 'signature'],
  properties: {
    version,
    fleet: id,
    number: count,
    issued: { type: 'string', maxLength: 30 },
    devices: { type: 'object', additionalProperties: publicKey },
    operators: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['key', 'commands'],
        properties: { key: publicKey, commands: { type: 'array', items: id } },
      },
    },
    revoked: { type: 'array', items: { type: 'string', maxLength: 64 } },
    signature: { type: 'string', pattern: '^[A-Za-z0-9+/]{86}==$' },
  },
} as const
export type Roster = FromSchema<typeof rosterSchema>
export const validateRoster = validatorOf(rosterSchema)

export const healthSchema = {
  $id: 'health',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'vehicles', 'online'],
  properties: { version, vehicles: count, online: count, messagesPerSecond: finite },
} as const
export type Health = FromSchema<typeof healthSchema>
export const validateHealth = validatorOf(healthSchema)

export const alarmSchema = {
  $id: 'alarm',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'raised', 'text'],
  properties: { version, raised: { type: 'boolean' }, text },
} as const
export type Alarm = FromSchema<typeof alarmSchema>
export const validateAlarm = validatorOf(alarmSchema)
