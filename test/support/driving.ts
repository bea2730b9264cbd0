import { createController } from '../../sim-bridge/sim/controllers.ts'
import type { TrafficSimulator } from '../../sim-bridge/sim/simulator.ts'

/** Drives a simulator with one of the closed-form controllers. */
export function run(simulator: TrafficSimulator, name: string, steps: number): void {
  const controller = createController(name)
  const accelerations = new Float64Array(simulator.vehicles.length)
  for (let k = 0; k < steps; k++) {
    controller(simulator, k, accelerations)
    simulator.step(accelerations)
  }
}

/** Park and Miller's generator, in [0, 1). */
export function minimalStandard(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
