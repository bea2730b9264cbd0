/** The parameters of the general follow law, in the order of its formula in docs/settings.md. */
export const lawParameters = [
  'timeGap',
  'standstillGap',
  'gain',
  'cap',
  'leaderGain',
  'followerWeight',
  'followerGain',
] as const

export type LawParameter = (typeof lawParameters)[number]

/** Least and greatest value of each parameter; where both are one number it is fixed. */
export type LawRanges = Readonly<Record<LawParameter, readonly [number, number]>>

/** What the policy chooses, in the order of its actions: the other parameters are fixed by the preset. */
export const lawActions = {
  gapLaw: ['timeGap', 'standstillGap'],
  meshLaw: ['timeGap', 'standstillGap', 'followerWeight'],
} as const satisfies Readonly<Record<string, readonly LawParameter[]>>

export type LawAction = keyof typeof lawActions

/**
 * Units: timeGap s, standstillGap m, gain, leaderGain and followerGain 1/s, cap m/s, followerWeight m/s per 10 m. The fixed
 * numbers are those of the hand laws `best-gap` and `robust-mesh` (sim-bridge/sim/hand-laws.ts), found by random search; see
 * docs/settings.md. The range of time gaps is that of the command `timeGap`; the middle of the others is 0.
 */
export const lawRanges: Readonly<Record<LawAction, Readonly<Record<'flow' | 'lab', LawRanges>>>> = {
  gapLaw: {
    flow: {
      timeGap: [2, 8],
      standstillGap: [-20, 20],
      gain: [0.49, 0.49],
      cap: [20.2, 20.2],
      leaderGain: [0, 0],
      followerWeight: [0, 0],
      followerGain: [0, 0],
    },
    lab: {
      timeGap: [3, 12],
      standstillGap: [-20, 20],
      gain: [0.35, 0.35],
      cap: [19.7, 19.7],
      leaderGain: [0.13, 0.13],
      followerWeight: [0, 0],
      followerGain: [0, 0],
    },
  },
  meshLaw: {
    flow: {
      timeGap: [2, 8],
      standstillGap: [-20, 20],
      gain: [0.574, 0.574],
      cap: [21.96, 21.96],
      leaderGain: [-0.151, -0.151],
      followerWeight: [-1, 1],
      followerGain: [-0.3081, -0.3081],
    },
    lab: {
      timeGap: [3, 12],
      standstillGap: [-20, 20],
      gain: [0.6839, 0.6839],
      cap: [25.25, 25.25],
      leaderGain: [0.3981, 0.3981],
      followerWeight: [-1, 1],
      followerGain: [-0.05583, -0.05583],
    },
  },
}
