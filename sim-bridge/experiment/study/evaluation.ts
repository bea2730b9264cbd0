import { settingOf } from '../../../schemas/setting-of.ts'
import { drivenBy, type JobResult, type Study, type StudyJob } from '../../../schemas/study.ts'
import { createPolicyController, type LoadedPolicy } from '../../policy-controller.ts'
import type { Controller } from '../../sim/controllers.ts'
import type { World } from '../../world.ts'
import { openWorld } from '../../worlds.ts'
import { createEpochObserver } from './observer.ts'

type Evaluation = NonNullable<JobResult['evaluation']>
type DrivenBy = Evaluation[number]['drivenBy']
type Policies = Readonly<Record<'untrained' | 'trained', ReadonlyMap<string, LoadedPolicy>>>

/** Starts of one job's episodes differ from those of every other's. */
const seedsPerJob = 1_000

/**
 * Drives the same jittered starts with everything there is to compare, in each of the worlds; decision intervals are the job's.
 * A collision is counted and the episode goes on: the drivers collide within seconds of many jittered starts, and a mean over
 * those seconds, in which all still accelerate, is no speed to compare with.
 */
export async function evaluateJob(
  { config, seed }: StudyJob,
  { sims, episodes, startJitter }: NonNullable<Study['evaluation']>,
  policies: Policies,
): Promise<Evaluation> {
  const rows: Evaluation = []
  for (const sim of sims) {
    const world = await openWorld({ ...config, sim, startJitter, collision: 'continue' })
    try {
      const driving = { setting: settingOf(config), preset: config.preset, seed }
      const none = new Map<string, LoadedPolicy>()
      const controllers: Record<DrivenBy, Controller> = {
        drivers: createPolicyController(world, none, driving),
        'full-throttle': (_cars, _step, accelerations) => {
          for (const [i, learns] of world.learner.entries())
            accelerations[i] = learns ? world.accelerationLimit : Number.NaN
        },
        untrained: createPolicyController(world, policies.untrained, driving),
        trained: createPolicyController(world, policies.trained, driving),
      }
      for (const driver of drivenBy) {
        const row = { sim, drivenBy: driver, meanSpeed: [], worstLearner: [], collisions: [] } as Evaluation[number]
        for (let k = 0; k < episodes; k++) {
          const episode = await driveEpisode(world, controllers[driver], seed * seedsPerJob + k)
          row.meanSpeed.push(episode.meanSpeed)
          row.worstLearner.push(episode.worstLearner)
          row.collisions.push(episode.collisions)
        }
        rows.push(row)
      }
    } finally {
      await world.close()
    }
  }
  return rows
}

async function driveEpisode(world: World, control: Controller, seed: number) {
  const accelerations = new Float64Array(world.vehicles.length)
  const observer = createEpochObserver(world)
  let state = await world.reset(seed)
  observer.begin(1)
  for (let k = 0; !state.terminated && !state.truncated; k++) {
    control(world, k, accelerations)
    state = await world.step(accelerations)
    observer.step()
  }
  const { epochMeanSpeed: meanSpeed, collisions } = state.info
  return { meanSpeed, worstLearner: observer.worstLearner(), collisions }
}
