import { alarmKinds } from '../../schemas/health.ts'
import { speedOf } from '../../schemas/telemetry.ts'
import type { Standing } from '../alarms.ts'
import type { Vehicle } from '../fleet.ts'
import type { Watch } from './watch.ts'

/** A metric of Sparkplug; null where nothing is known yet. */
export interface Told {
  readonly name: string
  readonly type: 'Boolean' | 'Double' | 'Int64' | 'String'
  readonly value: boolean | number | string | null
}

/** The fleet as an edge node: always the same names. */
export function nodeMetrics({ state, health }: Watch): Told[] {
  const run = state.run?.ended === false ? state.run : undefined
  return [
    integer('Fleet/Vehicles', health.vehicles),
    integer('Fleet/Online', health.online),
    integer('Fleet/Late', health.late),
    integer('Fleet/Invalid', health.invalid),
    word('Run/Id', run?.id),
    word('Run/Method', run?.message.method),
    integer('Run/Epoch', run?.message.epoch),
    integer('Run/Epochs', run?.message.epochs),
    double('Run/NAS', run?.message.history.at(-1)),
    double('Run/Baseline NAS', run?.message.baseline.nas),
  ]
}

/** A vehicle as a device: always the same names. Units are SI. */
export function vehicleMetrics(vehicle: Vehicle, alarms: readonly Standing[]): Told[] {
  const { status, telemetry, verdict, totals } = vehicle
  const own = alarms.filter((alarm) => alarm.vehicle === vehicle.id)
  const scaled = (value: number | undefined, unit: number) => (value === undefined ? undefined : value * unit)
  return [
    word('Properties/Software', status?.software),
    word('Properties/Engine', status?.engine),
    integer('Boot', status?.boot),
    word('Policy Hash', status?.policyHash),
    { name: 'Paused', type: 'Boolean', value: status?.paused ?? null },
    double('Speed', telemetry && speedOf(telemetry)),
    double('Return', telemetry?.['Vehicle.Private.Trustmix.Return']),
    integer('Epoch', telemetry?.['Vehicle.Private.Trustmix.Epoch']),
    integer('Samples', telemetry?.['Vehicle.Private.Trustmix.Samples']),
    integer('Updates', telemetry?.['Vehicle.Private.Trustmix.Updates']),
    integer('Fallbacks', totals.fallbacks),
    integer('Deadline Misses', totals.misses),
    double('Tick P99', scaled(telemetry?.['Vehicle.Private.Trustmix.TickP99'], 1e-3)),
    double('Resident Memory', scaled(telemetry?.['Vehicle.Private.Trustmix.ResidentMemory'], 1_048_576)),
    integer('Verdicts/Accepted', vehicle.accepted),
    integer(
      'Verdicts/Rejected',
      [...vehicle.rejected.values()].reduce((sum, n) => sum + n, 0),
    ),
    word('Verdicts/Last Peer', verdict?.peerId),
    word('Verdicts/Last Reason', verdict?.reason),
    double('Verdicts/Last Alpha', verdict?.alpha),
    ...alarmKinds
      .filter((kind) => kind !== 'offline')
      .map(
        (kind): Told => ({ name: `Alarms/${kind}`, type: 'Boolean', value: own.some((alarm) => alarm.kind === kind) }),
      ),
  ]
}

function integer(name: string, value: number | null | undefined): Told {
  return { name, type: 'Int64', value: value ?? null }
}

function double(name: string, value: number | null | undefined): Told {
  return { name, type: 'Double', value: value ?? null }
}

function word(name: string, value: string | null | undefined): Told {
  return { name, type: 'String', value: value ?? null }
}
