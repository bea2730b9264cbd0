/**
 * The part of the configuration that says what an agent senses, commands, is paid and how the future counts; spread into
 * `configSchema`. Each key but `setting` is null unless that one thing differs from the setting (`settingOf`).
 */
export const settingProperties = {
  setting: {
    enum: ['headway', 'letter', 'gap-law'],
    default: 'headway',
    description: 'observation, action, reward, discount and decision interval',
    for: ['fleet', 'device', 'sim-bridge', 'broker'],
  },
  observation: {
    type: ['string', 'null'],
    enum: ['gaps', 'raw', 'relative', null],
    default: null,
    description: 'what an agent senses (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge', 'broker'],
  },
  action: {
    type: ['string', 'null'],
    enum: ['timeGap', 'acceleration', 'gapLaw', 'meshLaw', null],
    default: null,
    description: 'what an agent commands (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge', 'broker'],
  },
  reward: {
    type: ['string', 'null'],
    enum: ['fleet', 'local', 'own', null],
    default: null,
    description:
      'whose mean speed is paid: all cars, the own with its two neighbours, the own (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  gamma: {
    type: ['number', 'null'],
    minimum: 0,
    exclusiveMaximum: 1,
    default: null,
    description: 'discount per decision (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  horizonS: {
    type: ['number', 'null'],
    exclusiveMinimum: 0,
    maximum: 1000000,
    default: null,
    unit: 's',
    description: 'instead of --gamma: discount exp(−Δt/N) of a decision held Δt seconds (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  lambda: {
    type: ['number', 'null'],
    minimum: 0,
    maximum: 1,
    default: null,
    description: 'λ of GAE (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  intervalMinS: {
    type: ['number', 'null'],
    minimum: 0.1,
    maximum: 150,
    default: null,
    unit: 's',
    description: 'shortest decision interval, whole steps of 0.1 s (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  intervalMaxS: {
    type: ['number', 'null'],
    minimum: 0.1,
    maximum: 150,
    default: null,
    unit: 's',
    description: 'longest decision interval, whole steps of 0.1 s (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  intervalDistribution: {
    type: ['string', 'null'],
    enum: ['uniform', 'log-uniform', null],
    default: null,
    description: 'how the interval of each vehicle is drawn (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  initialLogStd: {
    type: ['number', 'null'],
    minimum: -5,
    maximum: 2,
    default: null,
    description: 'log of the initial exploration noise (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  returnRounds: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 5,
    default: null,
    description:
      'further rounds of rewards that a return holds before its sample is learned from (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  reuseSamples: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 100000,
    default: null,
    description:
      'an update on fewer samples takes the newest earlier ones too, up to so many (default: that of the setting)',
    for: ['fleet', 'device', 'sim-bridge'],
  },
} as const
