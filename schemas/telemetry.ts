import type { FromSchema } from 'json-schema-to-ts'
import { count, version } from './common.ts'
import { validatorOf } from './validator.ts'

/** COVESA VSS paths in VSS units (speed in km/h); what VSS does not know stands under `Vehicle.Private.Trustmix`. */
export const telemetrySchema = {
  $id: 'telemetry',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'Vehicle.Speed'],
  properties: {
    version,
    'Vehicle.Speed': { type: 'number', unit: 'km/h' },
    'Vehicle.Private.Trustmix.Epoch': count,
    'Vehicle.Private.Trustmix.Updates': count,
    'Vehicle.Private.Trustmix.Samples': count,
    'Vehicle.Private.Trustmix.Return': { type: 'number' },
    'Vehicle.Private.Trustmix.Fallbacks': count,
    'Vehicle.Private.Trustmix.ResidentMemory': { type: 'number', unit: 'MiB' },
  },
} as const

export type Telemetry = FromSchema<typeof telemetrySchema>
export const validateTelemetry = validatorOf(telemetrySchema)

/** m/s → km/h, the unit of `Vehicle.Speed` (COVESA VSS 4). The only place where the unit changes. */
export function vssSpeed(metresPerSecond: number): number {
  return metresPerSecond * 3.6
}
