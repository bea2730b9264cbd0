import type { LawAction } from './gap-laws.ts'

/**
 * What an agent senses, what it commands, what it is paid, how the future counts and when it decides. Bridge and device read
 * the same entry: one of `settings`, or what `settingOf` makes of it.
 */
export interface Setting {
  /** The named setting, then each thing that was changed: `headway --observation raw`. */
  readonly name: string
  readonly base: SettingName
  /**
   * `timeGap`: the action is the time gap of the car's follow law; `acceleration`: it is the acceleration; `gapLaw`,
   * `meshLaw`: it is two or three parameters of the general law (`gap-laws.ts`).
   */
  readonly action: 'timeGap' | 'acceleration' | LawAction
  /**
   * `gaps`: gaps as gaps (m/25 − 1); `raw`: positions and speeds of three cars, scaled by loop length and limit; `relative`:
   * as `gaps`, but the neighbours' speeds as differences to the own.
   */
  readonly observation: 'gaps' | 'raw' | 'relative'
  /**
   * `fleet`: mean speed of all cars / 20, 0 in a step with a collision (the letter's NAS); `local`: mean speed of the car, its
   * leader and its follower / 20, 0 in a step in which one of them collides; `own`: own speed / 20.
   */
  readonly reward: 'fleet' | 'local' | 'own'
  /** Discount per decision; null: exp(−Δt / horizonS) for a decision held Δt seconds. */
  readonly gamma: number | null
  readonly horizonS: number
  /** λ of GAE. */
  readonly lambda: number
  /** How each vehicle's decision interval is drawn, once per run. */
  readonly interval: Interval
  /** Whole rounds of rewards that a return holds beyond its own round before a sample is learned from. */
  readonly returnRounds: number
  /** log σ that exploration starts with. */
  readonly initialLogStd: number
  /** A batch of fewer new samples is filled up to this many with the newest earlier ones. */
  readonly reuseSamples: number
}

/** Whole steps of 0.1 s from `minS` to `maxS`, s; equal ends give one interval to all. */
export interface Interval {
  readonly distribution: 'uniform' | 'log-uniform'
  readonly minS: number
  readonly maxS: number
}

export type SettingName = 'headway' | 'letter' | 'gap-law'

const letterInterval: Interval = { distribution: 'uniform', minS: 0.1, maxS: 10 }

export const settings: Readonly<Record<SettingName, Setting>> = {
  headway: {
    name: 'headway',
    base: 'headway',
    action: 'timeGap',
    observation: 'gaps',
    reward: 'fleet',
    gamma: null,
    horizonS: 60,
    lambda: 1,
    interval: letterInterval,
    returnRounds: 2,
    initialLogStd: -0.5,
    reuseSamples: 128,
  },
  letter: {
    name: 'letter',
    base: 'letter',
    action: 'acceleration',
    observation: 'raw',
    reward: 'own',
    gamma: 0.9,
    horizonS: 60,
    lambda: 0.95,
    interval: letterInterval,
    returnRounds: 0,
    initialLogStd: 0,
    reuseSamples: 0,
  },
  'gap-law': {
    name: 'gap-law',
    base: 'gap-law',
    action: 'gapLaw',
    observation: 'gaps',
    reward: 'local',
    gamma: null,
    horizonS: 60,
    lambda: 1,
    interval: letterInterval,
    returnRounds: 2,
    initialLogStd: -1.5,
    reuseSamples: 128,
  },
}

/** Shortest and longest time gap that a command may ask for, s. */
export const timeGapRange: Readonly<Record<'flow' | 'lab', readonly [number, number]>> = {
  flow: [2, 8],
  lab: [3, 12],
}

/** Speed that counts as 1 in the normalised average speed (NAS), m/s, in both presets. */
export const nasSpeed = 20
