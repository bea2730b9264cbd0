import { type LawAction, type LawParameter, type LawRanges, lawActions, lawRanges } from '../schemas/gap-laws.ts'
import type { Command, Observation } from '../schemas/lock-step.ts'
import { type Setting, timeGapRange } from '../schemas/setting.ts'
import { exp, log } from './core/elementary.ts'
import type { Limits } from './safety/envelope.ts'

/** Names and order of what the networks see and do; policies mix only where these agree. */
export interface Features {
  readonly observationNames: readonly string[]
  readonly actionNames: readonly string[]
  /** Writes the observation as float32 features, −0 as +0. */
  encode(observation: Observation, out: Float32Array): void
  /** The command that the components of an action u stand for; a component beyond ±1 acts as ±1. */
  command(...u: number[]): Command
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
  const encodeRow = rows[setting.observation]
  return {
    encode(observation, out) {
      const row = encodeRow(observation, scales)
      for (let i = 0; i < row.length; i++) out[i] = Math.fround(row[i] as number) + 0
    },
    command: commandOf(setting.action, scales),
    ...featureNames(setting),
  }
}

/** How many features a setting has. */
export function featureCount(setting: Setting): number {
  return observationNames[setting.observation].length
}

/** How many components an action of a setting has. */
export function actionCount(setting: Setting): number {
  return actionNames[setting.action].length
}

/** Names and order of what a setting's policies see and do. */
export function featureNames(setting: Setting): Pick<Features, 'observationNames' | 'actionNames'> {
  return { observationNames: observationNames[setting.observation], actionNames: actionNames[setting.action] }
}

/** What the envelope lets through of a setting's commands; `acceleration` in m/s². */
export function commandLimits({ action }: Setting, preset: Scales['preset'], acceleration: number): Limits {
  const gapLaw = action === 'gapLaw' || action === 'meshLaw' ? lawRanges[action][preset] : undefined
  return { acceleration, timeGap: timeGapRange[preset], gapLaw }
}

function commandOf(action: Setting['action'], scales: Scales): Features['command'] {
  if (action === 'acceleration') return (u = 0) => ({ acceleration: scales.accelerationLimit * clip(u) + 0 })
  if (action === 'timeGap') {
    const range = timeGapRange[scales.preset]
    return (u = 0) => ({ timeGap: geometric(range, clip(u)) })
  }
  const ranges = lawRanges[action][scales.preset]
  const chosen = lawActions[action]
  const fixed = Object.fromEntries(Object.entries(ranges).map(([name, [low]]) => [name, low]))
  return (...u) => {
    const law = { ...fixed } as Record<LawParameter, number>
    for (const [j, name] of chosen.entries()) law[name] = parameterOf(name, ranges, clip(u[j] ?? 0))
    return { gapLaw: law }
  }
}

/** u in [−1, 1] spans the parameter's range, a time gap's by equal ratios. */
function parameterOf(name: LawParameter, ranges: LawRanges, u: number): number {
  const range = ranges[name]
  return name === 'timeGap' ? geometric(range, u) : range[0] + ((range[1] - range[0]) * (1 + u)) / 2
}

function geometric([shortest, longest]: readonly [number, number], u: number): number {
  return shortest * exp((log(longest / shortest) * (1 + u)) / 2)
}

function clip(u: number): number {
  return Math.min(1, Math.max(-1, u))
}

const observationNames = {
  gaps: ['place', 'speed', 'gap', 'leader-speed', 'follower-gap', 'follower-speed'],
  raw: ['position', 'speed', 'follower-position', 'follower-speed', 'leader-position', 'leader-speed'],
  relative: ['place', 'speed', 'gap', 'leader-speed-difference', 'follower-gap', 'follower-speed-difference'],
} as const

const actionNames: Readonly<Record<Setting['action'], readonly string[]>> = {
  timeGap: ['timeGap'],
  acceleration: ['acceleration'],
  gapLaw: lawNames('gapLaw'),
  meshLaw: lawNames('meshLaw'),
}

/** The law is part of a name: the same parameter of two laws is not the same action. */
function lawNames(action: LawAction): string[] {
  return lawActions[action].map((parameter) => `${action}.${parameter}`)
}

const rows = { gaps: gapRow, raw: rawRow, relative: relativeRow } as const

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

/** As `gaps`, but the neighbours' speeds as differences to the own, at the same scale. */
function relativeRow(o: Observation, { loopLength }: Scales): readonly number[] {
  return [
    (2 * o.position) / loopLength - 1,
    o.speed / 10 - 0.5,
    o.gap / 25 - 1,
    (o.leaderSpeed - o.speed) / 10,
    o.followerGap / 25 - 1,
    (o.followerSpeed - o.speed) / 10,
  ]
}
