import type { Observation } from '../schemas/lock-step.ts'
import { nasSpeed } from '../schemas/setting.ts'
import type { World } from './world.ts'

/** What vehicle i senses in the world's present state. */
export function observe(world: World, i: number): Observation {
  const ahead = world.leader[i] ?? i
  const behind = world.follower[i] ?? i
  return {
    position: world.position[i] ?? 0,
    speed: world.speed[i] ?? 0,
    gap: world.gap[i] ?? 0,
    leaderPosition: world.position[ahead] ?? 0,
    leaderSpeed: world.speed[ahead] ?? 0,
    followerGap: world.gap[behind] ?? 0,
    followerPosition: world.position[behind] ?? 0,
    followerSpeed: world.speed[behind] ?? 0,
  }
}

/** Running figures of one epoch. */
export interface Traffic {
  /** Takes in the state after a step; returns the step's normalised average speed, 0 if it holds a collision. */
  add(): number
  /** Mean over the steps so far. */
  readonly nas: number
  /** m/s, of all cars, over the steps so far. */
  readonly meanSpeed: number
  /** Distinct colliding pairs: a pair counts anew when it had parted. */
  readonly collisions: number
}

/** Mean speed, NAS (mean speed / 20 m/s; a colliding step scores 0) and collisions of the states after each step. */
export function createTraffic(world: World): Traffic {
  let steps = 0
  let speedSum = 0
  let nasSum = 0
  let collisions = 0
  let colliding = new Set<number>()
  const cars = world.vehicles.length
  return {
    add() {
      let sum = 0
      for (let i = 0; i < cars; i++) sum += world.speed[i] ?? 0
      const mean = sum / cars
      if (world.collisions.length > 0 || colliding.size > 0) {
        const pairs = new Set(world.collisions.map(([a, b]) => Math.min(a, b) * cars + Math.max(a, b)))
        for (const pair of pairs) if (!colliding.has(pair)) collisions++
        colliding = pairs
      }
      const nas = colliding.size > 0 ? 0 : mean / nasSpeed
      steps++
      speedSum += mean
      nasSum += nas
      return nas
    },
    get nas() {
      return steps === 0 ? 0 : nasSum / steps
    },
    get meanSpeed() {
      return steps === 0 ? 0 : speedSum / steps
    },
    get collisions() {
      return collisions
    },
  }
}

/** The drivers' baseline: one epoch in which the simulator drives every car. */
export async function measureBaseline(world: World, steps: number): Promise<{ nas: number; meanSpeed: number }> {
  const nobody = new Float64Array(world.vehicles.length).fill(Number.NaN)
  await world.reset()
  const traffic = createTraffic(world)
  for (let k = 0; k < steps; k++) {
    await world.step(nobody)
    traffic.add()
  }
  return { nas: traffic.nas, meanSpeed: traffic.meanSpeed }
}
