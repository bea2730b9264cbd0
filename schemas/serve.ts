import type { FromSchema } from 'json-schema-to-ts'
import { count, finite } from './common.ts'
import { formatVersion, validatorOf } from './validator.ts'

/** Most bytes of one request of a client, its line feed included; longer lines are skipped and answered with an error. */
export const maxRequestBytes = 8192

const decisionSteps = { type: 'integer', minimum: 1, maximum: 10_000 } as const
const observation = { enum: ['sensed', 'raw', 'gaps'] } as const
const action = { enum: ['acceleration', 'timeGap'] } as const
const names = { type: 'array', items: { type: 'string' } } as const
const numbers = { type: 'array', items: finite } as const

/** What a client of `sim-bridge --serve` may ask, one JSON object per line. */
export const serveRequestSchema = {
  $id: 'serve-request',
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['kind', 'seed'],
      properties: {
        version: { const: formatVersion },
        kind: { const: 'reset' },
        seed: { type: 'integer', minimum: 0, maximum: 4294967295 },
        options: {
          type: 'object',
          additionalProperties: false,
          properties: { observation, action, decisionSteps },
        },
      },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['kind', 'actions'],
      properties: {
        version: { const: formatVersion },
        kind: { const: 'step' },
        actions: { type: 'array', maxItems: 64, items: { type: ['number', 'null'] } },
        repeat: decisionSteps,
      },
    },
  ],
} as const

/** What the server says first: who drives, in which world, and what its values mean. */
export const serveHelloSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    ...['version', 'kind', 'software', 'agents', 'vehicles', 'preset', 'reward', 'stepLength', 'epochSteps'],
    ...['loopLength', 'speedLimit', 'accelerationLimit', 'timeGaps', 'observations', 'defaults', 'maxRequestBytes'],
  ],
  properties: {
    version: { const: formatVersion },
    kind: { const: 'hello' },
    software: { type: 'string' },
    agents: names,
    vehicles: names,
    preset: { enum: ['flow', 'lab'] },
    reward: { enum: ['fleet', 'local', 'own'] },
    stepLength: { ...finite, unit: 's' },
    epochSteps: count,
    loopLength: { ...finite, unit: 'm' },
    speedLimit: { ...finite, unit: 'm/s' },
    accelerationLimit: { ...finite, unit: 'm/s²' },
    timeGaps: { ...numbers, minItems: 2, maxItems: 2, unit: 's' },
    observations: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['names', 'low', 'high'],
        properties: { names, low: numbers, high: numbers },
      },
    },
    defaults: {
      type: 'object',
      additionalProperties: false,
      required: ['observation', 'action', 'decisionSteps'],
      properties: { observation, action, decisionSteps },
    },
    maxRequestBytes: count,
  },
} as const

/** What answers a reset and a step. */
export const serveTransitionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'observations', 'rewards', 'steps', 'terminated', 'truncated', 'info'],
  properties: {
    kind: { const: 'transition' },
    observations: { type: 'array', items: numbers },
    rewards: numbers,
    steps: count,
    terminated: { type: 'boolean' },
    truncated: { type: 'boolean' },
    info: { type: 'object', additionalProperties: finite },
  },
} as const

/** What answers a request that is refused; the connection can still be used, but after `full` and `idle`. */
export const serveErrorSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'reason', 'detail'],
  properties: {
    kind: { const: 'error' },
    reason: { enum: ['malformed', 'unsupported-version', 'too-large', 'out-of-turn', 'simulator', 'full', 'idle'] },
    detail: { type: 'string' },
  },
} as const

/** All that a server says, by `kind`. */
export const serveReplySchema = {
  $id: 'serve-reply',
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: [serveHelloSchema, serveTransitionSchema, serveErrorSchema],
} as const

export type ServeRequest = FromSchema<typeof serveRequestSchema>
export type ServeHello = FromSchema<typeof serveHelloSchema>
export type ServeTransition = FromSchema<typeof serveTransitionSchema>
export type ServeError = FromSchema<typeof serveErrorSchema>
export type ServeReply = FromSchema<typeof serveReplySchema>
export const validateServeRequest = validatorOf(serveRequestSchema)
export const validateServeReply = validatorOf(serveReplySchema)
