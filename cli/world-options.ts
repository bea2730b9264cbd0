import { type Config, configSchema, defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { type Controller, createController } from '../sim-bridge/sim/controllers.ts'
import { controllerName } from '../sim-bridge/sim/hand-laws.ts'
import type { ToolOption } from './tool-options.ts'

const { sim, preset, network, vehicles, learners, startJitter, ...others } = configSchema.properties

/** The options of tools that open a world of their own; names, choices, bounds and defaults are the configuration's. */
export const worldSpec = {
  sim: choiceOf(sim),
  preset: choiceOf(preset),
  network: choiceOf(network),
  vehicles: { ...numberOf(vehicles), default: vehicles.default, integer: true },
  learners: { ...numberOf(learners), integer: true },
  'start-jitter': { ...numberOf(startJitter), default: startJitter.default, unit: startJitter.unit },
  collision: choiceOf(others.collision),
  brake: choiceOf(others.brake),
  crossing: choiceOf(others.crossing),
  'speed-mode': choiceOf(others.speedMode),
  setting: { ...choiceOf(others.setting), description: 'what the policies were trained in' },
  observation: changeOf(others.observation),
  action: changeOf(others.action),
  'interval-min-s': { ...numberOf(others.intervalMinS), unit: others.intervalMinS.unit },
  'interval-max-s': { ...numberOf(others.intervalMaxS), unit: others.intervalMaxS.unit },
  'interval-distribution': changeOf(others.intervalDistribution),
  seed: {
    ...numberOf(others.seed),
    default: others.seed.default,
    integer: true,
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
  readonly collision: string
  readonly brake: string
  readonly crossing: string
  readonly 'speed-mode': string
  readonly setting: string
  readonly observation?: string | undefined
  readonly action?: string | undefined
  readonly 'interval-min-s'?: number | undefined
  readonly 'interval-max-s'?: number | undefined
  readonly 'interval-distribution'?: string | undefined
  readonly seed: number
}

/** The configuration that these options, already checked against the spec, stand for. */
export function worldConfig(options: WorldOptions): Config {
  const { sim, preset, network, collision, brake, crossing, setting, vehicles, learners, seed } = options
  const choices = {
    sim,
    preset,
    network,
    collision,
    brake,
    crossing,
    setting,
    speedMode: Number(options['speed-mode']),
    observation: options.observation ?? null,
    action: options.action ?? null,
    intervalDistribution: options['interval-distribution'] ?? null,
  }
  return {
    ...defaultConfig,
    ...(choices as Pick<Config, keyof typeof choices>),
    ...{ vehicles, learners: learners ?? null, seed, startJitter: options['start-jitter'] },
    intervalMinS: options['interval-min-s'] ?? null,
    intervalMaxS: options['interval-max-s'] ?? null,
  }
}

/** A closed-form controller or a hand law of the preset by its name; ExitError 2 for what is none. */
export function parseController(name: string, preset: 'flow' | 'lab'): Controller {
  try {
    return createController(controllerName(name, preset))
  } catch (error) {
    throw new ExitError('usage', `--controller: ${(error as Error).message}`)
  }
}

interface ChoiceProperty {
  readonly enum: readonly (string | number)[]
  readonly default: string | number
  readonly description: string
}

function choiceOf({ enum: choices, default: fallback, description }: ChoiceProperty) {
  return { kind: 'choice', choices: choices.map(String), default: String(fallback), description } as const
}

interface ChangeProperty {
  readonly enum: readonly (string | null)[]
  readonly description: string
}

/** A choice that nothing is said of unless it is given. */
function changeOf({ enum: choices, description }: ChangeProperty) {
  return { kind: 'choice', choices: choices.filter((choice) => choice !== null), description } as const
}

interface NumberProperty {
  readonly minimum: number
  readonly maximum: number
  readonly description: string
}

function numberOf({ minimum, maximum, description }: NumberProperty) {
  return { kind: 'number', minimum, maximum, description } as const
}
