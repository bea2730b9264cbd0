import { join } from 'node:path'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { flagOf } from './options.ts'
import { readResumedConfig } from './run-directory.ts'

/** What a policy learns to live in. */
const traits = ['network', 'preset', 'vehicles', 'learners', 'brake', 'crossing', 'speedMode'] as const

/**
 * Tells of each trait of a world that is not that of the run which `policies` (RUN-DIR/policies) come from; ExitError 2 where
 * the setting differs, since the policies would read its observations as something else. Of a folder without a run around it
 * nothing is known, and nothing is told.
 */
export function compareWithTraining(policies: string, config: Config, print: (line: string) => void): void {
  const run = join(policies, '..')
  const trained = configOf(run)
  if (!trained) return
  if (trained.setting !== config.setting)
    throw new ExitError(
      'usage',
      `policies of ${run} were trained with --setting ${trained.setting}, got ${config.setting}`,
    )
  for (const trait of traits) {
    const [before, now] = [trained, config].map((world) => traitOf(world, trait))
    if (before !== now) print(`policies of ${run} were trained with --${flagOf(trait)} ${before}, got ${now}`)
  }
}

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
