import type { FromSchema } from 'json-schema-to-ts'
import { commandReasons } from './command.ts'
import { hash, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** Why an update did not come about, beside the reasons for which its command is refused: one word of this list. */
export const updateReasons = [
  // the bundle
  'wrong-host',
  'not-there',
  'too-large',
  'wrong-hash',
  // what the installer says of it
  'not-a-bundle',
  'untrusted',
  'wrong-board',
  'downgrade',
  'damaged',
  'not-installed',
  // the system in it
  'not-started',
  'checkpoint',
  'arithmetic',
  'late',
  'watchdog',
  'no-broker',
  'not-judged',
] as const
export type UpdateReason = (typeof updateReasons)[number] | (typeof commandReasons)[number]

const reason = { enum: [...commandReasons, ...updateReasons] } as const
const detail = { type: 'string', maxLength: 200 } as const

/** What became of the last update; part of the status. `returned`: the new system was not good, the one before runs. */
export const updateResult = {
  type: 'object',
  additionalProperties: false,
  required: ['state'],
  description: 'what became of the last update of the system',
  properties: {
    state: { enum: ['good', 'refused', 'returned'] },
    reason: { ...reason, description: 'of `refused` and `returned` (docs/commands.md)' },
    detail: { ...detail, description: 'rule and value found' },
  },
} as const

/** `result.json`, by which whoever installs tells the unit. */
export const updateResultSchema = { $id: 'update-result', ...updateResult } as const
export type UpdateResult = FromSchema<typeof updateResultSchema>
export const validateUpdateResult = validatorOf(updateResultSchema)

/** What a new system is compared with: `pending.json`, written before the restart into it. */
export const pendingUpdateSchema = {
  $id: 'pending-update',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'to', 'checkpoint', 'broker', 'watchdog'],
  properties: {
    version,
    /** The slot that is tried. */
    to: { enum: ['A', 'B'] },
    /** SHA-256 of the newest checkpoint's file; null: there was none. */
    checkpoint: { type: ['string', 'null'], pattern: hash.pattern },
    /** Whether the broker was connected to. */
    broker: { type: 'boolean' },
    /** Whether the board's watchdog was fed. */
    watchdog: { type: 'boolean' },
    /** Why the new system was not good. */
    failed: { type: 'object', additionalProperties: false, required: ['reason'], properties: { reason, detail } },
  },
} as const
export type PendingUpdate = FromSchema<typeof pendingUpdateSchema>
export const validatePendingUpdate = validatorOf(pendingUpdateSchema)
