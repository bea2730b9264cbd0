import type { Config } from './config.ts'
import { ExitError } from './exit.ts'
import { type Interval, type Setting, settings } from './setting.ts'

/** The keys of a configuration that change one thing of its setting each. */
export const settingChanges = [
  'observation',
  'action',
  'reward',
  'gamma',
  'horizonS',
  'lambda',
  'intervalMinS',
  'intervalMaxS',
  'intervalDistribution',
  'initialLogStd',
  'returnRounds',
  'reuseSamples',
] as const satisfies readonly (keyof Config)[]

type Changes = Pick<Config, 'setting' | (typeof settingChanges)[number]>

/**
 * The setting of a configuration with what the configuration changes of it; its name says both. A change to what the setting
 * has anyway is none: without changes the named setting itself is returned. ExitError 2 where changes contradict each other.
 */
export function settingOf(config: Changes): Setting {
  const base = settings[config.setting]
  if (config.gamma !== null && config.horizonS !== null)
    throw new ExitError(
      'usage',
      `one of --gamma and --horizon-s can be given, got --gamma ${config.gamma} and --horizon-s ${config.horizonS}`,
    )
  const setting: Omit<Setting, 'name'> = {
    base: base.base,
    action: config.action ?? base.action,
    observation: config.observation ?? base.observation,
    reward: config.reward ?? base.reward,
    gamma: config.gamma ?? (config.horizonS === null ? base.gamma : null),
    horizonS: config.horizonS ?? base.horizonS,
    lambda: config.lambda ?? base.lambda,
    interval: intervalOf(config, base.interval),
    returnRounds: config.returnRounds ?? base.returnRounds,
    initialLogStd: config.initialLogStd ?? base.initialLogStd,
    reuseSamples: config.reuseSamples ?? base.reuseSamples,
  }
  const name = [base.name, ...differences(setting, base)].join(' ')
  return name === base.name ? base : { ...setting, name }
}

function intervalOf(config: Changes, base: Interval): Interval {
  const minS = config.intervalMinS ?? base.minS
  const maxS = config.intervalMaxS ?? base.maxS
  for (const [flag, seconds] of [
    ['interval-min-s', minS],
    ['interval-max-s', maxS],
  ] as const)
    if (Math.abs(seconds * 10 - Math.round(seconds * 10)) > 1e-9)
      throw new ExitError('usage', `--${flag} must be whole steps of 0.1 s, got ${seconds}`)
  if (minS > maxS)
    throw new ExitError('usage', `--interval-min-s must be at most --interval-max-s (${maxS}), got ${minS}`)
  return { minS, maxS, distribution: config.intervalDistribution ?? base.distribution }
}

/** What differs, as the flags that say so. */
function differences(setting: Omit<Setting, 'name'>, base: Setting): string[] {
  const discount = ({ gamma, horizonS }: Pick<Setting, 'gamma' | 'horizonS'>): string =>
    gamma === null ? `--horizon-s ${horizonS}` : `--gamma ${gamma}`
  const flags = (of: Omit<Setting, 'name'>): string[] => [
    `--observation ${of.observation}`,
    `--action ${of.action}`,
    `--reward ${of.reward}`,
    discount(of),
    `--lambda ${of.lambda}`,
    `--interval-min-s ${of.interval.minS}`,
    `--interval-max-s ${of.interval.maxS}`,
    `--interval-distribution ${of.interval.distribution}`,
    `--initial-log-std ${of.initialLogStd}`,
    `--return-rounds ${of.returnRounds}`,
    `--reuse-samples ${of.reuseSamples}`,
  ]
  const before = flags(base)
  return flags(setting).filter((flag, i) => flag !== before[i])
}
