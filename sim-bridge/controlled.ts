import type { Controller } from './sim/controllers.ts'
import type { World } from './world.ts'

/** Figures of one epoch as the reference runs of SUMO state them. */
export interface ControlledEpoch {
  /** Of all cars over all rows, m/s. Row 0 is the start, at rest; row k the state after step k. */
  readonly meanSpeed: number
  /** Mean over the rows of mean speed / 20 m/s, 0 for a row with a collision. */
  readonly nas: number
  /** Mean speed of each 100 rows (10 s), m/s. */
  readonly meanSpeed10s: readonly number[]
  /** Share of the rows' cars below 0.1 m/s. */
  readonly stoppedShare: number
  /** Distinct colliding pairs; a pair counts anew once it had parted. */
  readonly collisions: number
}

const rowsIn10s = 100

/**
 * Drives one epoch with a closed-form controller on the learners: `epochSteps` rows, the start among them, as SUMO writes
 * them (its first step inserts the cars).
 */
export async function driveControlled(world: World, controller: Controller, seed: number): Promise<ControlledEpoch> {
  const rows = world.epochSteps
  const accelerations = new Float64Array(world.vehicles.length)
  const sums = new Array<number>(Math.ceil(rows / rowsIn10s)).fill(0)
  let state = await world.reset(seed)
  for (let k = 1; k < rows && !state.terminated; k++) {
    controller(world, k, accelerations)
    state = await world.step(accelerations)
    const window = Math.floor(k / rowsIn10s)
    sums[window] = (sums[window] ?? 0) + state.info.meanSpeed
  }
  const { step, epochMeanSpeed, epochNas, stoppedShare, collisions } = state.info
  const driven = step + 1
  return {
    meanSpeed: (epochMeanSpeed * step) / driven,
    nas: (epochNas * step) / driven,
    meanSpeed10s: sums
      .slice(0, Math.ceil(driven / rowsIn10s))
      .map((sum, window) => sum / Math.min(rowsIn10s, driven - window * rowsIn10s)),
    stoppedShare: (stoppedShare * step + 1) / driven,
    collisions,
  }
}
