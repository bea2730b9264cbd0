import { readFileSync } from 'node:fs'

/** One run of SUMO with a closed-form controller, 1500 rows of 0.1 s of which the first is the state at rest. */
export interface ReferenceRun {
  readonly preset: 'lab' | 'flow'
  readonly controller: string
  /** m/s, of all cars over all rows. */
  readonly meanSpeed: number
  /** m/s, the same over each 100 rows. */
  readonly meanSpeed10s: readonly number[]
  readonly stoppedShare: number
  readonly collidingVehicleSteps: number
  /** One row a second from t = 1 s; position (loop coordinate, m) and speed (m/s) per car, rounded as SUMO printed them. */
  readonly seconds: readonly ReferenceSecond[]
}

export interface ReferenceSecond {
  readonly t: number
  readonly position: readonly number[]
  readonly speed: readonly number[]
}

/** Ids of the cars in the reference runs. */
export const referenceVehicles: readonly string[] = Array.from({ length: 14 }, (_, i) => `car${i}`)

/** All runs of test/reference. */
export function referenceRuns(): ReferenceRun[] {
  return (['lab', 'flow'] as const).flatMap((preset) => {
    const summary: Summary = JSON.parse(readFileSync(new URL(`sumo-${preset}/summary.json`, folder), 'utf8'))
    return summary.runs.map((run) => ({
      preset,
      controller: run.controller,
      meanSpeed: run.mean_speed,
      meanSpeed10s: run.mean_speed_10s,
      stoppedShare: run.stopped_share,
      collidingVehicleSteps: run.colliding_vehicle_steps,
      seconds: parseSeconds(
        readFileSync(new URL(`sumo-${preset}/${run.controller.replaceAll(':', '_')}.csv`, folder), 'utf8'),
      ),
    }))
  })
}

const folder = new URL('../../../test/reference/', import.meta.url)

interface Summary {
  readonly runs: readonly {
    readonly controller: string
    readonly mean_speed: number
    readonly mean_speed_10s: readonly number[]
    readonly stopped_share: number
    readonly colliding_vehicle_steps: number
  }[]
}

/** Rows of `t, s0, v0, s1, v1, …` below one heading. */
function parseSeconds(csv: string): ReferenceSecond[] {
  return csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [t = Number.NaN, ...values] = line.split(',').map(Number)
      return { t, position: values.filter((_, k) => k % 2 === 0), speed: values.filter((_, k) => k % 2 === 1) }
    })
}
