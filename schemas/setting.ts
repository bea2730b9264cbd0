/**
 * The two named settings of the experiment: what an agent senses, what it commands, what it is paid and how the
 * future counts. Bridge and device read the same entry.
 */
export interface Setting {
  readonly name: SettingName
  /** `timeGap`: the action is the time gap of the car's follow law; `acceleration`: it is the acceleration. */
  readonly action: 'timeGap' | 'acceleration'
  /** `gaps`: gaps as gaps (m/25 − 1); `raw`: positions and speeds of three cars, scaled by loop length and limit. */
  readonly observation: 'gaps' | 'raw'
  /** `fleet`: mean speed of all cars / 20, 0 in a step with a collision (the letter's NAS); `own`: own speed / 20. */
  readonly reward: 'fleet' | 'own'
  /** Discount per decision; null: exp(−Δt / horizonS) for a decision held Δt seconds. */
  readonly gamma: number | null
  readonly horizonS: number
  /** λ of GAE. */
  readonly lambda: number
  /** Whole rounds of rewards that a return holds beyond its own round before a sample is learned from. */
  readonly returnRounds: number
  /** log σ that exploration starts with. */
  readonly initialLogStd: number
}

export type SettingName = 'headway' | 'letter'

export const settings: Readonly<Record<SettingName, Setting>> = {
  headway: {
    name: 'headway',
    action: 'timeGap',
    observation: 'gaps',
    reward: 'fleet',
    gamma: null,
    horizonS: 60,
    lambda: 1,
    returnRounds: 2,
    initialLogStd: -0.5,
  },
  letter: {
    name: 'letter',
    action: 'acceleration',
    observation: 'raw',
    reward: 'own',
    gamma: 0.9,
    horizonS: 60,
    lambda: 0.95,
    returnRounds: 0,
    initialLogStd: 0,
  },
}

/** Shortest and longest time gap that a command may ask for, s. */
export const timeGapRange: Readonly<Record<'flow' | 'lab', readonly [number, number]>> = {
  flow: [2, 8],
  lab: [3, 12],
}

/** Speed that counts as 1 in the normalised average speed (NAS), m/s, in both presets. */
export const nasSpeed = 20
