import type { FromSchema } from 'json-schema-to-ts'
import { count, id, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** `processes.json` of a run: who is who, for people and for tests that stop and restart parts. */
export const processesSchema = {
  $id: 'processes',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'run', 'broker', 'processes'],
  properties: {
    version,
    run: id,
    broker: { type: 'string' },
    processes: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['role', 'vehicle', 'pid', 'restart', 'restarts'],
        properties: {
          role: { enum: ['fleet', 'broker', 'sim-bridge', 'device', 'aggregator'] },
          vehicle: { type: ['string', 'null'] },
          pid: { type: ['integer', 'null'] },
          /** The command that starts this process again. */
          restart: { type: 'array', items: { type: 'string' } },
          restarts: count,
        },
      },
    },
  },
} as const

export type Processes = FromSchema<typeof processesSchema>
export const validateProcesses = validatorOf(processesSchema)
