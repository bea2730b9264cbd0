import { createRng } from '../device/core/rng.ts'

/** When a vehicle decides: every `intervalSteps` steps, the first time at step `phaseSteps`. */
export interface Schedule {
  readonly intervalSteps: number
  readonly phaseSteps: number
}

const longestSteps = 100

/** Draws each vehicle's decision interval (whole steps, uniform over 0.1–10 s) and phase once by the run's seed. */
export function drawSchedules(seed: number, vehicles: readonly string[]): Map<string, Schedule> {
  return new Map(
    vehicles.map((id) => {
      const rng = createRng(seed, id, 'schedule')
      const intervalSteps = 1 + rng.integer(longestSteps)
      return [id, { intervalSteps, phaseSteps: rng.integer(intervalSteps) }]
    }),
  )
}
