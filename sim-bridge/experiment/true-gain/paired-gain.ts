import type { Vector } from '../../../device/core/engine.ts'
import { type MeanInterval, studentInterval } from '../statistics/student-interval.ts'
import type { DriveEpisode, FleetPolicies } from './episode.ts'

/** Differences, with the new policy less with the own one, over paired episodes: means with 95 % t-intervals. */
export interface PairedGain {
  readonly ownReturn: MeanInterval
  readonly ownReward: MeanInterval
  /** m/s */
  readonly fleetSpeed: MeanInterval
}

/**
 * Drives every episode twice, all policies as they are but that of `vehicle`: θ of `policies`, then `next`. An episode's
 * number draws its starts and noise, the same for both.
 */
export async function pairedGain(
  drive: DriveEpisode,
  {
    policies,
    vehicle,
    next,
    episodes,
  }: {
    readonly policies: FleetPolicies
    readonly vehicle: string
    readonly next: Vector
    readonly episodes: readonly number[]
  },
): Promise<PairedGain> {
  const changed = new Map(policies).set(vehicle, next)
  const differences: { ownReturn: number; ownReward: number; fleetSpeed: number }[] = []
  for (const episode of episodes) {
    const before = await drive(policies, vehicle, episode)
    const after = await drive(changed, vehicle, episode)
    differences.push({
      ownReturn: after.ownReturn - before.ownReturn,
      ownReward: after.ownReward - before.ownReward,
      fleetSpeed: after.fleetSpeed - before.fleetSpeed,
    })
  }
  return {
    ownReturn: studentInterval(differences.map(({ ownReturn }) => ownReturn)),
    ownReward: studentInterval(differences.map(({ ownReward }) => ownReward)),
    fleetSpeed: studentInterval(differences.map(({ fleetSpeed }) => fleetSpeed)),
  }
}
