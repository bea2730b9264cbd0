import { exp, log } from '../device/core/elementary.ts'
import { createRng, type Rng } from '../device/core/rng.ts'
import { type Interval, settings } from '../schemas/setting.ts'

/** When a vehicle decides: every `intervalSteps` steps, the first time at step `phaseSteps`. */
export interface Schedule {
  readonly intervalSteps: number
  readonly phaseSteps: number
}

const stepsInSecond = 10

/**
 * Draws each vehicle's decision interval and phase once by the run's seed: whole steps, by default uniform over 0.1–10 s. What
 * is `fixed`, in steps, is not drawn, and its phase is 0.
 */
export function drawSchedules(
  seed: number,
  vehicles: readonly string[],
  interval: Interval = settings.headway.interval,
  fixed: Readonly<Record<string, number>> = {},
): Map<string, Schedule> {
  return new Map(
    vehicles.map((id) => {
      const given = fixed[id]
      if (given !== undefined) return [id, { intervalSteps: given, phaseSteps: 0 }]
      const rng = createRng(seed, id, 'schedule')
      const intervalSteps = drawInterval(rng, interval)
      return [id, { intervalSteps, phaseSteps: rng.integer(intervalSteps) }]
    }),
  )
}

/** `log-uniform`: n steps with probability log((n + 1)/n) / log((longest + 1)/shortest), so equal ratios are equally likely. */
function drawInterval(rng: Rng, { distribution, minS, maxS }: Interval): number {
  const shortest = Math.round(minS * stepsInSecond)
  const longest = Math.round(maxS * stepsInSecond)
  if (distribution === 'uniform') return shortest + rng.integer(longest - shortest + 1)
  const ratio = (longest + 1) / shortest
  return Math.min(longest, Math.max(shortest, Math.floor(shortest * exp(rng.uniform() * log(ratio)))))
}

/** The schedule of a learner. Throws for an id that has none. */
export function scheduleOf(schedules: ReadonlyMap<string, Schedule>, id: string): Schedule {
  const schedule = schedules.get(id)
  if (!schedule) throw new Error(`vehicle must be a learner, got ${id}`)
  return schedule
}
