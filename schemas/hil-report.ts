import type { FromSchema } from 'json-schema-to-ts'
import { count, hash, id, nullableNumber, version } from './common.ts'
import { logSchema } from './log.ts'
import { reasons } from './reason.ts'
import { reportSchema } from './report.ts'
import { statusSchema } from './status.ts'
import { summarySchema } from './summary.ts'
import { validatorOf } from './validator.ts'

/** Seconds of the clock since the run began. */
const atS = { type: 'number', minimum: 0, unit: 's' } as const
const nullableText = { type: ['string', 'null'] } as const
const nullableCount = { type: ['integer', 'null'], minimum: 0 } as const

/** What happened to the unit's connection: a `restart` is a new boot, a `reconnect` a new connection of the same one. */
export const unitEvents = ['offline', 'restart', 'reconnect'] as const

/** Equal stretches of the run, empty ones left out; no more than 480 however long it lasts. */
const timeline = {
  type: 'object',
  additionalProperties: false,
  required: ['stretchS', 'stretches'],
  properties: {
    /** Length of a stretch, seconds of the clock. */
    stretchS: { type: 'number', exclusiveMinimum: 0, unit: 's' },
    stretches: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['atS', 'count', 'mean', 'max', 'marks'],
        /** `marks`: how many of something stand out in the stretch; `mean` and `max` are null where there are only marks. */
        properties: { atS, count, mean: nullableNumber, max: nullableNumber, marks: count },
      },
    },
  },
} as const

/** What the unit's machine says of its service (systemd's properties of the same names); null where it does not say. */
const machine = {
  type: 'object',
  additionalProperties: false,
  required: ['restarts', 'memoryMib', 'mainPid', 'activeState', 'trouble'],
  properties: {
    restarts: nullableCount,
    /** Memory of the service's control group. */
    memoryMib: { type: ['number', 'null'], minimum: 0, unit: 'MiB' },
    mainPid: nullableCount,
    activeState: nullableText,
    /** Why the machine could not be asked. */
    trouble: nullableText,
  },
} as const

/** One run with one unit: `report.json` of `trustmix hil`. */
export const hilReportSchema = {
  $id: 'hil-report',
  type: 'object',
  additionalProperties: false,
  required: [
    ...['version', 'run', 'vehicle', 'target', 'seed', 'begun', 'durationS', 'complete', 'cause', 'unit', 'decisions'],
    ...['roundTrips', 'memory', 'connection', 'policies', 'verdicts', 'log', 'machine', 'identity', 'mode', 'deadline'],
    ...['world', 'devices', 'faults', 'epochs', 'deterministic', 'causes', 'criteria', 'passed'],
  ],
  properties: {
    version,
    run: id,
    vehicle: id,
    /** As the command was given it. */
    target: { type: 'string' },
    seed: count,
    /** ISO 8601, by the clock of the workstation. */
    begun: { type: 'string' },
    durationS: atS,
    /** False where the run did not reach its end; `cause` says why. */
    complete: { type: 'boolean' },
    cause: nullableText,
    /** What the unit said of itself last, online. */
    unit: {
      type: 'object',
      additionalProperties: false,
      required: statusSchema.required,
      properties: statusSchema.properties,
    },
    /** Decisions of the unit: how many round trips took how long, and what befell it while no fault was at work. */
    decisions: {
      type: 'object',
      additionalProperties: false,
      required: ['bins', 'outsideFaults'],
      properties: {
        bins: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['toMs', 'count'],
            properties: { toMs: { type: 'number', unit: 'ms' }, count },
          },
        },
        outsideFaults: {
          type: 'object',
          additionalProperties: false,
          required: ['misses', 'handedOverSteps', 'awaySteps', 'left', 'longestMs'],
          properties: {
            misses: count,
            handedOverSteps: count,
            awaySteps: count,
            left: count,
            longestMs: { type: ['number', 'null'], unit: 'ms' },
          },
        },
      },
    },
    /** Round trips of decisions, ms; marks are missed deadlines. */
    roundTrips: timeline,
    /** Resident memory by the unit's telemetry, MiB. */
    memory: timeline,
    connection: {
      type: 'object',
      additionalProperties: false,
      required: ['restarts', 'reconnects', 'events'],
      properties: {
        restarts: count,
        reconnects: count,
        /** The last 200. */
        events: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['atS', 'kind', 'boot', 'connection'],
            properties: { atS, kind: { enum: unitEvents }, boot: count, connection: count },
          },
        },
      },
    },
    policies: {
      type: 'object',
      additionalProperties: false,
      required: ['updates', 'mixes', 'last', 'changes'],
      properties: {
        /** Updates by the unit's own samples. */
        updates: count,
        /** Rounds in which it took something from others. */
        mixes: count,
        /** What it said last; null where it never did. */
        last: { anyOf: [hash, { type: 'null' }] },
        /** The last 1000 new policies. */
        changes: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['atS', 'epoch', 'step', 'by', 'policyHash'],
            properties: { atS, epoch: count, step: count, by: { enum: ['learn', 'mix'] }, policyHash: hash },
          },
        },
      },
    },
    /** What the unit made of others' policies, by reason. */
    verdicts: { type: 'object', propertyNames: { enum: reasons }, additionalProperties: count },
    /** The last lines of the unit's log. */
    log: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['atS', 'level', 'event', 'text'],
        properties: {
          atS,
          level: logSchema.properties.level,
          event: logSchema.properties.event,
          text: logSchema.properties.text,
        },
      },
    },
    /** Null where the target has no machine that can be asked. */
    machine: {
      anyOf: [
        {
          type: 'object',
          additionalProperties: false,
          required: ['before', 'after', 'journal'],
          properties: { before: machine, after: machine, journal: { type: 'array', items: { type: 'string' } } },
        },
        { type: 'null' },
      ],
    },
    /** The unit's recording, replayed on the workstation; null where none was asked for. */
    identity: {
      anyOf: [
        {
          type: 'object',
          additionalProperties: false,
          required: ['identical', 'records', 'policyHash', 'detail'],
          properties: {
            /** Every record, and the policy at the end, came out the same. */
            identical: { type: 'boolean' },
            records: count,
            /** Of the replay at its end. */
            policyHash: { anyOf: [hash, { type: 'null' }] },
            /** The first difference, or why nothing was compared. */
            detail: nullableText,
          },
        },
        { type: 'null' },
      ],
    },
    mode: reportSchema.properties.mode,
    deadline: reportSchema.properties.deadline,
    world: reportSchema.properties.world,
    /** All devices of the run, the unit among them. */
    devices: reportSchema.properties.devices,
    faults: reportSchema.properties.faults,
    epochs: summarySchema.properties.epochs,
    deterministic: { type: 'boolean' },
    causes: summarySchema.properties.causes,
    criteria: reportSchema.properties.criteria,
    passed: { type: 'boolean' },
  },
} as const

export type HilReport = FromSchema<typeof hilReportSchema>
export type Timeline = HilReport['roundTrips']
export type MachineFacts = NonNullable<HilReport['machine']>['before']
export type LogIdentity = NonNullable<HilReport['identity']>
export const validateHilReport = validatorOf(hilReportSchema)
