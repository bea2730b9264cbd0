import type { Recorder } from '../../trajectory/trajectory.ts'
import type { World } from '../../world.ts'

/** Sums over the present epoch what the bridge does not tell. */
export interface EpochObserver extends Recorder {
  /** Lowest mean speed of a learner in the epoch, m/s. */
  worstLearner(): number
  /** Steps of learners in which safety lowered a command. */
  forcedBrakings(): number
}

/** Reads the world after each step, as a recorder does. */
export function createEpochObserver({ learner, speed, forced }: World): EpochObserver {
  const learners = Int32Array.from(learner.flatMap((learns, i) => (learns ? [i] : [])))
  const sums = new Float64Array(learners.length)
  let steps = 0
  let brakings = 0
  return {
    begin() {
      sums.fill(0)
      steps = 0
      brakings = 0
    },
    step() {
      steps++
      for (let k = 0; k < learners.length; k++) {
        const i = learners[k]!
        sums[k] = sums[k]! + speed[i]!
        brakings += forced[i]!
      }
    },
    end() {},
    worstLearner: () => sums.reduce((lowest, sum) => Math.min(lowest, sum), Number.POSITIVE_INFINITY) / steps,
    forcedBrakings: () => brakings,
  }
}
