import { type Config, defaultConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { type SettingName, settings } from '../schemas/setting.ts'
import { type Controller, createController } from '../sim-bridge/sim/controllers.ts'
import { StartError } from '../sim-bridge/sim/starts.ts'
import { createRecorder, type Trajectory } from '../sim-bridge/trajectory/trajectory.ts'
import type { World } from '../sim-bridge/world.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { createPolicyController, readPolicies } from './policy-controller.ts'
import type { ToolOption } from './tool-options.ts'

/** The options of commands that open a world of their own. */
export const drivenWorldSpec = {
  controller: {
    kind: 'text',
    placeholder: 'LAW',
    description: 'law of the learners: none, headway:T, const:a, cap:c, lead:c, alt:c1:c2, pulse:a:p',
  },
  policies: { kind: 'text', placeholder: 'DIR', description: 'folder of policies that drive (runs/…/policies)' },
  preset: { kind: 'choice', choices: ['flow', 'lab'], default: 'flow', description: 'scenario' },
  network: {
    kind: 'choice',
    choices: ['figure-eight', 'ring', 'merge'],
    default: 'figure-eight',
    description: 'roads',
  },
  vehicles: { kind: 'number', integer: true, default: 14, minimum: 2, maximum: 40, description: 'number of cars' },
  sim: { kind: 'choice', choices: ['embedded', 'sumo'], default: 'embedded', description: 'traffic simulator' },
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
    description: 'seed of the decision intervals',
  },
} as const satisfies Record<string, ToolOption>

export interface DrivenWorldOptions {
  readonly controller: string | undefined
  readonly policies: string | undefined
  readonly preset: string
  readonly network: string
  readonly vehicles: number
  readonly sim: string
  readonly setting: string
  readonly seed: number
}

/** A world and what drives its learners. */
export interface DrivenWorld {
  readonly world: World
  readonly control: Controller
  /** The controller's name, or `policies`. */
  readonly driver: string
  readonly network: string
}

/** Opens the world of the options; ExitError 2 where neither or both of controller and policies are given. */
export async function openDrivenWorld(options: DrivenWorldOptions): Promise<DrivenWorld> {
  const { controller, policies, seed } = options
  if ((controller === undefined) === (policies === undefined))
    throw new ExitError(
      'usage',
      `one of --controller and --policies is needed, got ${controller === undefined ? 'none' : 'both'}`,
    )
  const preset = options.preset === 'lab' ? 'lab' : 'flow'
  const setting = settings[options.setting as SettingName]
  const law = controller === undefined ? undefined : lawOf(controller)
  const loaded = policies === undefined ? undefined : readPolicies(policies, setting)
  const sim = options.sim === 'sumo' ? 'sumo' : 'embedded'
  const { vehicles } = options
  const network = options.network === 'ring' || options.network === 'merge' ? options.network : 'figure-eight'
  const world = await open({ ...defaultConfig, preset, network, vehicles, sim, setting: setting.name })
  const control = law ?? createPolicyController(world, loaded ?? new Map(), setting, preset, seed)
  return { world, control, driver: controller ?? 'policies', network }
}

/** Drives one epoch and records it. */
export async function recordEpoch(options: DrivenWorldOptions): Promise<Trajectory> {
  const { world, control, driver, network } = await openDrivenWorld(options)
  try {
    const { preset, sim, seed } = options
    const recorded: Trajectory[] = []
    const recorder = createRecorder(world, { network, preset, sim, seed, driver }, (epoch) => recorded.push(epoch))
    const accelerations = new Float64Array(world.vehicles.length)
    let state = await world.reset(seed)
    recorder.begin(1)
    for (let k = 0; !state.terminated && !state.truncated; k++) {
      control(world, k, accelerations)
      state = await world.step(accelerations)
      recorder.step(accelerations)
    }
    recorder.end()
    return recorded[0] as Trajectory
  } finally {
    await world.close()
  }
}

/** Cars that do not fit their road are a mistake of the options. */
async function open(config: Config): Promise<World> {
  try {
    return await openWorld(config)
  } catch (error) {
    if (error instanceof StartError) throw new ExitError('usage', error.message)
    throw error
  }
}

function lawOf(name: string): Controller {
  try {
    return createController(name)
  } catch (error) {
    throw new ExitError('usage', `--controller: ${(error as Error).message}`)
  }
}
