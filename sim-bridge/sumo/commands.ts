import { createDriver, type Driver, free } from '../sim/idm.ts'
import type { Scenario } from '../sim/scenario.ts'

/** s: a slowDown shorter than a step is over after the next one. */
export const SLOWDOWN_DURATION = 1e-3
/** m/s: faster than any car; SUMO is not asked for more, however large a command is. */
const MAX_TARGET = 1000
/** m/s: a difference below this is not braking. */
const SPEED_TOLERANCE = 1e-3

/** What SUMO is asked for in a step, and whether each car then got it. */
export class Commands {
  readonly #drivers: readonly Driver[]
  readonly #stepLength: number
  /** SUMO adds the duration to the step, so one step makes 1/1.01 of the commanded change of speed. */
  readonly #share: number
  /** Speed that each car has after the step if nothing is in its way, m/s; NaN at the start. */
  readonly #expected: Float64Array

  constructor({ preset, learner }: Pick<Scenario, 'preset' | 'learner'>, stepLength: number) {
    this.#drivers = learner.map((learns) =>
      createDriver(preset.accel, learns ? preset.learnerDecel : preset.humanDecel, preset.speedLimit),
    )
    this.#stepLength = stepLength
    this.#share = stepLength / (stepLength + SLOWDOWN_DURATION)
    this.#expected = new Float64Array(learner.length).fill(Number.NaN)
  }

  reset(): void {
    this.#expected.fill(Number.NaN)
  }

  /** The speed to ask for, m/s, of car i at `speed` that is to accelerate by `acceleration` m/s²; NaN leaves it to SUMO. */
  target(i: number, speed: number, acceleration: number): number {
    if (Number.isNaN(acceleration)) {
      this.#expected[i] = free(this.#drivers[i]!, speed)
      return Number.NaN
    }
    const target = Math.min(MAX_TARGET, Math.max(0, speed + acceleration * this.#stepLength))
    this.#expected[i] = speed + (target - speed) * this.#share
    return target
  }

  /** Whether car i was slowed below what was asked for (a driver: below its speed on a free road). */
  isBraking(i: number, speed: number): boolean {
    return speed < this.#expected[i]! - SPEED_TOLERANCE
  }
}
