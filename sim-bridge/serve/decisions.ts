import { createFeatures, type Features } from '../../device/features.ts'
import type { Command } from '../../schemas/lock-step.ts'
import { settings } from '../../schemas/setting.ts'
import { accelerationOf } from '../controller.ts'
import { observationNames, observationSize, observe, writeObservation } from '../observation.ts'
import type { StepInfo } from '../score.ts'
import type { World } from '../world.ts'

/** What the agents of a world see and do, and how long an action is held. */
export interface View {
  /** `sensed`: metres and m/s as they are; `raw` and `gaps`: the features of the settings `letter` and `headway`. */
  readonly observation: 'sensed' | 'raw' | 'gaps'
  /** What u in [−1, 1] stands for; u beyond acts as ±1. */
  readonly action: 'acceleration' | 'timeGap'
}

/** What one decision gives, row or value i for agent i. The same object and arrays every time: copy what must last. */
export interface Decision {
  /** [agents, names of the view]. */
  readonly observations: Float32Array
  /** Mean over the steps driven. */
  readonly rewards: Float64Array
  /** Steps driven: fewer than asked for where the epoch ended. */
  readonly steps: number
  readonly terminated: boolean
  readonly truncated: boolean
  readonly info: StepInfo
}

/**
 * A world as its learning cars meet it: an action per agent, held for some steps by the same low-level controller and seen
 * through the same features as by our devices. Calls must be awaited one after the other.
 */
export class Decisions {
  readonly world: World
  /** Ids of the learning cars, in the order of rows and actions. */
  readonly agents: readonly string[]
  readonly view: View
  /** Names of an observation's values. */
  readonly observationNames: readonly string[]

  readonly #cars: readonly number[]
  readonly #features: Features
  readonly #observations: Float32Array
  readonly #rewards: Float64Array
  readonly #accelerations: Float64Array
  readonly #sensed = new Float64Array(observationSize)

  constructor(world: World, preset: 'flow' | 'lab', view: View) {
    this.world = world
    this.view = view
    this.#cars = world.vehicles.flatMap((_, i) => (world.learner[i] ? [i] : []))
    this.agents = this.#cars.map((i) => world.vehicles[i] as string)
    this.#features = featuresOf(world, preset, view)
    this.observationNames = view.observation === 'sensed' ? observationNames : this.#features.observationNames
    this.#observations = new Float32Array(this.agents.length * this.observationNames.length)
    this.#rewards = new Float64Array(this.agents.length)
    this.#accelerations = new Float64Array(world.vehicles.length).fill(Number.NaN)
  }

  /** Begins an epoch from the starts of `seed`; rewards 0, no steps driven. */
  async reset(seed: number): Promise<Decision> {
    const { terminated, truncated, info } = await this.world.reset(seed)
    this.#rewards.fill(0)
    return this.#decision(0, terminated, truncated, info)
  }

  /**
   * Holds `actions[i]` (u of agent i; NaN: the simulator's driver has the car) for `steps` steps or to the epoch's end.
   * Rejects with SimulatorLostError when the simulator is gone.
   */
  async step(actions: ArrayLike<number>, steps: number): Promise<Decision> {
    const { world, agents } = this
    if (actions.length !== agents.length)
      throw new Error(`actions must hold one value per agent (${agents.length}), got ${actions.length}`)
    const commands: (Command | undefined)[] = []
    for (let j = 0; j < agents.length; j++)
      commands.push(Number.isNaN(actions[j]!) ? undefined : this.#features.command(actions[j]!))
    this.#rewards.fill(0)
    for (let driven = 1; ; driven++) {
      for (let j = 0; j < agents.length; j++)
        this.#accelerations[this.#cars[j]!] = accelerationOf(commands[j], world, this.#cars[j]!)
      const { rewards, terminated, truncated, info } = await world.step(this.#accelerations)
      for (let j = 0; j < agents.length; j++) this.#rewards[j] = this.#rewards[j]! + rewards[this.#cars[j]!]!
      if (!terminated && !truncated && driven < steps) continue
      for (let j = 0; j < agents.length; j++) this.#rewards[j] = this.#rewards[j]! / driven
      return this.#decision(driven, terminated, truncated, info)
    }
  }

  #decision(steps: number, terminated: boolean, truncated: boolean, info: StepInfo): Decision {
    const size = this.observationNames.length
    for (let j = 0; j < this.agents.length; j++) {
      const i = this.#cars[j]!
      if (this.view.observation === 'sensed') {
        writeObservation(this.world, i, this.#sensed, 0)
        this.#observations.set(this.#sensed, j * size)
      } else this.#features.encode(observe(this.world, i), this.#observations.subarray(j * size, (j + 1) * size))
    }
    return { observations: this.#observations, rewards: this.#rewards, steps, terminated, truncated, info }
  }
}

/** The features and commands of a view. */
export function featuresOf(
  scales: Omit<Parameters<typeof createFeatures>[1], 'preset'>,
  preset: 'flow' | 'lab',
  view: View,
): Features {
  const observation = view.observation === 'sensed' ? 'raw' : view.observation
  return createFeatures({ ...settings.letter, observation, action: view.action }, { preset, ...scales })
}
