import type { Command, Observation } from '../schemas/lock-step.ts'
import { type Setting, timeGapRange } from '../schemas/setting.ts'
import { exp, log } from './core/elementary.ts'

/** Names and order of what the networks see and do; policies mix only where these agree. */
export interface Features {
  readonly observationNames: readonly string[]
  readonly actionNames: readonly string[]
  /** Writes the observation as float32 features, −0 as +0. */
  encode(observation: Observation, out: Float32Array): void
  /** The command that action u stands for; u beyond ±1 acts as ±1. */
  command(u: number): Command
}

export interface Scales {
  readonly preset: 'flow' | 'lab'
  /** m */
  readonly loopLength: number
  /** m/s */
  readonly speedLimit: number
  /** m/s² */
  readonly accelerationLimit: number
}

/** The features of a setting. One fixed scaling for all agents: a scaling of one's own would make mixing meaningless. */
export function createFeatures(setting: Setting, scales: Scales): Features {
  const encodeRow = setting.observation === 'gaps' ? gapRow : rawRow
  const [shortest, longest] = timeGapRange[scales.preset]
  const span = log(longest / shortest)
  return {
    ...featureNames(setting),
    encode(observation, out) {
      const row = encodeRow(observation, scales)
      for (let i = 0; i < row.length; i++) out[i] = Math.fround(row[i] as number) + 0
    },
    command(u) {
      const clipped = Math.min(1, Math.max(-1, u))
      if (setting.action === 'acceleration') return { acceleration: scales.accelerationLimit * clipped + 0 }
      return { timeGap: shortest * exp((span * (1 + clipped)) / 2) }
    },
  }
}

/** How many features a setting has. */
export function featureCount(setting: Setting): number {
  return observationNames[setting.observation].length
}

/** Names and order of what a setting's policies see and do. */
export function featureNames(setting: Setting): Pick<Features, 'observationNames' | 'actionNames'> {
  return { observationNames: observationNames[setting.observation], actionNames: [setting.action] }
}

const observationNames = {
  gaps: ['place', 'speed', 'gap', 'leader-speed', 'follower-gap', 'follower-speed'],
  raw: ['position', 'speed', 'follower-position', 'follower-speed', 'leader-position', 'leader-speed'],
} as const

/** Gaps as gaps: the network need not subtract positions to see how much room there is. */
function gapRow(o: Observation, { loopLength }: Scales): readonly number[] {
  return [
    (2 * o.position) / loopLength - 1,
    o.speed / 10 - 0.5,
    o.gap / 25 - 1,
    o.leaderSpeed / 10 - 0.5,
    o.followerGap / 25 - 1,
    o.followerSpeed / 10 - 0.5,
  ]
}

/** The letter's observation: own, follower's and leader's position / loop length and speed / limit. */
function rawRow(o: Observation, { loopLength, speedLimit }: Scales): readonly number[] {
  return [
    o.position / loopLength,
    o.speed / speedLimit,
    o.followerPosition / loopLength,
    o.followerSpeed / speedLimit,
    o.leaderPosition / loopLength,
    o.leaderSpeed / speedLimit,
  ]
}
