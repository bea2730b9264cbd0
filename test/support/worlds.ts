import type { Test } from 'tap'
import type { ScenarioOptions } from '../../sim-bridge/sim/scenario.ts'
import type { World, WorldRules } from '../../sim-bridge/world.ts'
import { createEmbeddedWorld, createSumoWorld } from '../../sim-bridge/worlds.ts'

/** Opens a world that is closed at the end of the test. */
export type Open = (t: Test, options: ScenarioOptions, rules?: WorldRules) => Promise<World>

/** The two kinds of worlds. */
export const opens: Readonly<Record<'embedded' | 'sumo', Open>> = {
  embedded: async (_t, options, rules) => createEmbeddedWorld(options, rules),
  async sumo(t, options, rules) {
    const world = await createSumoWorld(options, rules)
    t.teardown(() => world.close())
    return world
  },
}

/** Commands of all cars for the step after `step` steps since the reset. */
export type Drive = (world: World, step: number, accelerations: Float64Array) => void

/** The largest difference of two speeds of one car after any of `steps` steps of both worlds, driven alike; they are reset before. */
export async function largestDifference(
  a: World,
  b: World,
  { steps, drive, seed = 0 }: { readonly steps: number; readonly drive: Drive; readonly seed?: number },
): Promise<{ readonly speed: number; readonly step: number; readonly car: string }> {
  await a.reset(seed)
  await b.reset(seed)
  const accelerations = new Float64Array(a.vehicles.length)
  let worst = { speed: 0, step: 0, car: '' }
  for (let k = 0; k < steps; k++) {
    drive(a, k, accelerations)
    await a.step(accelerations)
    drive(b, k, accelerations)
    await b.step(accelerations)
    for (let i = 0; i < a.speed.length; i++) {
      const difference = Math.abs(a.speed[i]! - b.speed[i]!)
      // Written so that NaN is the worst.
      if (!(difference <= worst.speed)) worst = { speed: difference, step: k + 1, car: a.vehicles[i]! }
    }
  }
  return worst
}

/** Park and Miller's generator, in [0, 1). */
export function minimalStandard(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
