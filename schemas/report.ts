import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, id, version } from './common.ts'
import { faultsSchema } from './faults.ts'
import { validatorOf } from './validator.ts'

const ms = { type: 'number', minimum: 0, unit: 'ms' } as const
const nullableMs = { type: ['number', 'null'], minimum: 0, unit: 'ms' } as const

/** Times of one kind; quantiles are upper edges of bins of 1/64 of the value. Null where there is none. */
const times = {
  type: 'object',
  additionalProperties: false,
  required: ['count', 'min', 'mean', 'p50', 'p99', 'p999', 'max'],
  properties: {
    count,
    min: nullableMs,
    mean: nullableMs,
    p50: nullableMs,
    p99: nullableMs,
    p999: nullableMs,
    max: nullableMs,
  },
} as const

/** What is counted per device; the same names say what befell devices while a fault was at work. */
export const countNames = [
  /** Decisions that fell due. */
  'decisions',
  /** Those whose command did not come in time, the left-out ones among them. */
  'misses',
  /** Misses while the device was learning or mixing. */
  'missesWhileLearning',
  /** Decisions left out because the one before was still outstanding. */
  'leftOut',
  /** Decisions that came late after a step that itself began too late to judge by. */
  'unjudged',
  /** Steps in which the car went on as before (under its last command, if it had one) because the next one was late. */
  'lateHeldSteps',
  /** Steps driven by the simulator's driver because a command was late for too long. */
  'handedOverSteps',
  /** Steps driven by the simulator's driver because the device was not there or had left the barrier. */
  'awaySteps',
  /** Answers in which the device's own envelope had replaced the policy's action. */
  'fallbacks',
  /** Questions sent again. */
  'repeats',
  /** Answers that nobody waited for. */
  'ignored',
  /** Messages of the device that the bridge's checks refused. */
  'refused',
  /** Times that the device left the barrier. */
  'left',
] as const

export type CountName = (typeof countNames)[number]
export type Counts = Record<CountName, number>

const countProperties = {
  decisions: count,
  misses: count,
  missesWhileLearning: count,
  leftOut: count,
  unjudged: count,
  lateHeldSteps: count,
  handedOverSteps: count,
  awaySteps: count,
  fallbacks: count,
  repeats: count,
  ignored: count,
  refused: count,
  left: count,
} as const satisfies Record<CountName, object>

/** How a run kept its time: `report.json`. */
export const reportSchema = {
  $id: 'report',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'run', 'seed', 'mode', 'deadline', 'world', 'devices', 'faults', 'criteria', 'passed'],
  properties: {
    version,
    run: id,
    seed: count,
    mode: { enum: ['realtime', 'lock-step'] },
    /** `ms` null: until the step that the answer is for begins; lock-step without `ms` has no deadline. */
    deadline: {
      type: 'object',
      additionalProperties: false,
      required: ['rule', 'ms'],
      properties: { rule: { enum: ['step', 'time', 'none'] }, ms: nullableMs },
    },
    world: {
      type: 'object',
      additionalProperties: false,
      required: [
        'epochs',
        'steps',
        'simulatedS',
        'clockS',
        'rtf',
        'targetRtf',
        'rebases',
        'lostMs',
        'roundsLeftOut',
        'jitter',
        'jitterBins',
      ],
      properties: {
        epochs: count,
        steps: count,
        simulatedS: { ...finite, unit: 's' },
        /** Clock time of the stretches in which steps were driven; what lies between epochs is not in it. */
        clockS: { ...finite, unit: 's' },
        rtf: { type: ['number', 'null'] },
        targetRtf: { type: ['number', 'null'] },
        rebases: count,
        lostMs: ms,
        roundsLeftOut: count,
        /** Actual − due begin of steps; null in lock-step. */
        jitter: { anyOf: [times, { type: 'null' }] },
        /** Steps by their jitter, up to and including `toMs` (null: any); empty in lock-step. */
        jitterBins: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['toMs', 'count'],
            properties: { toMs: nullableMs, count },
          },
        },
      },
    },
    devices: {
      type: 'object',
      propertyNames: id,
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: [...countNames, 'roundTrip'],
        properties: {
          ...countProperties,
          /** From the first sending of a question to its answer, at the bridge. */
          roundTrip: {
            type: 'object',
            additionalProperties: false,
            required: ['decide', 'learn', 'mix'],
            properties: { decide: times, learn: times, mix: times },
          },
        },
      },
    },
    faults: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['fault', 'messages', 'effects'],
        properties: {
          fault: faultsSchema.properties.faults.items,
          /** Messages that the fault touched, repetitions included. */
          messages: count,
          /** What was counted of vehicles while a question or answer that the fault had touched was their last one (docs/realtime.md). */
          effects: {
            type: 'object',
            additionalProperties: false,
            required: countNames,
            properties: countProperties,
          },
        },
      },
    },
    criteria: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['subject', 'criterion', 'limit', 'found', 'passed'],
        properties: {
          /** A vehicle, or `world`. */
          subject: { type: 'string' },
          criterion: { type: 'string' },
          limit: finite,
          found: { type: ['number', 'null'] },
          passed: { type: 'boolean' },
        },
      },
    },
    passed: { type: 'boolean' },
  },
} as const

export type Report = FromSchema<typeof reportSchema>
export type Criterion = Report['criteria'][number]
export type Times = Report['devices'][string]['roundTrip']['decide']
export const validateReport = validatorOf(reportSchema)
