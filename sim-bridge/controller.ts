import type { Command } from '../schemas/lock-step.ts'
import type { World } from './world.ts'

/**
 * A car's low-level controller: what it does every step with the command that its device holds. An acceleration is
 * re-issued as it is; a time gap T is kept by the law a = 0.5·(gap/T − v), clipped to the car's limit. Without a command
 * (NaN) the simulator's own driver has the car.
 */
export function accelerationOf(
  command: Command | undefined,
  world: Pick<World, 'accelerationLimit' | 'gap' | 'speed'>,
  i: number,
): number {
  if (!command) return Number.NaN
  const { accelerationLimit: limit } = world
  const wanted =
    command.timeGap === undefined
      ? (command.acceleration ?? Number.NaN)
      : 0.5 * ((world.gap[i] ?? 0) / command.timeGap - (world.speed[i] ?? 0))
  return Math.min(limit, Math.max(-limit, wanted))
}
