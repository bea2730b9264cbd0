import type { FromSchema } from 'json-schema-to-ts'
import { count, id, publicKey, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** What a certificate makes its bearer; `broker` is the one that others connect to, its certificate is for servers. */
export const memberRoles = ['device', 'bridge', 'aggregator', 'monitor', 'operator', 'root', 'broker'] as const
export type MemberRole = (typeof memberRoles)[number]

const time = { type: 'string', maxLength: 30 } as const

/** `fleet.json` of a fleet's directory: every id ever given out, from which roster and revocation list are made. */
export const registrySchema = {
  $id: 'fleet-registry',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'fleet', 'number', 'members', 'tokens'],
  properties: {
    version,
    fleet: id,
    /** Of the newest roster. */
    number: count,
    members: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'role', 'serial', 'notAfter', 'replaced', 'revoked', 'key', 'commands', 'hosts'],
        properties: {
          id,
          role: { enum: memberRoles },
          /** Of the present certificate, and of those that it replaced. */
          serial: { type: 'string', pattern: '^[0-9a-f]{2,40}$' },
          notAfter: time,
          replaced: { type: 'array', items: { type: 'string' } },
          /** When it was revoked. */
          revoked: { anyOf: [time, { type: 'null' }] },
          /** Ed25519 key of those that sign. */
          key: { anyOf: [publicKey, { type: 'null' }] },
          commands: { type: 'array', items: id },
          hosts: { type: 'array', items: { type: 'string', maxLength: 255 } },
        },
      },
    },
    /** Enrolments that are open or were used; of a token only its hash is kept. */
    tokens: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'hash', 'expires', 'usedBy'],
        properties: {
          id,
          hash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          expires: time,
          /** Hash of the two public keys that it was used for: the same unit may ask again, nobody else. */
          usedBy: { anyOf: [{ type: 'string', pattern: '^[0-9a-f]{64}$' }, { type: 'null' }] },
        },
      },
    },
  },
} as const

export type Registry = FromSchema<typeof registrySchema>
export type Member = Registry['members'][number]
export type Token = Registry['tokens'][number]
export const validateRegistry = validatorOf(registrySchema)
