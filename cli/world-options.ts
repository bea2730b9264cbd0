import { type Config, defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { type Controller, createController } from '../sim-bridge/sim/controllers.ts'
import type { ToolOption } from './tool-options.ts'

/** The options of tools that open a world of their own; the same names and defaults as in the configuration. */
export const worldSpec = {
  sim: { kind: 'choice', choices: ['embedded', 'sumo'], default: 'embedded', description: 'traffic simulator' },
  preset: { kind: 'choice', choices: ['flow', 'lab'], default: 'flow', description: 'scenario' },
  network: {
    kind: 'choice',
    choices: ['figure-eight', 'ring', 'merge'],
    default: 'figure-eight',
    description: 'roads',
  },
  vehicles: { kind: 'number', integer: true, default: 14, minimum: 2, maximum: 40, description: 'number of cars' },
  learners: {
    kind: 'number',
    integer: true,
    minimum: 0,
    maximum: 40,
    description: 'how many of them learn, spread evenly (default: every second one)',
  },
  'start-jitter': {
    kind: 'number',
    default: 0,
    minimum: 0,
    maximum: 10,
    description: 'm that each car may start away from its even place',
  },
  setting: {
    kind: 'choice',
    choices: ['headway', 'letter'],
    default: 'headway',
    description: 'what the policies were trained in',
  },
  seed: {
    kind: 'number',
    integer: true,
    default: 1,
    minimum: 0,
    maximum: 4294967295,
    description: 'seed of the starts and of the decision intervals',
  },
} as const satisfies Record<string, ToolOption>

export interface WorldOptions {
  readonly sim: string
  readonly preset: string
  readonly network: string
  readonly vehicles: number
  readonly learners: number | undefined
  readonly 'start-jitter': number
  readonly setting: string
  readonly seed: number
}

/** The configuration that these options, already checked against the spec, stand for. */
export function worldConfig({
  sim,
  preset,
  network,
  vehicles,
  learners,
  setting,
  seed,
  ...rest
}: WorldOptions): Config {
  return {
    ...defaultConfig,
    ...({ sim, preset, network, setting } as Pick<Config, 'sim' | 'preset' | 'network' | 'setting'>),
    ...{ vehicles, learners: learners ?? null, seed, startJitter: rest['start-jitter'] },
  }
}

/** A closed-form controller by its name; ExitError 2 for what is none. */
export function parseController(name: string): Controller {
  try {
    return createController(name)
  } catch (error) {
    throw new ExitError('usage', `--controller: ${(error as Error).message}`)
  }
}
