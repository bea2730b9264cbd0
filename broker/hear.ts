import type { Alarm, AlarmKind } from '../schemas/health.ts'
import type { Reason } from '../schemas/reason.ts'
import type { RunMessage, WorldMessage } from '../schemas/run.ts'
import type { Status } from '../schemas/status.ts'
import type { Telemetry } from '../schemas/telemetry.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'
import { type FleetState, type Heard, trouble, type Vehicle, vehicleOf } from './fleet.ts'

/** Folds one message into the state; `nowMs` is when it came. */
export function hear(state: FleetState, heard: Heard, nowMs: number): void {
  state.heard++
  if (heard.channel === 'health') state.health = { message: heard.message, atMs: nowMs }
  else if (heard.channel === 'alarm') hearAlarm(state, heard.id, heard.message)
  else if (heard.channel === 'run') hearRun(state, heard.run, heard.message, nowMs)
  else if (heard.channel === 'world') hearWorld(state, heard.run, heard.message, nowMs)
  else {
    const vehicle = vehicleOf(state, heard.vehicle)
    if (vehicle) hearVehicle(state, vehicle, heard, nowMs)
    else state.leftOut++
  }
}

/** A fall by more than this share of the window before, after a mix, is a collapse. */
const collapseDrop = 0.5
const windowRounds = 6
const maxPairs = 20_000
const maxAlarms = 1_024

function hearVehicle(
  state: FleetState,
  vehicle: Vehicle,
  heard: Extract<Heard, { readonly vehicle: string }>,
  nowMs: number,
): void {
  switch (heard.channel) {
    case 'status':
      hearStatus(vehicle, heard.message, nowMs)
      break
    case 'telemetry':
      hearTelemetry(vehicle, heard.message, nowMs)
      break
    case 'verdict':
      hearVerdict(state, vehicle, heard.message, nowMs)
      break
    case 'log':
      vehicle.log.push({ atMs: nowMs, message: heard.message })
      if (heard.message.level === 'error') trouble(vehicle, 'fault', heard.message.text, nowMs)
      break
    case 'ack':
      vehicle.acknowledgements.push({ atMs: nowMs, name: heard.name, message: heard.message })
      break
    case 'ann':
      vehicle.announcement = heard.message === 'cleared' ? undefined : { ...heard.message, cell: heard.cell }
  }
}

function hearAlarm({ alarms }: FleetState, id: string, message: Alarm | 'cleared'): void {
  if (message === 'cleared') alarms.delete(id)
  else if (alarms.has(id) || alarms.size < maxAlarms) alarms.set(id, message)
}

function hearRun(state: FleetState, id: string, message: RunMessage | 'cleared', nowMs: number): void {
  if (message === 'cleared') {
    // A run that was never seen leaves nothing to show.
    if (state.run?.id === id) state.run = { ...state.run, ended: true }
    return
  }
  if (state.run?.id !== id) for (const vehicle of state.vehicles.values()) vehicle.misses = 0
  state.run = { id, message, atMs: nowMs, ended: false }
}

function hearWorld(state: FleetState, run: string, message: WorldMessage, nowMs: number): void {
  state.world = { run, message, atMs: nowMs }
  for (const [id, { kind, misses = 0 }] of Object.entries(message.cars)) {
    if (kind !== 'learner') continue
    const vehicle = state.vehicles.get(id)
    if (!vehicle || misses === vehicle.misses) continue
    if (misses > vehicle.misses) {
      trouble(vehicle, 'late', `${misses} deadlines missed in this run`, nowMs, misses - vehicle.misses)
      vehicle.totals.misses += misses - vehicle.misses
    }
    vehicle.misses = misses
  }
}

function hearStatus(vehicle: Vehicle, status: Status, nowMs: number): void {
  const before = vehicle.status
  // A late will of an older connection says nothing about the present one.
  if (before && (status.boot < before.boot || (status.boot === before.boot && status.connection < before.connection)))
    return
  vehicle.status = status.state === 'online' ? status : { ...before, ...status, leaving: status.leaving ?? false }
  vehicle.statusAtMs = nowMs
  const returned = (status.rollbacks ?? 0) - (before?.rollbacks ?? 0)
  if (before && before.boot === status.boot && returned > 0)
    trouble(vehicle, 'collapse', 'the device went back to its last good policy', nowMs, returned)
}

function hearTelemetry(vehicle: Vehicle, telemetry: Telemetry, nowMs: number): void {
  const fallbacks = telemetry['Vehicle.Private.Trustmix.Fallbacks'] ?? 0
  const before = vehicle.telemetry?.['Vehicle.Private.Trustmix.Fallbacks'] ?? fallbacks
  if (fallbacks > before)
    trouble(vehicle, 'non-finite', `${fallbacks} actions replaced by the safe one`, nowMs, fallbacks - before)
  addTotals(vehicle, telemetry)
  vehicle.telemetry = telemetry
  vehicle.telemetryAtMs = nowMs
  const value = telemetry['Vehicle.Private.Trustmix.Return']
  if (value === undefined) return
  vehicle.returns.push(nowMs, value)
  judgeReturn(vehicle, value, nowMs)
}

/** What a device counts begins anew when it starts anew: only growth is added. */
function addTotals({ totals, telemetry: before }: Vehicle, after: Telemetry): void {
  for (const [name, path] of counted) totals[name] += Math.max(0, (after[path] ?? 0) - (before?.[path] ?? 0))
}

const counted = [
  ['updates', 'Vehicle.Private.Trustmix.Updates'],
  ['samples', 'Vehicle.Private.Trustmix.Samples'],
  ['fallbacks', 'Vehicle.Private.Trustmix.Fallbacks'],
] as const

function judgeReturn(vehicle: Vehicle, value: number, nowMs: number): void {
  const { window } = vehicle
  window.rounds++
  window.sum += value
  if (window.rounds < windowRounds) return
  const level = window.sum / window.rounds
  const { levelBefore, mixedWith } = window
  if (
    levelBefore !== undefined &&
    mixedWith !== undefined &&
    level < levelBefore - collapseDrop * Math.abs(levelBefore)
  )
    trouble(
      vehicle,
      'collapse',
      `return fell from ${levelBefore.toPrecision(4)} to ${level.toPrecision(4)} after a mix with ${mixedWith}`,
      nowMs,
    )
  Object.assign(window, { rounds: 0, sum: 0, mixedWith: undefined, levelBefore: level })
}

function hearVerdict(state: FleetState, own: Vehicle, message: VerdictMessage, nowMs: number): void {
  state.verdicts.push({ atMs: nowMs, message })
  own.verdict = message
  const { accepted, alpha, reason, peerId } = message
  if (accepted) {
    own.accepted++
    if (typeof alpha === 'number') own.alphas.push(nowMs, alpha)
    own.window.mixedWith = peerId ?? own.window.mixedWith
  } else own.rejected.set(reason, (own.rejected.get(reason) ?? 0) + 1)
  if (!peerId) return
  judgePair(state, own.id, peerId, message)
  const kind = kindOf[reason]
  // About the sender, whom the broker's rules bind to its topic, and not about the one who noticed.
  const sender = kind && vehicleOf(state, peerId)
  if (sender) trouble(sender, kind, `${own.id} refused its parameters: ${reason}`, nowMs)
}

/** What a refused policy says of its sender. */
const kindOf: Readonly<Partial<Record<Reason, AlarmKind>>> = {
  'non-finite': 'non-finite',
  'bad-signature': 'refused',
  'wrong-sender': 'refused',
  'unknown-peer': 'refused',
  revoked: 'refused',
  replayed: 'refused',
  malformed: 'refused',
  'over-size': 'refused',
}

function judgePair({ pairs }: FleetState, own: string, peer: string, message: VerdictMessage): void {
  const key = `${own}>${peer}`
  const pair = pairs.get(key)
  if (pair) {
    pair.last = message
    if (message.accepted) pair.accepted++
    else pair.rejected++
    return
  }
  if (pairs.size >= maxPairs) pairs.delete(pairs.keys().next().value as string)
  const accepted = message.accepted ? 1 : 0
  pairs.set(key, { own, peer, accepted, rejected: 1 - accepted, last: message })
}
