import type { ScenarioOptions } from './scenario.ts'
import { createArrays, type TrafficArrays, TrafficSimulator } from './simulator.ts'

export interface BatchOptions extends ScenarioOptions {
  /** Number of worlds with the same scenario. */
  readonly worlds: number
}

/** Many worlds with the same scenario, stepped together. Arrays hold all cars world by world: [worlds × cars]. */
export interface Batch extends TrafficArrays {
  /** The arrays of each are parts of those here. */
  readonly worlds: readonly TrafficSimulator[]
  /** Cars of one world. */
  readonly cars: number
  /** One step of all worlds; `accelerations` [worlds × cars] in m/s², NaN leaves a car to its driver. */
  step(accelerations: Float64Array): void
  /** One world back to its start, as `TrafficSimulator.reset`. */
  reset(world: number, startOffsets?: readonly number[]): void
}

/** Worlds at their start. Errors name the rule of the options that was broken and the value found. */
export function createBatch(options: BatchOptions): Batch {
  const count = options.worlds
  if (!Number.isInteger(count) || count < 1) throw new Error(`worlds must be a positive integer, got ${count}`)
  const cars = new TrafficSimulator(options).vehicles.length
  const arrays = createArrays(count * cars)
  const worlds = Array.from({ length: count }, (_, w) => new TrafficSimulator(options, viewOf(arrays, w * cars, cars)))
  // Each world reads its own part: made once, so that a step allocates nothing.
  const commands = new Float64Array(count * cars)
  const ownCommands = worlds.map((_, w) => commands.subarray(w * cars, (w + 1) * cars))
  return {
    ...arrays,
    worlds,
    cars,
    step(accelerations) {
      if (accelerations.length !== commands.length) {
        throw new Error(
          `accelerations must hold one value per car of all worlds (${commands.length}), got ${accelerations.length}`,
        )
      }
      commands.set(accelerations)
      for (let w = 0; w < count; w++) worlds[w]!.step(ownCommands[w]!)
    },
    reset(world, startOffsets) {
      const simulator = worlds[world]
      if (simulator === undefined) throw new Error(`world must be 0 to ${count - 1}, got ${world}`)
      simulator.reset(startOffsets)
    },
  }
}

function viewOf(arrays: TrafficArrays, first: number, cars: number): TrafficArrays {
  const end = first + cars
  return {
    position: arrays.position.subarray(first, end),
    speed: arrays.speed.subarray(first, end),
    gap: arrays.gap.subarray(first, end),
    leader: arrays.leader.subarray(first, end),
    follower: arrays.follower.subarray(first, end),
    braking: arrays.braking.subarray(first, end),
  }
}
