import { followAcceleration } from './follow-law.ts'

/** Limits of what may leave the device, as data. */
export interface Limits {
  /** Largest |acceleration|, m/s². */
  readonly acceleration: number
  /** Shortest and longest time gap, s. */
  readonly timeGap: readonly [number, number]
  /** Least and greatest value of each parameter of the general follow law; without it this car takes no such law. */
  readonly gapLaw?: Readonly<Record<keyof GapLaw, readonly [number, number]>> | undefined
}

/** The parameters of the general follow law. */
export interface GapLaw {
  readonly timeGap: number
  readonly standstillGap: number
  readonly gain: number
  readonly cap: number
  readonly leaderGain: number
  readonly followerWeight: number
  readonly followerGain: number
}

/** What the envelope itself looks at, m and m/s. */
export interface Sensed {
  readonly speed: number
  readonly gap: number
  readonly leaderSpeed: number
}

export interface Proposal {
  readonly acceleration?: number | undefined
  readonly timeGap?: number | undefined
  readonly gapLaw?: GapLaw | undefined
}

export type Permitted =
  | {
      readonly command: { readonly acceleration: number } | { readonly timeGap: number } | { readonly gapLaw: GapLaw }
      readonly fallback?: undefined
    }
  | { readonly command: { readonly acceleration: number }; readonly fallback: string }

/**
 * Every action passes here before it leaves the device. A finite action within the limits passes unchanged, one beyond is
 * cut to the limit; anything else (no action, not a number, senses that are not finite) is replaced by the fallback law.
 */
export function permit(proposal: Proposal | undefined, sensed: Sensed | undefined, limits: Limits): Permitted {
  if (!sensed || !isFinite3(sensed))
    return { command: { acceleration: -limits.acceleration }, fallback: 'no observation' }
  const fall = (why: string): Permitted => ({
    command: {
      acceleration: clip(followAcceleration(sensed, limits.acceleration), -limits.acceleration, limits.acceleration),
    },
    fallback: why,
  })
  if (!proposal) return fall('no action')
  if (proposal.timeGap !== undefined) {
    if (!Number.isFinite(proposal.timeGap)) return fall('time gap is not finite')
    return { command: { timeGap: clip(proposal.timeGap, limits.timeGap[0], limits.timeGap[1]) } }
  }
  if (proposal.gapLaw !== undefined) {
    if (!limits.gapLaw) return fall('a follow law is not expected')
    const gapLaw = permittedLaw(proposal.gapLaw, limits.gapLaw)
    return gapLaw ? { command: { gapLaw } } : fall('follow law is not finite')
  }
  if (proposal.acceleration === undefined) return fall('no action')
  if (!Number.isFinite(proposal.acceleration)) return fall('acceleration is not finite')
  return { command: { acceleration: clip(proposal.acceleration, -limits.acceleration, limits.acceleration) } }
}

/** The law with each parameter cut to its range; undefined where one is not finite. */
function permittedLaw(law: GapLaw, ranges: NonNullable<Limits['gapLaw']>): GapLaw | undefined {
  const cut: { -readonly [K in keyof GapLaw]: number } = { ...law }
  for (const name of Object.keys(ranges) as (keyof GapLaw)[]) {
    if (!Number.isFinite(law[name])) return undefined
    cut[name] = clip(law[name], ranges[name][0], ranges[name][1])
  }
  return cut
}

function isFinite3({ speed, gap, leaderSpeed }: Sensed): boolean {
  return Number.isFinite(speed) && Number.isFinite(gap) && Number.isFinite(leaderSpeed)
}

function clip(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x)) + 0
}
