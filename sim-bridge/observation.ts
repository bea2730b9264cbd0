import type { Observation } from '../schemas/lock-step.ts'
import type { Simulator } from './simulator.ts'

/** What a car senses, in the order of a world's observation rows: itself, the car ahead, the car behind (m, m/s). */
export const observationNames = [
  'position',
  'speed',
  'gap',
  'leaderPosition',
  'leaderSpeed',
  'followerGap',
  'followerPosition',
  'followerSpeed',
] as const satisfies readonly (keyof Observation)[]

export const observationSize: number = observationNames.length

type Cars = Pick<Simulator, 'position' | 'speed' | 'gap' | 'leader' | 'follower'>

/** Writes what car i senses at `row[offset…]`. */
export function writeObservation(cars: Cars, i: number, row: Float64Array, offset: number): void {
  const ahead = cars.leader[i]!
  const behind = cars.follower[i]!
  row[offset] = cars.position[i]!
  row[offset + 1] = cars.speed[i]!
  row[offset + 2] = cars.gap[i]!
  row[offset + 3] = cars.position[ahead]!
  row[offset + 4] = cars.speed[ahead]!
  row[offset + 5] = cars.gap[behind]!
  row[offset + 6] = cars.position[behind]!
  row[offset + 7] = cars.speed[behind]!
}

/** The same as a message of the lock-step. */
export function observe(cars: Cars, i: number): Observation {
  const ahead = cars.leader[i]!
  const behind = cars.follower[i]!
  return {
    position: cars.position[i]!,
    speed: cars.speed[i]!,
    gap: cars.gap[i]!,
    leaderPosition: cars.position[ahead]!,
    leaderSpeed: cars.speed[ahead]!,
    followerGap: cars.gap[behind]!,
    followerPosition: cars.position[behind]!,
    followerSpeed: cars.speed[behind]!,
  }
}
