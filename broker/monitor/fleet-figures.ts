import { alarmKinds } from '../../schemas/health.ts'
import { reasons } from '../../schemas/reason.ts'
import type { WorldMessage } from '../../schemas/run.ts'
import type { Vehicle } from '../fleet.ts'
import { counter, type Figure, gauge } from './figures.ts'
import type { Watch } from './watch.ts'

/** The fleet and its run as a whole: as many metrics for a thousand vehicles as for one. */
export function fleetFigures(watch: Watch): Figure[] {
  const { state } = watch
  const sum = (of: (vehicle: Vehicle) => number): number =>
    [...state.vehicles.values()].reduce((total, vehicle) => total + of(vehicle), 0)
  /** What was so when the connection ended may be so no longer. */
  const live = (name: string, help: string, read: () => number | undefined): Figure =>
    gauge(name, help, () => (watch.connected ? read() : undefined))
  const driven = () => (state.run?.ended === false ? state.run : undefined)

  return [
    gauge('trustmix_monitor_connected', 'Whether the connection to the broker stands', () => Number(watch.connected)),
    live('trustmix_fleet_vehicles', 'Vehicles that have told their status', () => watch.health.vehicles),
    live('trustmix_fleet_vehicles_online', 'Vehicles whose connection stands', () => watch.health.online),
    live('trustmix_fleet_vehicles_late', 'Vehicles online that missed a deadline lately', () => watch.health.late),
    live(
      'trustmix_fleet_vehicles_invalid',
      'Vehicles online with something not finite lately',
      () => watch.health.invalid,
    ),
    gauge(
      'trustmix_fleet_alarms',
      'Alarms that stand',
      () => alarmKinds.map((kind) => [watch.alarms.filter((alarm) => alarm.kind === kind).length, kind]),
      'kind',
    ),
    counter('trustmix_fleet_messages_total', 'Messages heard', () => state.heard),
    live('trustmix_fleet_messages_per_second', 'Messages heard lately', () => watch.health.messagesPerSecond),
    counter(
      'trustmix_fleet_messages_left_out_total',
      'Messages of vehicles beyond the 4096 that are looked at',
      () => state.leftOut,
    ),
    counter('trustmix_fleet_verdicts_accepted_total', 'Verdicts that let a policy be mixed in', () =>
      sum(({ accepted }) => accepted),
    ),
    counter(
      'trustmix_fleet_verdicts_rejected_total',
      'Verdicts that kept a policy out',
      () =>
        reasons
          .filter((reason) => reason !== 'accepted')
          .map((reason) => [sum(({ rejected }) => rejected.get(reason) ?? 0), reason]),
      'reason',
    ),
    gauge(
      'trustmix_run_info',
      'What is driven; always 1',
      () => {
        const run = driven()
        if (!run) return []
        const { network, preset, setting, method, seed } = run.message
        // A line of any length is no label.
        return [[1, run.id, ...[network, preset, setting, method, String(seed)].map((text) => text.slice(0, 64))]]
      },
      ...['run', 'network', 'preset', 'setting', 'method', 'seed'],
    ),
    gauge('trustmix_run_epoch', 'Epoch that is driven, from 1', () => driven()?.message.epoch),
    gauge('trustmix_run_epochs', 'Epochs that the run is to have', () => driven()?.message.epochs),
    gauge('trustmix_run_nas', 'NAS of the last epoch that was driven', () => state.run?.message.history.at(-1)),
    gauge('trustmix_run_baseline_nas', 'NAS of the drivers alone', () => state.run?.message.baseline.nas),
    gauge(
      'trustmix_run_baseline_speed_meters_per_second',
      'Mean speed of the drivers alone',
      () => state.run?.message.baseline.meanSpeed,
    ),
    live('trustmix_run_speed_meters_per_second', 'Mean speed of all cars', () =>
      state.world && state.world.run === driven()?.id ? meanSpeed(state.world.message) : undefined,
    ),
  ]
}

function meanSpeed({ cars }: WorldMessage): number | undefined {
  const speeds = Object.values(cars).map(({ v }) => v)
  return speeds.length === 0 ? undefined : speeds.reduce((sum, v) => sum + v, 0) / speeds.length
}
