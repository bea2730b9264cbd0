import { flagsOf } from '../broker/alarms.ts'
import { type FleetState, membersOf, type Vehicle } from '../broker/fleet.ts'
import type { Health } from '../schemas/health.ts'
import { formatVersion } from '../schemas/validator.ts'

/** A fleet's state as one JSON document: vehicles in order of id, pairs as `own` judged `peer`, standing alarms. */
export function fleetReport(state: FleetState, health: Health, nowMs: number): object {
  const { run, fleet } = state
  return {
    version: formatVersion,
    fleet,
    run: run ? { id: run.id, ended: run.ended, ...run.message } : null,
    health,
    vehicles: sortedVehicles(state).map((vehicle) => vehicleReport(vehicle, nowMs)),
    pairs: [...state.pairs.values()].map(({ own, peer, accepted, rejected, last }) => ({
      own,
      peer,
      accepted,
      rejected,
      last,
    })),
    alarms: [...state.alarms].map(([id, alarm]) => ({ id, ...alarm })),
  }
}

export function sortedVehicles(state: FleetState): Vehicle[] {
  return membersOf(state).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function vehicleReport(vehicle: Vehicle, nowMs: number): object {
  const { id, status, telemetry, accepted, rejected, verdict, misses } = vehicle
  return {
    id,
    ...flagsOf(vehicle, nowMs),
    status: status ?? null,
    telemetry: telemetry ?? null,
    telemetryAgeS: telemetry ? Math.round((nowMs - vehicle.telemetryAtMs) / 100) / 10 : null,
    accepted,
    rejected: Object.fromEntries(rejected),
    misses,
    lastVerdict: verdict ?? null,
  }
}
