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
    'Vehicle.Speed': { type: 'number', unit: 'km/h', description: 'speed of the vehicle at the end of the round' },
    'Vehicle.Private.Trustmix.Epoch': { ...count, description: 'number of the present epoch, from 1' },
    'Vehicle.Private.Trustmix.Updates': { ...count, description: 'updates that the policy has had' },
    'Vehicle.Private.Trustmix.Samples': { ...count, description: 'samples that the policy has learned from' },
    'Vehicle.Private.Trustmix.Return': {
      type: 'number',
      unit: 'ratio',
      description: 'mean reward of the newest round with samples; rewards are speeds divided by 20 m/s',
    },
    'Vehicle.Private.Trustmix.Fallbacks': {
      ...count,
      description: 'decisions since the start of the process in which the envelope replaced the command of the policy',
    },
    'Vehicle.Private.Trustmix.TickP99': {
      type: 'number',
      unit: 'ms',
      description: "99th percentile, since the message before, of the time from an observation's arrival to its action",
    },
    'Vehicle.Private.Trustmix.ResidentMemory': {
      type: 'number',
      unit: 'MiB',
      description: 'memory that the process holds',
    },
  },
} as const

export type Telemetry = FromSchema<typeof telemetrySchema>
export const validateTelemetry = validatorOf(telemetrySchema)

/** m/s → km/h, the unit of `Vehicle.Speed` (COVESA VSS 4). The unit changes here and in `speedOf` alone. */
export function vssSpeed(metresPerSecond: number): number {
  return metresPerSecond * 3.6
}

/** `Vehicle.Speed` in m/s. */
export function speedOf(telemetry: Telemetry): number {
  return telemetry['Vehicle.Speed'] / 3.6
}

/** The message of a device after a round; `speed` in m/s; `memory` in MiB and `tickP99` in ms where they are known. */
export function telemetryOf(told: {
  readonly speed: number
  readonly epoch: number
  readonly updates: number
  readonly samples: number
  readonly return: number
  readonly fallbacks: number
  readonly memory?: number
  readonly tickP99?: number
}): Telemetry {
  return {
    version: formatVersion,
    'Vehicle.Speed': vssSpeed(told.speed),
    'Vehicle.Private.Trustmix.Epoch': told.epoch,
    'Vehicle.Private.Trustmix.Updates': told.updates,
    'Vehicle.Private.Trustmix.Samples': told.samples,
    'Vehicle.Private.Trustmix.Return': told.return,
    'Vehicle.Private.Trustmix.Fallbacks': told.fallbacks,
    ...(told.tickP99 !== undefined && { 'Vehicle.Private.Trustmix.TickP99': told.tickP99 }),
    ...(told.memory !== undefined && { 'Vehicle.Private.Trustmix.ResidentMemory': told.memory }),
  }
}
