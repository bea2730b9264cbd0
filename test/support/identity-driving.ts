import { fileURLToPath } from 'node:url'
import { readPolicies } from '../../cli/policy-folder.ts'
import type { CreateEngine } from '../../device/engines/index.ts'
import { defaultConfig } from '../../schemas/config.ts'
import { settings } from '../../schemas/setting.ts'
import { createExperiment } from '../../sim-bridge/experiment/experiment.ts'
import { createPolicyController } from '../../sim-bridge/policy-controller.ts'
import { type Controller, createController } from '../../sim-bridge/sim/controllers.ts'
import type { ScenarioOptions } from '../../sim-bridge/sim/scenario.ts'
import type { World, WorldRules } from '../../sim-bridge/world.ts'
import { createEmbeddedWorld } from '../../sim-bridge/worlds.ts'
import { createDigest } from './identity-digest.ts'

/** Positions and speeds after every step of epochs driven by hand-made laws, on all roads, presets and rules. */
export async function drivenCars(): Promise<string> {
  const digest = createDigest()
  const worlds: readonly (readonly [ScenarioOptions, WorldRules, string])[] = [
    [{ preset: 'flow' }, {}, 'headway:5'],
    [{ preset: 'flow' }, { startJitter: 1 }, 'none'],
    [{ preset: 'flow', crossing: 'nearest-first' }, {}, 'headway:4'],
    [{ preset: 'lab' }, {}, 'headway:7'],
    [{ preset: 'lab', speedMode: 31 }, { brake: 'latched' }, 'pulse:2:3'],
    [{ preset: 'flow', network: 'ring' }, {}, 'alt:5:8'],
    [{ preset: 'flow', network: 'merge', speedMode: 25 }, {}, 'headway:3'],
  ]
  for (const [scenario, rules, law] of worlds)
    await drive(createEmbeddedWorld(scenario, rules), createController(law), digest.numbers)
  return digest.end()
}

/** The same under the trained policies of test/policies. */
export async function policyDrivenCars(createEngine: CreateEngine): Promise<string> {
  const digest = createDigest()
  const folder = fileURLToPath(new URL('../../../test/policies/', import.meta.url))
  const read = readPolicies(folder, settings.headway)
  const policies = new Map(
    [...read].map(([id, { engine, policy }]) => [id, { engine: createEngine(engine.architecture), policy }]),
  )
  const world = createEmbeddedWorld({ preset: 'flow' })
  await drive(
    world,
    createPolicyController(world, policies, { setting: settings.headway, preset: 'flow', seed: 1 }),
    digest.numbers,
  )
  return digest.end()
}

async function drive(world: World, control: Controller, each: (values: Float64Array) => void): Promise<void> {
  const accelerations = new Float64Array(world.vehicles.length)
  let state = await world.reset(5)
  for (let k = 0; !state.terminated && !state.truncated; k++) {
    control(world, k, accelerations)
    state = await world.step(accelerations)
    each(world.position)
    each(world.speed)
    each(state.observations)
  }
}

/** A whole epoch of `gated` with seven learners in one process: the policies' hashes and the rest of the summary. */
export async function gatedEpoch(setting: 'headway' | 'letter', createEngine: CreateEngine): Promise<string> {
  const config = { ...defaultConfig, epochs: 1, setting, method: 'gated' as const }
  const experiment = createExperiment({
    config,
    world: createEmbeddedWorld({ preset: config.preset }, { reward: settings[setting].reward }),
    createEngine: (observationSize, hidden) => createEngine({ observationSize, actionSize: 1, hidden }),
  })
  const summary = await experiment.run()
  const learned = Object.values(summary.learners ?? {}).every(({ updates }) => updates > 0)
  const accepted = summary.verdicts.accepted ?? 0
  if (!(learned && accepted > 0))
    throw new Error(`a gated epoch must learn and mix, got ${accepted} mixes in ${JSON.stringify(summary.learners)}`)
  const digest = createDigest()
  digest.text(JSON.stringify(summary))
  return digest.end()
}
