import type { Actor, Engine, Vector } from '../../../device/core/engine.ts'
import { discountOverTime } from '../../../device/core/gae.ts'
import { createRng } from '../../../device/core/rng.ts'
import { createFeatures } from '../../../device/features.ts'
import type { Command } from '../../../schemas/lock-step.ts'
import type { Setting } from '../../../schemas/setting.ts'
import { accelerationOf } from '../../controller.ts'
import { observe } from '../../observation.ts'
import { drawSchedules, type Schedule } from '../../schedule.ts'
import type { World } from '../../world.ts'

/** Where episodes are driven; the world with the rules and jitter that they shall have. */
export interface Stage {
  readonly world: World
  /** Architecture of all policies; it acts, and nothing else. */
  readonly engine: Engine
  readonly setting: Setting
  readonly preset: 'flow' | 'lab'
  /** The run's seed: draws when each vehicle decides. */
  readonly seed: number
}

/** θ of every learner, by vehicle. */
export type FleetPolicies = ReadonlyMap<string, Vector>

/** What an episode gave one vehicle and the fleet. */
export interface EpisodeFigures {
  /** The vehicle's discounted return from its first decision, in the rewards that it learns from. */
  readonly ownReturn: number
  /** The vehicle's mean reward per step. */
  readonly ownReward: number
  /** Mean speed of all cars, m/s. */
  readonly fleetSpeed: number
  readonly collisions: number
}

/** Drives an episode of exploring policies; `episode` draws the starts and each vehicle's exploration noise. */
export type DriveEpisode = (policies: FleetPolicies, vehicle: string, episode: number) => Promise<EpisodeFigures>

interface Driver {
  readonly id: string
  readonly car: number
  readonly schedule: Schedule
  readonly actor: Actor
  readonly action: Float32Array
  command: Command | undefined
}

/**
 * The same policies and episode give the same figures, bit for bit. Two sets of policies meet the same starts, decision times
 * and noise, so that their difference is the policies' own.
 */
export function createEpisodes({ world, engine, setting, preset, seed }: Stage): DriveEpisode {
  const { loopLength, speedLimit, accelerationLimit, stepLength } = world
  const { actionSize, observationSize } = engine.architecture
  const features = createFeatures(setting, { preset, loopLength, speedLimit, accelerationLimit })
  const schedules = drawSchedules(
    seed,
    world.vehicles.filter((_, i) => world.learner[i]),
    setting.interval,
  )
  const drivers: Driver[] = [...schedules].map(([id, schedule]) => ({
    id,
    schedule,
    car: world.vehicles.indexOf(id),
    actor: engine.createActor(),
    action: new Float32Array(actionSize),
    command: undefined,
  }))
  const row = new Float32Array(observationSize)
  const accelerations = new Float64Array(world.vehicles.length)

  const begin = (policies: FleetPolicies, episode: number): void => {
    accelerations.fill(Number.NaN)
    for (const driver of drivers) {
      const policy = policies.get(driver.id)
      if (!policy) throw new Error(`policies must hold that of ${driver.id}, got ${[...policies.keys()].join(', ')}`)
      driver.actor.load(policy)
      driver.actor.restoreNoise(createRng(seed, driver.id, 'true-gain', episode).state())
      driver.command = undefined
    }
  }

  return async (policies, vehicle, episode) => {
    const own = createReturn(setting, stepLength)
    const car = world.vehicles.indexOf(vehicle)
    if (!schedules.has(vehicle)) throw new Error(`vehicle must be a learner, got ${vehicle}`)
    begin(policies, episode)
    let state = await world.reset(episode)
    for (let k = 0; !state.terminated && !state.truncated; k++) {
      for (const driver of drivers) {
        if (!isDue(driver.schedule, k)) continue
        if (driver.car === car) own.decide()
        features.encode(observe(world, driver.car), row)
        driver.actor.act(row, driver.action)
        driver.command = features.command(...driver.action)
      }
      for (const driver of drivers) accelerations[driver.car] = accelerationOf(driver.command, world, driver.car)
      state = await world.step(accelerations)
      own.pay(state.rewards[car] ?? 0)
    }
    own.decide()
    const { epochMeanSpeed, collisions } = state.info
    return { ...own.figures(), fleetSpeed: epochMeanSpeed, collisions }
  }
}

function isDue({ intervalSteps, phaseSteps }: Schedule, k: number): boolean {
  return k >= phaseSteps && (k - phaseSteps) % intervalSteps === 0
}

/** Adds up a vehicle's rewards as its agent does: the mean over each hold, discounted by decision or by time. */
function createReturn({ gamma, horizonS }: Setting, stepLength: number) {
  let [held, steps] = [0, 0]
  let [sum, all] = [0, 0]
  let decided = false
  let [total, weight] = [0, 1]
  return {
    decide(): void {
      if (decided && steps > 0) {
        const discount = gamma ?? discountOverTime(steps * stepLength, horizonS)
        const reward = held / steps
        total += weight * (gamma === null ? reward * (1 - discount) : reward)
        weight *= discount
      }
      decided = true
      held = 0
      steps = 0
    },
    pay(reward: number): void {
      sum += reward
      all++
      if (!decided) return
      held += reward
      steps++
    },
    figures: () => ({ ownReturn: total, ownReward: sum / all }),
  }
}
