import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { createPolicyController } from '../sim-bridge/policy-controller.ts'
import type { Controller } from '../sim-bridge/sim/controllers.ts'
import { createRecorder, type Trajectory } from '../sim-bridge/trajectory/trajectory.ts'
import type { World } from '../sim-bridge/world.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { readPolicies } from './policy-folder.ts'
import type { ToolOption } from './tool-options.ts'
import { parseController, type WorldOptions, worldConfig, worldSpec } from './world-options.ts'

/** The options of commands that open a world of their own. */
export const drivenWorldSpec = {
  controller: {
    kind: 'text',
    placeholder: 'LAW',
    description:
      'law of the learners: none, headway:T, gap:T:g0:k:c, const:a, cap:c, lead:c, alt:c1:c2, pulse:a:p, or a hand law (untrained, best, …: docs/settings.md)',
  },
  policies: { kind: 'text', placeholder: 'DIR', description: 'folder of policies that drive (runs/…/policies)' },
  ...worldSpec,
} as const satisfies Record<string, ToolOption>

export interface DrivenWorldOptions extends WorldOptions {
  readonly controller: string | undefined
  readonly policies: string | undefined
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
  const config = worldConfig(options)
  const setting = settingOf(config)
  const law = controller === undefined ? undefined : parseController(controller, config.preset)
  const loaded = policies === undefined ? undefined : readPolicies(policies, setting)
  const world = await openWorld(config)
  try {
    const control = law ?? createPolicyController(world, loaded ?? new Map(), { setting, preset: config.preset, seed })
    return { world, control, driver: controller ?? 'policies', network: config.network }
  } catch (error) {
    await world.close()
    throw error
  }
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
      recorder.step()
    }
    recorder.end()
    return recorded[0] as Trajectory
  } finally {
    await world.close()
  }
}
