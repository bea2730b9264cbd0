import { vssSpeed } from '../../../../schemas/telemetry.ts'
import { type Flags, flagsOf } from '../../../alarms.ts'
import { type FleetState, membersOf, type Vehicle } from '../../../fleet.ts'
import { fixed, shortHash, unknown, whole } from './format.ts'
import { reasonWords } from './words.ts'

/** One vehicle in the table of the fleet. */
export interface FleetRow {
  readonly vehicle: Vehicle
  readonly flags: Flags
  readonly place: Place
  /** km/h: as the world tells it, else as the vehicle does, which is once a round. */
  readonly speed: number | undefined
}

/** Where a vehicle is: `online`, gone without a goodbye (`lost`), gone by its own word (`left`), or never heard of itself. */
export type Place = 'online' | 'lost' | 'left' | 'unknown'

/** A column of the table: what it sorts by, and what it shows. */
export interface FleetColumn {
  readonly key: string
  readonly title: string
  readonly unit?: string
  readonly hint: string
  readonly numeric: boolean
  /** Undefined where it is not known: such rows come last. */
  value(row: FleetRow): number | string | undefined
  text(row: FleetRow): string
}

const figure = (
  key: string,
  title: string,
  unit: string,
  hint: string,
  decimals: number | 'whole',
  value: (vehicle: Vehicle) => number | undefined,
): FleetColumn => ({
  ...{ key, title, hint, numeric: true },
  ...(unit !== '' && { unit }),
  value: ({ vehicle }) => value(vehicle),
  text: ({ vehicle }) => (decimals === 'whole' ? whole(value(vehicle)) : fixed(value(vehicle), decimals)),
})

/** Of a flag, what needs attention comes first. */
const flag = (key: string, title: string, hint: string, value: (row: FleetRow) => number): FleetColumn => ({
  ...{ key, title, hint, numeric: false, value },
  text: (row) => (value(row) === 1 ? 'yes' : 'no'),
})

const telemetry = (name: 'Samples' | 'ResidentMemory' | 'TickP99' | 'Return') => (vehicle: Vehicle) =>
  vehicle.telemetry?.[`Vehicle.Private.Trustmix.${name}`]

/** The columns; where one shows more than text, the view says so. */
export const fleetColumns: readonly FleetColumn[] = [
  {
    ...{ key: 'id', title: 'Vehicle', hint: 'Id of the vehicle', numeric: false },
    value: ({ vehicle }) => vehicle.id,
    text: ({ vehicle }) => vehicle.id,
  },
  flag('alive', 'Alive', 'Its connection stands', ({ place }) => ['lost', 'left', 'unknown', 'online'].indexOf(place)),
  flag('valid', 'Valid', 'Nothing that is not finite, in or out, lately', ({ flags }) => +flags.valid),
  flag('onTime', 'On time', 'No deadline missed lately', ({ flags }) => +flags.onTime),
  {
    ...{ key: 'speed', title: 'Speed', unit: 'km/h', numeric: true },
    hint: 'Speed in the world where that is told, else as the vehicle states it',
    value: ({ speed }) => speed,
    text: ({ speed }) => fixed(speed, 1),
  },
  figure('return', 'Return', '', 'Return of the last round', 3, telemetry('Return')),
  figure('samples', 'Samples', '', 'Samples that it has closed so far', 'whole', telemetry('Samples')),
  figure('updates', 'Updates', '', 'Updates of the policy so far', 'whole', updatesOf),
  {
    ...{ key: 'policy', title: 'Policy', hint: 'First digits of the hash of the present policy', numeric: false },
    value: ({ vehicle }) => vehicle.status?.policyHash,
    text: ({ vehicle }) => shortHash(vehicle.status?.policyHash),
  },
  {
    ...{ key: 'verdict', title: 'Last verdict', hint: 'About whom, and how it ended', numeric: false },
    value: ({ vehicle: { verdict } }) => verdict && `${verdict.reason} ${verdict.peerId ?? ''}`,
    text: ({ vehicle: { verdict } }) =>
      verdict ? `${verdict.peerId ?? ''} ${reasonWords[verdict.reason].short}`.trim() : unknown,
  },
  figure('memory', 'Memory', 'MiB', 'Resident memory of the process', 0, telemetry('ResidentMemory')),
  figure('tick', 'Tick p99', 'ms', '99th percentile of the time from observation to action', 1, telemetry('TickP99')),
  {
    ...{ key: 'software', title: 'Software', hint: 'Software and version', numeric: false },
    value: ({ vehicle }) => vehicle.status?.software,
    text: ({ vehicle }) => vehicle.status?.software ?? unknown,
  },
]

export interface FleetOrder {
  readonly key: string
  readonly descending: boolean
}

/** Which vehicles are shown. */
export type FleetFilter = 'all' | 'online' | 'away' | 'trouble'

/** The rows that pass filter and search (in id, policy, software and last verdict), in order; ties by id. */
export function fleetRows(
  state: FleetState,
  nowMs: number,
  { order, filter, search }: { readonly order: FleetOrder; readonly filter: FleetFilter; readonly search: string },
): FleetRow[] {
  const column = fleetColumns.find(({ key }) => key === order.key) ?? fleetColumns[0]!
  const wanted = search.trim().toLowerCase()
  const alarmed = filter === 'trouble' ? new Set([...state.alarms.values()].map(({ vehicle }) => vehicle)) : undefined
  const rows: { readonly row: FleetRow; readonly value: number | string | undefined }[] = []
  for (const vehicle of membersOf(state)) {
    const row = { vehicle, flags: flagsOf(vehicle, nowMs), place: placeOf(vehicle), speed: speedOf(state, vehicle) }
    if (passes(row, filter, alarmed) && (wanted === '' || matches(row, wanted)))
      rows.push({ row, value: column.value(row) })
  }
  const sign = order.descending ? -1 : 1
  return rows
    .sort((a, b) => {
      if (a.value === undefined || b.value === undefined) {
        if (a.value !== b.value) return a.value === undefined ? 1 : -1
      } else if (a.value !== b.value) return a.value < b.value ? -sign : sign
      return a.row.vehicle.id < b.row.vehicle.id ? -1 : 1
    })
    .map(({ row }) => row)
}

/** km/h */
function speedOf({ world }: FleetState, { id, telemetry }: Vehicle): number | undefined {
  const car = world?.message.cars[id]
  return car ? vssSpeed(car.v) : telemetry?.['Vehicle.Speed']
}

export function placeOf({ status }: Vehicle): Place {
  if (!status) return 'unknown'
  if (status.state === 'online') return 'online'
  return status.leaving ? 'left' : 'lost'
}

/** Updates of the policy so far, from whichever said so last. */
export function updatesOf({ status, telemetry }: Vehicle): number | undefined {
  return telemetry?.['Vehicle.Private.Trustmix.Updates'] ?? status?.updates
}

function passes({ vehicle, flags, place }: FleetRow, filter: FleetFilter, alarmed: ReadonlySet<string> | undefined) {
  if (filter === 'online') return place === 'online'
  if (filter === 'away') return place !== 'online'
  if (filter === 'trouble') return alarmed?.has(vehicle.id) || place === 'lost' || !flags.valid || !flags.onTime
  return true
}

function matches({ vehicle }: FleetRow, wanted: string): boolean {
  const { id, status, verdict } = vehicle
  return [id, status?.policyHash?.slice(0, 16), status?.software, verdict?.reason, verdict?.peerId].some((text) =>
    text?.toLowerCase().includes(wanted),
  )
}
