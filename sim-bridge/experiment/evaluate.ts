import type { Engine } from '../../device/core/engine.ts'
import { createFeatures, featureCount } from '../../device/features.ts'
import type { Command } from '../../schemas/lock-step.ts'
import type { Setting } from '../../schemas/setting.ts'
import { accelerationOf } from '../controller.ts'
import { observe } from '../observation.ts'
import { drawSchedules } from '../schedule.ts'
import type { StepInfo } from '../score.ts'
import type { Preset } from '../sim/presets.ts'
import type { World } from '../world.ts'

/** A policy's parameters and the engine that runs its architecture. */
export interface TrainedPolicy {
  readonly engine: Engine
  readonly policy: Float64Array
}

export interface EvaluationOptions {
  readonly preset: Preset['name']
  /** What the policies were trained in. */
  readonly setting: Setting
  /** Seed of the starts and of the decision intervals. */
  readonly seed: number
  /** Told of the state after every step, for those who look at more than the figures. */
  readonly onStep?: (step: number) => void
}

/** Drives one epoch with the mean actions of trained policies, by vehicle (no exploration); returns the epoch's figures. */
export async function evaluatePolicies(
  world: World,
  policies: ReadonlyMap<string, TrainedPolicy>,
  { preset, setting, seed, onStep }: EvaluationOptions,
): Promise<StepInfo> {
  const features = createFeatures(setting, { preset, ...world })
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const schedules = drawSchedules(seed, learners)
  const commands = new Map<number, Command>()
  const row = new Float32Array(featureCount(setting))
  const mean = new Float64Array(1)
  const accelerations = new Float64Array(world.vehicles.length).fill(Number.NaN)
  let state = await world.reset(seed)
  for (let k = 0; !state.terminated && !state.truncated; k++) {
    for (const [i, id] of world.vehicles.entries()) {
      const policy = policies.get(id)
      const schedule = schedules.get(id)
      if (!policy || !schedule) continue
      if (k >= schedule.phaseSteps && (k - schedule.phaseSteps) % schedule.intervalSteps === 0) {
        features.encode(observe(world, i), row)
        policy.engine.policyMean(policy.policy, row, 1, mean)
        commands.set(i, features.command(mean[0] as number))
      }
      accelerations[i] = accelerationOf(commands.get(i), world, i)
    }
    state = await world.step(accelerations)
    onStep?.(k + 1)
  }
  return { ...state.info }
}
