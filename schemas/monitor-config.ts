import type { FromSchema } from 'json-schema-to-ts'
import { id, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** `config.json` beside the monitor page: which fleet it shows, and where from. */
export const monitorConfigSchema = {
  $id: 'monitor-config',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'fleet', 'software', 'websocket'],
  properties: {
    version,
    fleet: id,
    /** Name and version of what serves the page. */
    software: { type: 'string', maxLength: 64 },
    /** Where MQTT over WebSocket is spoken; null: at `/mqtt` of the server that the page comes from. */
    websocket: { type: ['string', 'null'], pattern: '^wss?://[^\\s]+$', maxLength: 300 },
  },
} as const

export type MonitorConfig = FromSchema<typeof monitorConfigSchema>
export const validateMonitorConfig = validatorOf(monitorConfigSchema)
