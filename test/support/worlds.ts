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

/** How two worlds drove an epoch, or its first steps, alike. */
export interface Agreement {
  /** Mean speed over the steps on the first and the second world, m/s. */
  readonly meanSpeed: readonly [number, number]
  /** Largest difference of two speeds of one car after any step, m/s. */
  readonly largest: number
  /** Where a difference first exceeded 1e-3 m/s: step, car and both speeds; empty if nowhere. */
  readonly parted: string
  /** Pairs that collided on the first and the second world. */
  readonly collisions: readonly [number, number]
}

/** Resets both worlds and drives them, each with the law on its own state. */
export async function driveAlike(
  a: World,
  b: World,
  { drive, seed = 0, steps = a.epochSteps }: { readonly drive: Drive; readonly seed?: number; readonly steps?: number },
): Promise<Agreement> {
  const [one, other] = [(await a.reset(seed)).info, (await b.reset(seed)).info]
  const accelerations = new Float64Array(a.vehicles.length)
  let largest = 0
  let parted = ''
  for (let k = 0; k < steps; k++) {
    for (const world of [a, b]) {
      drive(world, k, accelerations)
      await world.step(accelerations)
    }
    for (let i = 0; i < a.speed.length; i++) {
      const difference = Math.abs(a.speed[i]! - b.speed[i]!)
      // Written so that NaN parts them.
      if (!(difference <= largest)) largest = difference
      if (parted === '' && !(difference <= 1e-3))
        parted = `step ${k + 1} ${a.vehicles[i]}: ${a.speed[i]!.toFixed(4)}, ${b.speed[i]!.toFixed(4)} m/s`
    }
  }
  return {
    meanSpeed: [one.epochMeanSpeed, other.epochMeanSpeed],
    largest,
    parted,
    collisions: [one.collisions, other.collisions],
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
