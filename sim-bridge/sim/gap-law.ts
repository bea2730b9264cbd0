/** Parameters of the general follow law. */
export interface GapLaw {
  /** T, s */
  readonly timeGap: number
  /** g0, m: the gap at which the wanted speed is 0. */
  readonly standstillGap: number
  /** k, 1/s */
  readonly gain: number
  /** c, m/s: the part of the wanted speed that the gap ahead gives is at most this. */
  readonly cap: number
  /** p, 1/s: weight of the leader's speed minus the own. */
  readonly leaderGain: number
  /** w, m/s per 10 m: weight of the gap behind, beyond 10 m, in the wanted speed. */
  readonly followerWeight: number
  /** r, 1/s: weight of the follower's speed minus the own. */
  readonly followerGain: number
}

/** What the law reads. */
export interface Followed {
  readonly speed: Float64Array
  readonly gap: Float64Array
  readonly leader: Int32Array
  readonly follower: Int32Array
}

/**
 * The general follow law of car i, in m/s² before any limit:
 * a = k·(min(c, (gap − g0)/T) + w·(gap behind − 10)/10 + extra − v) + p·(v ahead − v) + r·(v behind − v).
 * `extraSpeed` (m/s) is added to the wanted speed.
 */
export function gapLawAcceleration(
  law: GapLaw,
  { speed, gap, leader, follower }: Followed,
  i: number,
  extraSpeed = 0,
): number {
  const v = speed[i]!
  const ahead = leader[i]!
  const behind = follower[i]!
  const wantedSpeed =
    Math.min(law.cap, (gap[i]! - law.standstillGap) / law.timeGap) +
    (law.followerWeight * (gap[behind]! - 10)) / 10 +
    extraSpeed
  return law.gain * (wantedSpeed - v) + law.leaderGain * (speed[ahead]! - v) + law.followerGain * (speed[behind]! - v)
}
