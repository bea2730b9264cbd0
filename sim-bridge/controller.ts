import type { Command } from '../schemas/lock-step.ts'
import { gapLawAcceleration } from './sim/gap-law.ts'
import type { World } from './world.ts'

/**
 * A car's low-level controller: what it does every step with the command that its device holds. An acceleration is
 * re-issued as it is; a time gap T is kept by the law a = 0.5·(gap/T − v), other parameters by the general law; each is clipped
 * to the car's limit. Without a command (NaN) the simulator's own driver has the car.
 */
export function accelerationOf(
  command: Command | undefined,
  world: Pick<World, 'accelerationLimit' | 'gap' | 'speed' | 'leader' | 'follower'>,
  i: number,
): number {
  if (!command) return Number.NaN
  const { accelerationLimit: limit } = world
  return Math.min(limit, Math.max(-limit, wanted(command, world, i)))
}

function wanted(command: Command, world: Pick<World, 'gap' | 'speed' | 'leader' | 'follower'>, i: number): number {
  if (command.gapLaw) return gapLawAcceleration(command.gapLaw, world, i)
  if (command.timeGap === undefined) return command.acceleration ?? Number.NaN
  return 0.5 * ((world.gap[i] ?? 0) / command.timeGap - (world.speed[i] ?? 0))
}
