import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { hash, id, publicKey, version } from './common.ts'
import { type Validated, validatorOf } from './validator.ts'

/** What an operator can have a vehicle do; one topic level each. */
export const commandNames = ['pause', 'resume', 'rollback', 'gate-mode', 'reload', 'update'] as const
export type CommandName = (typeof commandNames)[number]

/** Readings of the bound, and the judgement beyond the letter, between which `gate-mode` switches. */
export const gateModes = ['theorem1', 'strict', 'certified'] as const
export type GateMode = (typeof gateModes)[number]

/** Why a command was refused: one word of this list in its acknowledgement. */
export const commandReasons = [
  // by whom and in what form
  'over-size',
  'malformed',
  'unsupported-version',
  'rate-limited',
  'unknown-operator',
  'bad-signature',
  'revoked',
  // for whom and when
  'wrong-fleet',
  'wrong-vehicle',
  'wrong-name',
  'wrong-boot',
  'counter-reused',
  'replayed',
  'clock-not-synchronised',
  'expired',
  // what
  'unknown-command',
  'not-allowed',
  'not-applicable',
  'nothing-kept',
  'not-kept',
  'bad-configuration',
  'restart-needed',
  'not-stored',
] as const
export type CommandReason = (typeof commandReasons)[number]

/** A counter that every reader of JSON takes for the same number. */
const counter = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const

/** The signed text of a command (`CommandMessage.body`). */
export const commandBodySchema = {
  $id: 'command-body',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'fleet', 'vehicle', 'boot', 'name', 'args', 'operator', 'counter', 'expires'],
  properties: {
    version,
    fleet: id,
    vehicle: { ...id, description: 'one vehicle: there is no command to all' },
    boot: { ...counter, description: 'the running boot, from `status`' },
    name: { ...id, description: 'that of the topic' },
    args: { type: 'object', maxProperties: 8, description: 'arguments of that name (docs/commands.md)' },
    operator: { ...id, description: 'who signs' },
    counter: { ...counter, description: 'rises per operator and boot' },
    expires: {
      description: 'ISO 8601 in UTC; null: holds as long as the boot',
      type: ['string', 'null'],
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?Z$',
    },
  },
} as const
export type CommandBody = FromSchema<typeof commandBodySchema>
export const validateCommandBody = validatorOf(commandBodySchema)

/** Who may sign which commands, for a unit without a roster. */
export const operatorsSchema = {
  $id: 'operators',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'operators'],
  properties: {
    version,
    operators: {
      type: 'object',
      propertyNames: { pattern: id.pattern },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['key', 'commands'],
        properties: {
          /** Ed25519 public key: 32 raw bytes in base64. */
          key: publicKey,
          commands: { type: 'array', items: { enum: commandNames } },
          revoked: { type: 'boolean' },
        },
      },
    },
  },
} as const
export type Operators = FromSchema<typeof operatorsSchema>
export const validateOperators = validatorOf(operatorsSchema)

/** What stays ordered over a restart: `orders.json` of a device's state directory. */
export const ordersSchema = {
  $id: 'orders',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'paused', 'gateMode'],
  properties: { version, paused: { type: 'boolean' }, gateMode: { enum: [...gateModes, null] } },
} as const
export type Orders = FromSchema<typeof ordersSchema>
export const validateOrders = validatorOf(ordersSchema)

/** A command with the arguments of its name. */
export type CommandOrder =
  | { readonly name: 'pause' | 'resume' | 'reload' }
  | { readonly name: 'update'; readonly args: { readonly bundle?: string; readonly sha256?: string } }
  | { readonly name: 'rollback'; readonly args: { readonly policyHash?: string } }
  | { readonly name: 'gate-mode'; readonly args: { readonly mode: GateMode } }

/** Checks the arguments of a command that has a name of ours. */
export function validateOrder(name: CommandName, args: unknown): Validated<CommandOrder> {
  const { rollback, gateMode, update, nothing } = argumentValidators
  if (name === 'rollback') return orderOf(rollback(args), (value) => ({ name, args: value }))
  if (name === 'gate-mode') return orderOf(gateMode(args), (value) => ({ name, args: value }))
  if (name === 'update') return orderOf(update(args), (value) => ({ name, args: value }))
  return orderOf(nothing(args), () => ({ name }))
}

function orderOf<T>(checked: Validated<T>, order: (args: T) => CommandOrder): Validated<CommandOrder> {
  return checked.ok ? { ok: true, value: order(checked.value) } : checked
}

/** Who installs checks the bundle itself; this only says which one is meant. */
export const updateArguments = { bundle: { type: 'string', minLength: 1, maxLength: 256 }, sha256: hash } as const

export const argumentValidators = {
  nothing: validatorOf(argumentsOf('arguments', {})),
  rollback: validatorOf(argumentsOf('rollback-arguments', { policyHash: hash })),
  gateMode: validatorOf({ ...argumentsOf('gate-mode-arguments', { mode: { enum: gateModes } }), required: ['mode'] }),
  update: validatorOf(argumentsOf('update-arguments', updateArguments)),
}

function argumentsOf<const P extends Readonly<Record<string, JSONSchema>>>($id: string, properties: P) {
  return { $id, type: 'object', additionalProperties: false, properties } as const
}

/** Whether a word is the name of a command. */
export function isCommandName(name: string): name is CommandName {
  return (commandNames as readonly string[]).includes(name)
}
