import { type Alarm, type AlarmKind, alarmKinds, type Health } from '../schemas/health.ts'
import { formatVersion } from '../schemas/validator.ts'
import { type FleetState, membersOf, type Vehicle } from './fleet.ts'

/** Health words of a vehicle, after opendbc's alive, valid, freq_ok. */
export interface Flags {
  /** Its connection stands. */
  readonly alive: boolean
  /** Nothing that is not finite, in or out, lately. */
  readonly valid: boolean
  /** No deadline missed lately. */
  readonly onTime: boolean
}

/** An alarm that stands, with the key of its topic. */
export interface Standing {
  readonly id: string
  readonly kind: AlarmKind
  readonly vehicle: string
  readonly sinceMs: number
  readonly text: string
}

/** How long after its last occurrence something counts as present, ms; `offline` is a condition, not an event. */
const holdMs: Readonly<Record<AlarmKind, number>> = {
  offline: 0,
  late: 10_000,
  'non-finite': 60_000,
  refused: 60_000,
  shed: 30_000,
  collapse: 120_000,
  fault: 120_000,
}

/** What an operator does about each kind. */
export const adviceOf: Readonly<Record<AlarmKind, string>> = {
  offline:
    'Look whether the unit has power and network (ssh, journalctl -u trustmix). Its car is driven by the simulator, or by its own fallback, until it is back.',
  late: 'Look at its tick p99 and memory. Shorten --learn-slice-ms, or take load off the unit; a car whose action is late holds the last one for at most a second.',
  'non-finite':
    'Its policy or its input is not finite; peers refuse it and its envelope drives. Send it rollback; if it comes again, take it out of the fleet.',
  refused:
    'Somebody sends parameters in its name that do not pass: a wrong key, an old roster, or an attack. Compare keys with the roster; revoke the id if it is not yours.',
  shed: 'It sends more than its share, or reads too slowly, and messages of it were dropped. Look at its log; a healthy unit stays below a tenth of the limit.',
  collapse:
    'Its return halved after a mix. Look at its verdicts; send it rollback, and set the gate to strict or certified. Units with rollbackDrop go back by themselves.',
  fault: 'The unit reports an error of its own; its log and the notes of its status say which.',
}

/** Alarms of one kind that get a topic each; more are counted in the health message only. */
const maxOfKind = 32

/** All alarms that stand at `nowMs`, in order of vehicle and kind. */
export function alarmsAt(state: FleetState, nowMs: number): Standing[] {
  const standing: Standing[] = []
  for (const vehicle of state.vehicles.values()) {
    if (isLost(vehicle))
      standing.push(alarm(vehicle, 'offline', vehicle.statusAtMs, 'its connection ended without a goodbye'))
    for (const [kind, { sinceMs, lastMs, text }] of vehicle.troubles) {
      if (nowMs - lastMs < holdMs[kind]) standing.push(alarm(vehicle, kind, sinceMs, text))
      else vehicle.troubles.delete(kind)
    }
  }
  return standing.sort((a, b) => (a.vehicle < b.vehicle ? -1 : a.vehicle > b.vehicle ? 1 : a.kind < b.kind ? -1 : 1))
}

/** Those of `alarms` that get a topic, at most `maxOfKind` of each kind. */
export function published(alarms: readonly Standing[]): Standing[] {
  const seen = new Map<AlarmKind, number>()
  return alarms.filter(({ kind }) => {
    const before = seen.get(kind) ?? 0
    seen.set(kind, before + 1)
    return before < maxOfKind
  })
}

/** The message of an alarm; `wallClock` turns a monotonic time into an ISO one. */
export function alarmMessage({ kind, vehicle, sinceMs, text }: Standing, wallClock: (ms: number) => string): Alarm {
  return {
    version: formatVersion,
    kind,
    vehicle,
    since: wallClock(sinceMs),
    text: text.slice(0, 400),
    advice: adviceOf[kind],
  }
}

/** The health message; `broker` is what only the broker itself knows. */
export function healthOf(
  state: FleetState,
  alarms: readonly Standing[],
  nowMs: number,
  told: { readonly messagesPerSecond: number; readonly broker: Health['broker'] },
): Health {
  const counts: Partial<Record<AlarmKind, number>> = {}
  for (const kind of alarmKinds) {
    const n = alarms.filter((standing) => standing.kind === kind).length
    if (n > 0) counts[kind] = n
  }
  const known = membersOf(state).filter(({ status }) => status !== undefined)
  const flags = known.map((vehicle) => flagsOf(vehicle, nowMs)).filter(({ alive }) => alive)
  return {
    version: formatVersion,
    vehicles: known.length,
    online: flags.length,
    late: flags.filter(({ onTime }) => !onTime).length,
    invalid: flags.filter(({ valid }) => !valid).length,
    messagesPerSecond: told.messagesPerSecond,
    alarms: counts,
    broker: told.broker ?? null,
  }
}

export function flagsOf(vehicle: Vehicle, nowMs: number): Flags {
  const present = (kind: AlarmKind): boolean => {
    const last = vehicle.troubles.get(kind)?.lastMs
    return last !== undefined && nowMs - last < holdMs[kind]
  }
  return { alive: vehicle.status?.state === 'online', valid: !present('non-finite'), onTime: !present('late') }
}

function isLost({ status }: Vehicle): boolean {
  return status?.state === 'offline' && status.leaving !== true
}

function alarm({ id }: Vehicle, kind: AlarmKind, sinceMs: number, text: string): Standing {
  return { id: topicId(kind, id), kind, vehicle: id, sinceMs, text }
}

/** A topic level of at most 23 characters: kind and vehicle where they fit, else a hash (FNV-1a) in the vehicle's place. */
function topicId(kind: AlarmKind, vehicle: string): string {
  const full = `${kind}-${vehicle}`
  if (full.length <= 23) return full
  let hash = 0x811c9dc5
  for (const letter of vehicle) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0
  return `${kind}-${hash.toString(16).padStart(8, '0')}`
}
