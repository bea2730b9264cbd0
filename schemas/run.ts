import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** `run`, retained while a run lasts: what is driven and how it has gone so far. */
export const runSchema = {
  $id: 'run',
  type: 'object',
  additionalProperties: false,
  required: [
    'version',
    'network',
    'preset',
    'setting',
    'method',
    'seed',
    'loopLength',
    'epoch',
    'epochs',
    'baseline',
    'history',
  ],
  properties: {
    version,
    network: { type: 'string' },
    preset: { type: 'string' },
    setting: { type: 'string' },
    method: { type: 'string' },
    seed: count,
    loopLength: { ...finite, unit: 'm' },
    epoch: count,
    epochs: count,
    baseline: {
      type: 'object',
      additionalProperties: false,
      required: ['nas', 'meanSpeed'],
      properties: { nas: finite, meanSpeed: { ...finite, unit: 'm/s' } },
    },
    history: { type: 'array', items: finite, maxItems: 500 },
  },
} as const

export type RunMessage = FromSchema<typeof runSchema>
export const validateRun = validatorOf(runSchema)

/** `world`, at most 20 a second of wall time: where every car is. */
export const worldSchema = {
  $id: 'world',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'time', 'cars'],
  properties: {
    version,
    time: { ...finite, unit: 's' },
    cars: {
      type: 'object',
      maxProperties: 4096,
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['kind', 's', 'v', 'braking'],
        properties: {
          kind: { enum: ['human', 'learner'] },
          s: { ...finite, unit: 'm' },
          v: { ...finite, unit: 'm/s' },
          braking: { type: 'boolean' },
          misses: {
            ...count,
            description: 'deadlines missed in this run, in real time; left out where there are none',
          },
        },
      },
    },
  },
} as const

export type WorldMessage = FromSchema<typeof worldSchema>
export const validateWorld = validatorOf(worldSchema)
