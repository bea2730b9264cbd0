import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine, SafetensorsFile } from '../device/core/index.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { actionCount, createFeatures, featureCount, featureNames } from '../device/features.ts'
import { namesOf } from '../device/formats/named-policy.ts'
import { ExitError } from '../schemas/exit.ts'
import type { Setting } from '../schemas/setting.ts'
import { accelerationOf } from '../sim-bridge/controller.ts'
import { observe } from '../sim-bridge/observation.ts'
import { drawSchedules } from '../sim-bridge/schedule.ts'
import type { StepInfo } from '../sim-bridge/score.ts'
import type { Controller } from '../sim-bridge/sim/controllers.ts'
import type { World } from '../sim-bridge/world.ts'
import { damagedUnless, policyOf, readTensorFile } from './tensor-file.ts'

/** A trained policy, ready to be asked. */
export interface LoadedPolicy {
  readonly engine: Engine
  readonly policy: Float64Array
}

/**
 * The policies `<vehicle>.safetensors` of a folder, by vehicle; ExitError 2 without any or where a file names another
 * observation or action than the setting, 4 where one does not fit it.
 */
export function readPolicies(folder: string, setting: Setting): Map<string, LoadedPolicy> {
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
  if (names.length === 0) throw new ExitError('usage', `${folder} must hold policy files (*.safetensors), got none`)
  const observationSize = featureCount(setting)
  const actionSize = actionCount(setting)
  return new Map(
    names.sort().map((name) => {
      const path = join(folder, name)
      const file = readTensorFile(path)
      const { architecture, policy } = policyOf(path, file)
      refuseOtherNames(path, file, setting)
      if (architecture.observationSize !== observationSize || architecture.actionSize !== actionSize)
        throw new ExitError(
          'damaged',
          `${path} must see ${observationSize} features and choose ${actionSize} action${actionSize > 1 ? 's' : ''}, got ${architecture.observationSize} and ${architecture.actionSize}`,
        )
      return [name.replace(/\.safetensors$/, ''), { engine: createWasmEngine(architecture), policy }]
    }),
  )
}

/** A file that says what its policy sees and does must say what the setting says; ExitError 2. */
function refuseOtherNames(path: string, file: SafetensorsFile, setting: Setting): void {
  const held = damagedUnless(path, () => namesOf(file))
  const wanted = featureNames(setting)
  if (held === undefined) return
  for (const part of ['observationNames', 'actionNames'] as const)
    if (held[part].join() !== wanted[part].join())
      throw new ExitError(
        'usage',
        `${path} must name the ${part === 'observationNames' ? 'observation' : 'action'} of --setting ${setting.name} (${wanted[part].join(', ')}), got ${held[part].join(', ')}`,
      )
}

/** Drives one epoch with the mean actions of these policies; `seed` draws the starts and the decision intervals. */
export async function evaluatePolicies(
  world: World,
  policies: ReadonlyMap<string, LoadedPolicy>,
  { setting, preset, seed }: { readonly setting: Setting; readonly preset: 'flow' | 'lab'; readonly seed: number },
): Promise<StepInfo> {
  const control = createPolicyController(world, policies, setting, preset, seed)
  const accelerations = new Float64Array(world.vehicles.length)
  let state = await world.reset(seed)
  for (let k = 0; !state.terminated && !state.truncated; k++) {
    control(world, k, accelerations)
    state = await world.step(accelerations)
  }
  return { ...state.info }
}

/**
 * Drives the learners of `world` by their policies' mean actions (no exploration), at the intervals that a run with this
 * seed draws; a learner without a policy is left to its driver model. Begins anew at step 0. ExitError 2 where a policy is of
 * a car that does not learn in this world: it was trained in another one.
 */
export function createPolicyController(
  world: World,
  policies: ReadonlyMap<string, LoadedPolicy>,
  setting: Setting,
  preset: 'flow' | 'lab',
  seed: number,
): Controller {
  const { loopLength, speedLimit, accelerationLimit } = world
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const strangers = [...policies.keys()].filter((id) => !learners.includes(id))
  if (strangers.length > 0)
    throw new ExitError(
      'usage',
      `policies must be of cars that learn here (${learners.join(', ')}; see --vehicles, --learners), got ${strangers.join(', ')}`,
    )
  const features = createFeatures(setting, { preset, loopLength, speedLimit, accelerationLimit })
  const schedules = drawSchedules(seed, learners, setting.interval)
  const commands = new Map<number, ReturnType<typeof features.command>>()
  const row = new Float32Array(featureCount(setting))
  const mean = new Float64Array(actionCount(setting))
  return (_cars, step, accelerations) => {
    if (step === 0) commands.clear()
    for (const [i, id] of world.vehicles.entries()) {
      const loaded = policies.get(id)
      const schedule = schedules.get(id)
      accelerations[i] = Number.NaN
      if (!loaded || !schedule) continue
      if (step >= schedule.phaseSteps && (step - schedule.phaseSteps) % schedule.intervalSteps === 0) {
        features.encode(observe(world, i), row)
        loaded.engine.policyMean(loaded.policy, row, 1, mean)
        commands.set(i, features.command(...mean))
      }
      accelerations[i] = accelerationOf(commands.get(i), world, i)
    }
  }
}
