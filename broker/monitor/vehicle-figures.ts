import { speedOf, type Telemetry } from '../../schemas/telemetry.ts'
import { membersOf, type Vehicle } from '../fleet.ts'
import { counter, type Figure, gauge, type Sample } from './figures.ts'
import type { Watch } from './watch.ts'

/**
 * Each vehicle by itself, as long as no more than `limit` have told their status: a label per vehicle is a series each. What
 * a vehicle has told last of itself is left out while it is away.
 */
export function vehicleFigures(watch: Watch, limit: number): Figure[] {
  const each = (of: (vehicle: Vehicle) => number | undefined): Sample[] => {
    const known = membersOf(watch.state).filter(({ status }) => status !== undefined)
    return known.length > limit ? [] : known.map((vehicle) => [of(vehicle), vehicle.id])
  }
  const total = (name: string, help: string, of: (vehicle: Vehicle) => number): Figure =>
    counter(`trustmix_vehicle_${name}_total`, help, () => each(of), 'vehicle')
  const told = (name: string, help: string, of: (telemetry: Telemetry) => number | undefined): Figure =>
    gauge(
      `trustmix_vehicle_${name}`,
      help,
      () => each((vehicle) => (isUp(watch, vehicle) && vehicle.telemetry ? of(vehicle.telemetry) : undefined)),
      'vehicle',
    )

  return [
    gauge(
      'trustmix_vehicle_up',
      'Whether its connection stands',
      () => each((vehicle) => (watch.connected ? Number(isUp(watch, vehicle)) : undefined)),
      'vehicle',
    ),
    told('speed_meters_per_second', 'Its speed', speedOf),
    told('return', 'Its return of the last round', (telemetry) => telemetry['Vehicle.Private.Trustmix.Return']),
    told('tick_p99_seconds', 'p99 of the time from an observation to its action, of the last round', (telemetry) =>
      scaled(telemetry['Vehicle.Private.Trustmix.TickP99'], 1e-3),
    ),
    told('resident_memory_bytes', 'Memory of its process', (telemetry) =>
      scaled(telemetry['Vehicle.Private.Trustmix.ResidentMemory'], 1_048_576),
    ),
    total('samples', 'Samples that it has closed', ({ totals }) => totals.samples),
    total('updates', 'PPO updates that it has made', ({ totals }) => totals.updates),
    total('fallbacks', 'Actions that its envelope replaced', ({ totals }) => totals.fallbacks),
    total('deadline_misses', 'Deadlines that it has missed, in real time', ({ totals }) => totals.misses),
    total('verdicts_accepted', 'Policies of others that it has mixed into its own', ({ accepted }) => accepted),
    total('verdicts_rejected', 'Policies of others that it has rejected', ({ rejected }) =>
      [...rejected.values()].reduce((sum, count) => sum + count, 0),
    ),
  ]
}

function isUp(watch: Watch, { status }: Vehicle): boolean {
  return watch.connected && status?.state === 'online'
}

function scaled(value: number | undefined, unit: number): number | undefined {
  return value === undefined ? undefined : value * unit
}
