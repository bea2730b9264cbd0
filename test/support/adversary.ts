import type { World } from '../../sim-bridge/world.ts'
import { minimalStandard } from './worlds.ts'

/** Writes the commands of all cars for the next step. */
export type Adversary = (commands: Float64Array) => void

/** Ways to drive badly; each car changes its way at random. */
type Way = (i: number, random: () => number, world: World) => number

const ways: readonly Way[] = [
  (_i, _random, world) => world.accelerationLimit,
  () => 1000,
  () => -1000,
  (_i, _random, world) => -world.accelerationLimit,
  (_i, random) => (random() < 0.5 ? 1000 : -1000),
  (_i, random, world) => (2 * random() - 1) * world.accelerationLimit,
  () => Number.NaN,
  (_i, random) => (random() < 0.3 ? Number.NaN : 5),
  () => Number.POSITIVE_INFINITY,
  () => Number.NEGATIVE_INFINITY,
  (_i, random) => (random() < 0.5 ? 1e308 : -1e308),
  (_i, random) => (random() < 0.5 ? 5e-324 : -0),
  // Presses on until close, then slams.
  (i, _random, world) => (world.gap[i]! < 8 ? -1000 : 1000),
  // A sensible driver, so that the others meet some traffic.
  (i, _random, world) => 0.5 * (world.gap[i]! / 5 - world.speed[i]!),
]

/** Seeded commands for every car, also for those that do not learn: the world must leave them alone. */
export function createAdversary(world: World, seed: number): Adversary {
  const random = minimalStandard(seed + 1)
  for (let k = 0; k < 8; k++) random()
  const pick = (): Way => ways[Math.floor(random() * ways.length)]!
  const way = world.vehicles.map(pick)
  // Each epoch has its own restlessness: ways last 0.5 s to 20 s.
  const change = 1 / (5 + 195 * random())
  return (commands) => {
    for (let i = 0; i < commands.length; i++) {
      if (random() < change) way[i] = pick()
      commands[i] = way[i]!(i, random, world)
    }
  }
}
