import { join } from 'node:path'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { flagOf } from './options.ts'
import { readResumedConfig } from './run-directory.ts'

/** What a policy learns to live in. */
const traits = ['network', 'preset', 'vehicles', 'learners', 'brake', 'crossing', 'speedMode'] as const

/**
 * Tells of each trait of a world that is not that of the run which `policies` (RUN-DIR/policies) come from; ExitError 2 where
 * the setting, its observation or its action differs, since the policies would read and do something else. Of a folder without
 * a run around it nothing is known, and nothing is told.
 */
export function compareWithTraining(policies: string, config: Config, print: (line: string) => void): void {
  const run = join(policies, '..')
  const trained = configOf(run)
  if (!trained) return
  const [before, now] = [settingOf(trained), settingOf(config)]
  const other = (flag: string, was: unknown, is: unknown): string =>
    `policies of ${run} were trained with --${flag} ${was}, got ${is}`
  if (before.base !== now.base) throw new ExitError('usage', other('setting', before.base, now.base))
  for (const part of ['observation', 'action'] as const)
    if (before[part] !== now[part]) throw new ExitError('usage', other(part, before[part], now[part]))
  for (const trait of traits) {
    const [was, is] = [traitOf(trained, trait), traitOf(config, trait)]
    if (was !== is) print(other(flagOf(trait), was, is))
  }
  for (const [flag, part] of intervalFlags)
    if (before.interval[part] !== now.interval[part]) print(other(flag, before.interval[part], now.interval[part]))
}

const intervalFlags = [
  ['interval-min-s', 'minS'],
  ['interval-max-s', 'maxS'],
  ['interval-distribution', 'distribution'],
] as const

function configOf(run: string): Config | undefined {
  try {
    return { ...defaultConfig, ...readResumedConfig(run) }
  } catch (error) {
    if (error instanceof ExitError) return undefined
    throw error
  }
}

function traitOf(config: Config, trait: (typeof traits)[number]): string | number {
  return trait === 'learners' ? (config.learners ?? Math.floor(config.vehicles / 2)) : config[trait]
}
