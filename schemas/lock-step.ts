import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, hash, id, text, version } from './common.ts'
import { lawParameters } from './gap-laws.ts'
import { reasons } from './reason.ts'
import { validatorOf } from './validator.ts'

/**
 * Bridge and device speak in turns: one `act` answers one `obs`, paired by `seq` (monotone per vehicle and session). A session
 * is one bridge's life: another bridge of the same run numbers its questions anew.
 */
const envelope = { version, run: id, epoch: count, step: count, seq: count, session: id } as const
const envelopeKeys = ['version', 'run', 'epoch', 'step', 'seq', 'kind'] as const

/** What a vehicle senses: itself, the car ahead and the car behind (m, m/s; positions along the loop). */
export const observationSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'position',
    'speed',
    'gap',
    'leaderPosition',
    'leaderSpeed',
    'followerGap',
    'followerPosition',
    'followerSpeed',
  ],
  properties: {
    position: { ...finite, unit: 'm' },
    speed: { ...finite, unit: 'm/s' },
    gap: { ...finite, unit: 'm' },
    leaderPosition: { ...finite, unit: 'm' },
    leaderSpeed: { ...finite, unit: 'm/s' },
    followerGap: { ...finite, unit: 'm' },
    followerPosition: { ...finite, unit: 'm' },
    followerSpeed: { ...finite, unit: 'm/s' },
  },
} as const

/** Closes the held action: mean reward per step over the `steps` driven under it. */
export const outcomeSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['reward', 'steps', 'terminated', 'truncated'],
  properties: {
    reward: finite,
    steps: { type: 'integer', minimum: 1 },
    terminated: { type: 'boolean' },
    truncated: { type: 'boolean' },
  },
} as const

export const obsSchema = {
  $id: 'obs',
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: [
    {
      title: 'obs reset',
      description: 'an epoch begins: facts of the car',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'intervalSteps', 'stepLength', 'loopLength', 'speedLimit', 'accelerationLimit'],
      properties: {
        ...envelope,
        kind: { const: 'reset' },
        intervalSteps: { type: 'integer', minimum: 1 },
        stepLength: { ...finite, unit: 's' },
        loopLength: { ...finite, unit: 'm' },
        speedLimit: { ...finite, unit: 'm/s' },
        accelerationLimit: { ...finite, unit: 'm/s²' },
      },
    },
    {
      title: 'obs decide',
      description: 'what the vehicle senses, and how the action held so far went',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys],
      properties: {
        ...envelope,
        kind: { const: 'decide' },
        /** Absent where the sensors gave none: the device answers with its fallback. */
        observation: observationSchema,
        outcome: outcomeSchema,
      },
    },
    {
      title: 'obs learn',
      description: 'the round is over: update the policy',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys],
      properties: { ...envelope, kind: { const: 'learn' }, observation: observationSchema, outcome: outcomeSchema },
    },
    {
      title: 'obs mix',
      description: 'all have learned: consider these policies',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'policies'],
      properties: {
        ...envelope,
        kind: { const: 'mix' },
        policies: { type: 'object', maxProperties: 4096, propertyNames: id, additionalProperties: hash },
        aggregate: hash,
      },
    },
    {
      title: 'obs end',
      description: 'the run is over',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys],
      properties: { ...envelope, kind: { const: 'end' } },
    },
  ],
} as const

export type Obs = FromSchema<typeof obsSchema>
export type Observation = FromSchema<typeof observationSchema>
export type Outcome = FromSchema<typeof outcomeSchema>
export const validateObs = validatorOf(obsSchema)

/** One line of a `mix` answer: what the gate said of one peer, so that no count depends on a lost verdict message. */
const briefSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['peer', 'accepted', 'referred', 'reason'],
  properties: {
    peer: id,
    accepted: { type: 'boolean' },
    referred: { type: 'boolean' },
    reason: { enum: reasons },
  },
} as const

/** The parameters of the general follow law (docs/settings.md). */
export const gapLawSchema = {
  type: 'object',
  additionalProperties: false,
  required: lawParameters,
  properties: {
    timeGap: { ...finite, exclusiveMinimum: 0, unit: 's' },
    standstillGap: { ...finite, unit: 'm' },
    gain: { ...finite, unit: '1/s' },
    cap: { ...finite, unit: 'm/s' },
    leaderGain: { ...finite, unit: '1/s' },
    followerWeight: { ...finite, unit: 'm/s per 10 m' },
    followerGain: { ...finite, unit: '1/s' },
  },
} as const

/**
 * The car's low-level controller takes an acceleration (m/s²), a time gap (s) that it keeps to the car ahead, or the parameters
 * of the general follow law.
 */
export const commandSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    acceleration: { ...finite, unit: 'm/s²' },
    timeGap: { ...finite, exclusiveMinimum: 0, unit: 's' },
    gapLaw: gapLawSchema,
  },
} as const

export const actSchema = {
  $id: 'act',
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: [
    {
      title: 'act reset',
      description: 'ready',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'policyHash'],
      properties: { ...envelope, kind: { const: 'reset' }, policyHash: hash },
    },
    {
      title: 'act decide',
      description: 'what the car is to do',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'command'],
      properties: { ...envelope, kind: { const: 'decide' }, command: commandSchema, fallback: text },
    },
    {
      title: 'act learn',
      description: 'the update is done',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'policyHash', 'samples', 'updates', 'return'],
      properties: {
        ...envelope,
        kind: { const: 'learn' },
        policyHash: hash,
        samples: count,
        updates: count,
        return: finite,
      },
    },
    {
      title: 'act mix',
      description: 'all policies are considered',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'policyHash', 'verdicts', 'refused'],
      properties: {
        ...envelope,
        kind: { const: 'mix' },
        policyHash: hash,
        verdicts: { type: 'array', maxItems: 4096, items: briefSchema },
        refused: { type: 'object', propertyNames: { enum: reasons }, additionalProperties: count },
        note: text,
      },
    },
    {
      title: 'act end',
      description: 'done',
      type: 'object',
      additionalProperties: false,
      required: [...envelopeKeys, 'policyHash'],
      properties: { ...envelope, kind: { const: 'end' }, policyHash: hash },
    },
  ],
} as const

export type Act = FromSchema<typeof actSchema>
export type Command = FromSchema<typeof commandSchema>
export type VerdictBrief = FromSchema<typeof briefSchema>
export const validateAct = validatorOf(actSchema)
