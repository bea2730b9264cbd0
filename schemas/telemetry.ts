import type { FromSchema } from 'json-schema-to-ts'
import { count, version } from './common.ts'
import { formatVersion, validatorOf } from './validator.ts'

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

/** The message of a device after a round; `speed` in m/s, `memory` in MiB where it is known. */
export function telemetryOf(told: {
  readonly speed: number
  readonly epoch: number
  readonly updates: number
  readonly samples: number
  readonly return: number
  readonly fallbacks: number
  readonly memory: number | undefined
}): Telemetry {
  return {
    version: formatVersion,
    'Vehicle.Speed': vssSpeed(told.speed),
    'Vehicle.Private.Trustmix.Epoch': told.epoch,
    'Vehicle.Private.Trustmix.Updates': told.updates,
    'Vehicle.Private.Trustmix.Samples': told.samples,
    'Vehicle.Private.Trustmix.Return': told.return,
    'Vehicle.Private.Trustmix.Fallbacks': told.fallbacks,
    ...(told.memory !== undefined && { 'Vehicle.Private.Trustmix.ResidentMemory': told.memory }),
  }
}
