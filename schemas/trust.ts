import type { FromSchema } from 'json-schema-to-ts'
import { count, id, publicKey, text, version } from './common.ts'
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
    operator: { ...id, description: 'who signed the command' },
    counter: { ...count, description: 'that of the command' },
    result: { enum: ['done', 'refused'] },
    reason: { ...text, description: '`done`, or a word of `commandReasons` (schemas/command.ts)' },
    detail: { ...text, description: 'the rule that was broken and the value found' },
  },
} as const
export type Acknowledgement = FromSchema<typeof acknowledgementSchema>
export const validateAcknowledgement = validatorOf(acknowledgementSchema)

/**
 * The fleet's list of members as it travels and is kept: the root's signature covers the exact UTF-8 bytes of `body`. Text
 * in text, because the bytes are then what was signed, whatever a JSON writer makes of spaces, order and escapes.
 */
export const rosterSchema = {
  $id: 'roster',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'body', 'signature'],
  properties: {
    version,
    body: { type: 'string', maxLength: 900_000 },
    signature: { type: 'string', pattern: '^[A-Za-z0-9+/]{86}==$' },
  },
} as const
export type RosterMessage = FromSchema<typeof rosterSchema>
export const validateRoster = validatorOf(rosterSchema)

/** What the body of a roster says. `kind` keeps a signature of something else from passing for one of a roster. */
export const rosterBodySchema = {
  $id: 'roster-body',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'kind', 'fleet', 'number', 'issued', 'devices', 'operators', 'revoked'],
  properties: {
    version,
    kind: { const: 'roster' },
    fleet: id,
    number: { type: 'integer', minimum: 1, description: 'only a higher one is taken' },
    issued: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z$' },
    devices: {
      type: 'object',
      propertyNames: id,
      additionalProperties: publicKey,
      description: 'Ed25519 keys of all that sign parameters, the averaging server included',
    },
    operators: {
      type: 'object',
      propertyNames: id,
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['key', 'commands'],
        properties: { key: publicKey, commands: { type: 'array', maxItems: 64, items: id } },
      },
    },
    revoked: {
      type: 'object',
      description:
        'an id is never given out again; with it go the serial numbers of all its certificates, in hexadecimal',
      additionalProperties: false,
      required: ['ids', 'serials'],
      properties: {
        ids: { type: 'array', items: id },
        serials: { type: 'array', items: { type: 'string', pattern: '^[0-9a-f]{2,40}$' } },
      },
    },
  },
} as const
export type RosterBody = FromSchema<typeof rosterBodySchema>
export const validateRosterBody = validatorOf(rosterBodySchema)
