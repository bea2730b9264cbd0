import { readFileSync } from 'node:fs'
import { createController } from '../../sim-bridge/sim/controllers.ts'
import type { ScenarioOptions } from '../../sim-bridge/sim/scenario.ts'
import type { Simulator } from '../../sim-bridge/simulator.ts'
import { referenceVehicles } from './reference-runs.ts'

/** One run of SUMO with right of way: 1500 rows of 0.1 s, of which the first is the state at rest. */
export interface RightOfWayRun {
  readonly speedMode: 25 | 31
  readonly network: 'figure-eight' | 'merge'
  readonly preset: 'lab' | 'flow'
  readonly controller: string
  readonly figures: RunFigures
}

export interface RunFigures {
  /** m/s, of all cars over all rows */
  readonly meanSpeed: number
  /** m/s, the same over each 100 rows */
  readonly meanSpeed10s: readonly number[]
  /** Share of the rows of all cars below 0.1 m/s. */
  readonly stoppedShare: number
  /** Row of the first collision, −1 without. */
  readonly firstCollision: number
}

const controllers: readonly string[] = [
  ...['none', 'cap:4', 'cap:6', 'cap:8', 'headway:5', 'headway:7'],
  ...['const:1.5', 'const:limit', 'pulse:1:5', 'alt:4:8', 'lead:6'],
]
/** Parameters recorded after the rules were written; none was changed for them. */
const heldOut: readonly string[] = ['headway:4', 'cap:10', 'const:1', 'pulse:2:3', 'alt:3:9', 'lead:2']

/** What was recorded: each as options and controller. */
export const rightOfWayPlan: readonly Omit<RightOfWayRun, 'figures'>[] = (['figure-eight', 'merge'] as const).flatMap(
  (network) =>
    ([25, 31] as const).flatMap((speedMode) =>
      (['flow', 'lab'] as const).flatMap((preset) =>
        [...controllers, ...heldOut].map((controller) => ({ speedMode, network, preset, controller })),
      ),
    ),
)

/** The runs of test/reference/right-of-way, made by `record-right-of-way.js`. */
export function rightOfWayRuns(): RightOfWayRun[] {
  return JSON.parse(readFileSync(new URL('../../../test/reference/right-of-way/runs.json', import.meta.url), 'utf8'))
}

/** Whether the run's parameters were held out. */
export function isHeldOut(run: RightOfWayRun): boolean {
  return heldOut.includes(run.controller)
}

/** The options of a run's world. */
export function optionsOf({ speedMode, network, preset }: Omit<RightOfWayRun, 'figures'>): ScenarioOptions {
  return { preset, network, speedMode, vehicles: referenceVehicles }
}

/** Drives 1499 steps; row 0 is the state at rest, and controllers count from it. */
export async function measureRun(simulator: Simulator, controllerName: string): Promise<RunFigures> {
  const limit = String(simulator.accelerationLimit)
  const controller = createController(controllerName.replace('limit', limit))
  const count = simulator.vehicles.length
  const accelerations = new Float64Array(count)
  const sums = new Array<number>(15).fill(0)
  let stopped = count
  let firstCollision = -1
  for (let k = 1; k < 1500; k++) {
    controller(simulator, k, accelerations)
    await simulator.step(accelerations)
    for (const v of simulator.speed) {
      sums[Math.floor(k / 100)]! += v
      if (v < 0.1) stopped++
    }
    if (firstCollision < 0 && simulator.collisions.length > 0) firstCollision = k
  }
  return {
    meanSpeed: sums.reduce((sum, one) => sum + one, 0) / (1500 * count),
    meanSpeed10s: sums.map((sum) => sum / (100 * count)),
    stoppedShare: stopped / (1500 * count),
    firstCollision,
  }
}
