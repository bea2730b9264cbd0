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

/** The schedule of a learner. Throws for an id that has none. */
export function scheduleOf(schedules: ReadonlyMap<string, Schedule>, id: string): Schedule {
  const schedule = schedules.get(id)
  if (!schedule) throw new Error(`vehicle must be a learner, got ${id}`)
  return schedule
}
