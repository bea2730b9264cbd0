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
 * numbers are those of the hand policies `best-gap` and `robust-mesh` (docs/settings.md), found by search on SUMO; for `lab`,
 * `meshLaw` has those of `best-wave`, whose place-dependent term it lacks.
 */
export const lawRanges: Readonly<Record<LawAction, Readonly<Record<'flow' | 'lab', LawRanges>>>> = {
  gapLaw: {
    flow: {
      timeGap: [0.5, 8],
      standstillGap: [0, 40],
      gain: [0.49, 0.49],
      cap: [20.2, 20.2],
      leaderGain: [0, 0],
      followerWeight: [0, 0],
      followerGain: [0, 0],
    },
    lab: {
      timeGap: [0.5, 12],
      standstillGap: [0, 40],
      gain: [0.35, 0.35],
      cap: [19.7, 19.7],
      leaderGain: [0.13, 0.13],
      followerWeight: [0, 0],
      followerGain: [0, 0],
    },
  },
  meshLaw: {
    flow: {
      timeGap: [0.5, 8],
      standstillGap: [0, 40],
      gain: [0.545, 0.545],
      cap: [22.4, 22.4],
      leaderGain: [-0.147, -0.147],
      followerWeight: [-2, 2],
      followerGain: [-0.32, -0.32],
    },
    lab: {
      timeGap: [0.5, 12],
      standstillGap: [-10, 40],
      gain: [0.121, 0.121],
      cap: [17.8, 17.8],
      leaderGain: [0.226, 0.226],
      followerWeight: [-2, 2],
      followerGain: [-0.41, -0.41],
    },
  },
}
