import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, id, text, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** What can be wrong with a vehicle, one alarm each. */
export const alarmKinds = ['offline', 'late', 'non-finite', 'refused', 'shed', 'collapse', 'fault'] as const
export type AlarmKind = (typeof alarmKinds)[number]

/** `ops/health`, once a second: the fleet in figures. */
export const healthSchema = {
  $id: 'health',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'vehicles', 'online'],
  properties: {
    version,
    vehicles: { ...count, description: 'vehicles that have told their status' },
    online: count,
    late: { ...count, description: 'online ones that have missed deadlines lately' },
    invalid: { ...count, description: 'online ones with something that is not finite, in or out' },
    messagesPerSecond: { ...finite, unit: '1/s', description: 'messages heard by the monitor' },
    alarms: {
      type: 'object',
      additionalProperties: false,
      properties: countsOf(alarmKinds),
      description: 'those that stand, by kind, with those that are too many for a topic of their own',
    },
    broker: {
      description: 'what only the broker itself knows; null beside another one',
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['connections', 'refused'],
          properties: {
            connections: count,
            refused: {
              type: 'object',
              maxProperties: 64,
              propertyNames: id,
              additionalProperties: count,
              description: 'refusals by reason, zeros left out',
            },
          },
        },
      ],
    },
  },
} as const
export type Health = FromSchema<typeof healthSchema>
export const validateHealth = validatorOf(healthSchema)

/** `ops/alarm/{id}`, retained while it stands and emptied when it is over. */
export const alarmSchema = {
  $id: 'alarm',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'kind', 'vehicle', 'since', 'text', 'advice'],
  properties: {
    version,
    kind: { enum: alarmKinds },
    vehicle: { ...id, description: 'whom it is about' },
    since: {
      type: 'string',
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z$',
      description: 'wall time of the monitor',
    },
    text: { ...text, description: 'what was seen' },
    advice: { ...text, description: 'what to do' },
  },
} as const
export type Alarm = FromSchema<typeof alarmSchema>
export const validateAlarm = validatorOf(alarmSchema)

function countsOf<const K extends string>(kinds: readonly K[]): Record<K, typeof count> {
  return Object.fromEntries(kinds.map((kind) => [kind, count])) as Record<K, typeof count>
}
