import type { Announcement } from '../schemas/announcement.ts'
import type { Alarm, AlarmKind, Health } from '../schemas/health.ts'
import type { LogMessage } from '../schemas/log.ts'
import type { Reason } from '../schemas/reason.ts'
import type { RunMessage, WorldMessage } from '../schemas/run.ts'
import type { Status } from '../schemas/status.ts'
import type { Telemetry } from '../schemas/telemetry.ts'
import { aggregatorId } from '../schemas/topics.ts'
import type { Acknowledgement } from '../schemas/trust.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'
import { Ring, Series } from './ring.ts'

/** What a watcher of a fleet hears: one channel each, validated; `cleared` is a retained topic that was emptied. */
export type Heard =
  | { readonly channel: 'status'; readonly vehicle: string; readonly message: Status }
  | { readonly channel: 'telemetry'; readonly vehicle: string; readonly message: Telemetry }
  | { readonly channel: 'verdict'; readonly vehicle: string; readonly message: VerdictMessage }
  | { readonly channel: 'log'; readonly vehicle: string; readonly message: LogMessage }
  | { readonly channel: 'ack'; readonly vehicle: string; readonly name: string; readonly message: Acknowledgement }
  | {
      readonly channel: 'ann'
      readonly vehicle: string
      readonly cell: string
      readonly message: Announcement | 'cleared'
    }
  | { readonly channel: 'run'; readonly run: string; readonly message: RunMessage | 'cleared' }
  | { readonly channel: 'world'; readonly run: string; readonly message: WorldMessage }
  | { readonly channel: 'health'; readonly message: Health }
  | { readonly channel: 'alarm'; readonly id: string; readonly message: Alarm | 'cleared' }

/** All that is known of a fleet: the newest of each thing and bounded windows of what went before. Times are ms, monotonic. */
export interface FleetState {
  readonly fleet: string
  readonly vehicles: Map<string, Vehicle>
  /** By `own>peer`: how `own` has judged the policies of `peer`. */
  readonly pairs: Map<string, Pair>
  /** The newest verdicts of all. */
  readonly verdicts: Ring<{ readonly atMs: number; readonly message: VerdictMessage }>
  /** Alarms as the monitor has published them. */
  readonly alarms: Map<string, Alarm>
  run: { readonly id: string; readonly message: RunMessage; readonly atMs: number; readonly ended: boolean } | undefined
  world: { readonly run: string; readonly message: WorldMessage; readonly atMs: number } | undefined
  health: { readonly message: Health; readonly atMs: number } | undefined
  /** Messages heard so far. */
  heard: number
  /** Messages of vehicles beyond `maxVehicles`, which are left out. */
  leftOut: number
}

export interface Vehicle {
  readonly id: string
  status: Status | undefined
  statusAtMs: number
  telemetry: Telemetry | undefined
  telemetryAtMs: number
  announcement: (Announcement & { readonly cell: string }) | undefined
  /** Return of each round, by time. */
  readonly returns: Series
  /** α of each accepted mix, by time. */
  readonly alphas: Series
  accepted: number
  readonly rejected: Map<Reason, number>
  verdict: VerdictMessage | undefined
  readonly log: Ring<{ readonly atMs: number; readonly message: LogMessage }>
  readonly acknowledgements: Ring<{ readonly atMs: number; readonly name: string; readonly message: Acknowledgement }>
  /** Deadlines missed in the present run. */
  misses: number
  /** Sums over all its boots and all runs that were seen: they never fall. */
  readonly totals: { updates: number; samples: number; fallbacks: number; misses: number }
  /** What has gone wrong, newest occurrence of each kind. */
  readonly troubles: Map<AlarmKind, Trouble>
  readonly window: ReturnWindow
}

export interface Trouble {
  readonly sinceMs: number
  readonly lastMs: number
  readonly count: number
  readonly text: string
}

export interface Pair {
  readonly own: string
  readonly peer: string
  accepted: number
  rejected: number
  last: VerdictMessage
}

/** Returns in windows of `windowRounds`: the rule of a device's own way back (`device/last-good.ts`), seen from outside. */
interface ReturnWindow {
  rounds: number
  sum: number
  mixedWith: string | undefined
  levelBefore: number | undefined
}

export const maxVehicles = 4096
const curvePoints = 512

/** A fleet of which nothing is known yet. */
export function createFleetState(fleet: string): FleetState {
  return {
    fleet,
    vehicles: new Map(),
    pairs: new Map(),
    verdicts: new Ring(5_000),
    alarms: new Map(),
    run: undefined,
    world: undefined,
    health: undefined,
    heard: 0,
    leftOut: 0,
  }
}

/** Notes that something has gone wrong with a vehicle, as the broker does of messages that it shed. */
export function trouble(vehicle: Vehicle, kind: AlarmKind, text: string, nowMs: number, times = 1): void {
  const before = vehicle.troubles.get(kind)
  const count = (before?.count ?? 0) + times
  vehicle.troubles.set(kind, { sinceMs: before?.sinceMs ?? nowMs, lastMs: nowMs, count, text })
}

/** The vehicle of an id, made at the first call; none beyond `maxVehicles`. */
export function vehicleOf(state: FleetState, id: string): Vehicle | undefined {
  const known = state.vehicles.get(id)
  if (known || state.vehicles.size >= maxVehicles) return known
  const vehicle: Vehicle = {
    id,
    status: undefined,
    statusAtMs: 0,
    telemetry: undefined,
    telemetryAtMs: 0,
    announcement: undefined,
    returns: new Series(curvePoints),
    alphas: new Series(curvePoints),
    accepted: 0,
    rejected: new Map(),
    verdict: undefined,
    log: new Ring(50),
    acknowledgements: new Ring(20),
    misses: 0,
    totals: { updates: 0, samples: 0, fallbacks: 0, misses: 0 },
    troubles: new Map(),
    window: { rounds: 0, sum: 0, mixedWith: undefined, levelBefore: undefined },
  }
  state.vehicles.set(id, vehicle)
  return vehicle
}

/** The vehicles: the averaging server tells its status as one does, and is none. */
export function membersOf({ vehicles }: FleetState): Vehicle[] {
  return [...vehicles.values()].filter(({ id }) => id !== aggregatorId)
}
