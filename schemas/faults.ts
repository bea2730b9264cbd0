import type { FromSchema } from 'json-schema-to-ts'
import { id, version } from './common.ts'
import { observationSchema } from './lock-step.ts'
import { validatorOf } from './validator.ts'

/** Whose messages and when: simulated seconds of an epoch, `at` ≤ t < `until`; every epoch where none is named. */
const window = {
  vehicles: {
    description: 'default: every learner',
    oneOf: [{ const: 'all' }, { type: 'array', minItems: 1, uniqueItems: true, items: id }],
  },
  epoch: { type: 'integer', minimum: 1 },
  at: { type: 'number', minimum: 0, unit: 's' },
  until: { type: 'number', exclusiveMinimum: 0, unit: 's' },
  note: { type: 'string', maxLength: 200 },
} as const

/** Which of those messages: all that the window holds by default. */
const choice = {
  probability: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  direction: { enum: ['to-device', 'from-device', 'both'] },
  messages: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { enum: ['reset', 'decide', 'learn', 'mix', 'end'] },
  },
} as const

const sigma = (field: { readonly unit: string }) =>
  ({ type: 'number', exclusiveMinimum: 0, maximum: 1000, unit: field.unit }) as const
const sensed = observationSchema.properties
const common = { type: 'object', additionalProperties: false } as const
const always = ['kind', 'at', 'until'] as const

/** A scenario of faults between bridge and devices, scripted against simulated time. */
export const faultsSchema = {
  $id: 'faults',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'faults'],
  properties: {
    version,
    description: { type: 'string', maxLength: 1000 },
    faults: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        discriminator: { propertyName: 'kind' },
        required: ['kind'],
        oneOf: [
          { ...common, required: always, properties: { kind: { const: 'drop' }, ...window, ...choice } },
          {
            ...common,
            required: [...always, 'delayMs'],
            properties: {
              kind: { const: 'delay' },
              ...window,
              ...choice,
              delayMs: { type: 'number', minimum: 0, maximum: 600000, unit: 'ms' },
              jitterMs: { type: 'number', minimum: 0, maximum: 600000, unit: 'ms' },
            },
          },
          {
            ...common,
            required: always,
            properties: {
              kind: { const: 'duplicate' },
              ...window,
              ...choice,
              copies: { type: 'integer', minimum: 1, maximum: 100 },
            },
          },
          { ...common, required: always, properties: { kind: { const: 'reorder' }, ...window, ...choice } },
          {
            ...common,
            required: always,
            properties: {
              kind: { const: 'corrupt' },
              ...window,
              ...choice,
              bits: { type: 'integer', minimum: 1, maximum: 64 },
            },
          },
          { ...common, required: always, properties: { kind: { const: 'partition' }, ...window } },
          { ...common, required: always, properties: { kind: { const: 'freeze' }, ...window } },
          {
            ...common,
            required: always,
            properties: { kind: { const: 'dropout' }, ...window, probability: choice.probability },
          },
          {
            ...common,
            required: [...always, 'sigma'],
            properties: {
              kind: { const: 'noise' },
              ...window,
              probability: choice.probability,
              sigma: {
                type: 'object',
                additionalProperties: false,
                minProperties: 1,
                properties: {
                  position: sigma(sensed.position),
                  speed: sigma(sensed.speed),
                  gap: sigma(sensed.gap),
                  leaderPosition: sigma(sensed.leaderPosition),
                  leaderSpeed: sigma(sensed.leaderSpeed),
                  followerGap: sigma(sensed.followerGap),
                  followerPosition: sigma(sensed.followerPosition),
                  followerSpeed: sigma(sensed.followerSpeed),
                },
              },
            },
          },
          {
            ...common,
            required: always,
            properties: {
              kind: { const: 'skew' },
              ...window,
              offsetS: { type: 'number', minimum: -3600, maximum: 3600, unit: 's' },
              ppm: { type: 'number', minimum: -100000, maximum: 100000 },
            },
          },
        ],
      },
    },
  },
} as const

export type Faults = FromSchema<typeof faultsSchema>
export type Fault = Faults['faults'][number]
export const validateFaults = validatorOf(faultsSchema)
