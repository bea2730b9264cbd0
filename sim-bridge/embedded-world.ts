import type { ScenarioOptions } from './sim/scenario.ts'
import { TrafficSimulator } from './sim/simulator.ts'
import type { World } from './world.ts'

/** The embedded simulator as a `World`. `simulator` is the same state without promises, for callers that step it in a loop. */
export interface EmbeddedWorld extends World {
  readonly simulator: TrafficSimulator
}

/** A world on the embedded simulator, at its start state. Errors name the rule of the options that was broken. */
export function createEmbeddedWorld(options: ScenarioOptions): EmbeddedWorld {
  const simulator = new TrafficSimulator(options)
  const { vehicles, learner, speedLimit, accelerationLimit } = simulator
  const { position, speed, gap, leader, follower, braking, collisions } = simulator
  return {
    simulator,
    vehicles,
    learner,
    loopLength: simulator.loopLength,
    speedLimit,
    accelerationLimit,
    stepLength: simulator.stepLength,
    position,
    speed,
    gap,
    leader,
    follower,
    braking,
    collisions,
    reset: async () => simulator.reset(),
    step: async (accelerations) => simulator.step(accelerations),
    close: async () => {},
  }
}
