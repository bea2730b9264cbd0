import type { Engine } from '../device/core/index.ts'
import { actionCount, createFeatures, featureCount } from '../device/features.ts'
import { ExitError } from '../schemas/exit.ts'
import type { Setting } from '../schemas/setting.ts'
import { accelerationOf } from './controller.ts'
import { observe } from './observation.ts'
import { drawSchedules } from './schedule.ts'
import type { StepInfo } from './score.ts'
import type { Controller } from './sim/controllers.ts'
import type { World } from './world.ts'

/** A trained policy, ready to be asked. */
export interface LoadedPolicy {
  readonly engine: Engine
  readonly policy: Float32Array | Float64Array
}

export interface PolicyDriving {
  readonly setting: Setting
  readonly preset: 'flow' | 'lab'
  /** Draws the decision intervals, as a run with this seed does. */
  readonly seed: number
}

/** Drives one epoch from the starts of `startSeed` with the mean actions of these policies. */
export async function evaluatePolicies(
  world: World,
  policies: ReadonlyMap<string, LoadedPolicy>,
  driving: PolicyDriving,
  startSeed = driving.seed,
): Promise<StepInfo> {
  const control = createPolicyController(world, policies, driving)
  const accelerations = new Float64Array(world.vehicles.length)
  let state = await world.reset(startSeed)
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
  { setting, preset, seed }: PolicyDriving,
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
