import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, hash, id, version } from './common.ts'
import { validatorOf } from './validator.ts'

const speed = {
  type: 'object',
  additionalProperties: false,
  required: ['nas', 'meanSpeed'],
  properties: { nas: finite, meanSpeed: { ...finite, unit: 'm/s' } },
} as const

const matrix = { type: 'array', items: { type: 'array', items: count } } as const

/** The result of a run, printed by `--json` and kept as `summary.json`. */
export const summarySchema = {
  $id: 'summary',
  type: 'object',
  additionalProperties: false,
  required: [
    'version',
    'seed',
    'preset',
    'setting',
    'sim',
    'method',
    'deterministic',
    'causes',
    'interrupted',
    'vehicles',
    'baseline',
    'epochs',
    'verdicts',
    'matrix',
    'referred',
    'collisions',
    'policies',
  ],
  properties: {
    version,
    seed: count,
    preset: { type: 'string' },
    setting: { type: 'string' },
    sim: { type: 'string' },
    method: { type: 'string' },
    /** False when a death, a time-out or a missing peer changed the course of the run; `causes` says which. */
    deterministic: { type: 'boolean' },
    causes: { type: 'array', items: { type: 'string' } },
    interrupted: { type: 'boolean' },
    /** Present where the run ended inside an epoch: going on from there does not give the bits of an undisturbed run. */
    unfinished: { type: 'boolean' },
    vehicles: { type: 'array', items: id },
    baseline: speed,
    epochs: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['epoch', 'nas', 'meanSpeed'],
        properties: { epoch: count, nas: finite, meanSpeed: { ...finite, unit: 'm/s' } },
      },
    },
    /** Verdicts and refused messages by reason. */
    verdicts: { type: 'object', additionalProperties: count },
    /** matrix[i][j]: how often vehicle i accepted the policy of j. */
    matrix,
    /** referred[i][j]: how often vehicle i found a positive policy advantage in j's policy (the letter's Fig. 4). */
    referred: matrix,
    /** Distinct colliding pairs, summed over epochs. */
    collisions: count,
    policies: { type: 'object', additionalProperties: hash },
    /** Per vehicle: decision interval, samples seen, updates made. */
    learners: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['intervalS', 'samples', 'updates', 'return'],
        properties: { intervalS: finite, samples: count, updates: count, return: finite },
      },
    },
  },
} as const

export type Summary = FromSchema<typeof summarySchema>
export const validateSummary = validatorOf(summarySchema)
