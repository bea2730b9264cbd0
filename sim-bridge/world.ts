import { createRng } from '../device/core/rng.ts'
import { nasSpeed, type Setting } from '../schemas/setting.ts'
import { observationSize, writeObservation } from './observation.ts'
import { Score, type StepInfo, stoppedSpeed } from './score.ts'
import { StartError } from './sim/scenario.ts'
import type { Simulator } from './simulator.ts'

/** What makes an environment of a simulator. */
export interface WorldRules {
  /** Steps after which an epoch is truncated; 1500 (150 s) if not given. */
  readonly epochSteps?: number
  /** `continue` (default): a collision costs its step's NAS and the epoch goes on; `end`: it terminates the epoch. */
  readonly collision?: 'continue' | 'end'
  /**
   * `soft` (default): a command is capped at the safe speed. `latched`: a learner that safety slows down against its
   * command then brakes with its limit until it stands ("slamming on the brakes will be forced", the letter).
   */
  readonly brake?: 'soft' | 'latched'
  /**
   * `fleet` (default): the step's NAS for everyone; `local`: mean speed of the car, its leader and its follower / 20, 0 in a
   * step in which one of them collides; `own`: the car's own speed / 20.
   */
  readonly reward?: Setting['reward']
  /** Each car starts up to this many metres away from its even place, drawn from the seed of `reset`; 0 if not given. */
  readonly startJitter?: number
}

/** What one step gives. The same object and arrays every time: copy what must last. */
export interface Transition {
  /** Row i of `observationNames.length` values: what car i senses, in m and m/s. */
  readonly observations: Float64Array
  /** Per car. */
  readonly rewards: Float64Array
  /** A collision ended the epoch. */
  readonly terminated: boolean
  /** The epoch's time is over. */
  readonly truncated: boolean
  readonly info: StepInfo
}

/**
 * An environment of many cars, in the words of Gymnasium and PettingZoo: the same over either simulator, whose arrays it
 * shows. Calls must be awaited one after the other.
 */
export class World<S extends Simulator = Simulator> implements Omit<Simulator, 'reset' | 'step'> {
  readonly simulator: S
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly loopLength: number
  readonly speedLimit: number
  readonly accelerationLimit: number
  readonly stepLength: number
  readonly position: Float64Array
  readonly speed: Float64Array
  readonly gap: Float64Array
  readonly leader: Int32Array
  readonly follower: Int32Array
  readonly braking: Uint8Array
  /** 1 where safety lowered a command in the last step: what `forcedBrakings` counts. Drivers have no commands. */
  readonly forced: Uint8Array
  readonly epochSteps: number

  readonly #rules: Required<WorldRules>
  readonly #score: Score
  readonly #observations: Float64Array
  readonly #commands: Float64Array
  readonly #speedBefore: Float64Array
  /** 1 where a latched brake holds. */
  readonly #latched: Uint8Array

  /** Errors name the rule broken and the value found. */
  constructor(simulator: S, rules: WorldRules = {}) {
    this.#rules = { ...defaultRules, ...rules }
    const { epochSteps, startJitter } = this.#rules
    if (!(Number.isInteger(epochSteps) && epochSteps > 0))
      throw new Error(`epochSteps must be a positive whole number, got ${epochSteps}`)
    if (!(startJitter >= 0 && startJitter < Number.POSITIVE_INFINITY))
      throw new Error(`startJitter must be 0 m or more, got ${startJitter}`)
    const cars = simulator.vehicles.length
    this.simulator = simulator
    this.vehicles = simulator.vehicles
    this.learner = simulator.learner
    this.loopLength = simulator.loopLength
    this.speedLimit = simulator.speedLimit
    this.accelerationLimit = simulator.accelerationLimit
    this.stepLength = simulator.stepLength
    this.position = simulator.position
    this.speed = simulator.speed
    this.gap = simulator.gap
    this.leader = simulator.leader
    this.follower = simulator.follower
    this.braking = simulator.braking
    this.epochSteps = epochSteps
    this.#score = new Score(simulator)
    this.forced = this.#score.forced
    this.#observations = new Float64Array(cars * observationSize)
    this.#commands = new Float64Array(cars)
    this.#speedBefore = new Float64Array(cars)
    this.#latched = new Uint8Array(cars)
  }

  get collisions(): readonly (readonly [number, number])[] {
    return this.simulator.collisions
  }

  /** Begins an epoch, all cars at rest; the seed draws the starts where `startJitter` is set. */
  async reset(seed = 0): Promise<Transition> {
    await this.#placeCars(seed)
    this.#latched.fill(0)
    this.#score.reset()
    return this.#transition()
  }

  /**
   * Drives one step. `accelerations[i]` in m/s² commands car i; NaN (and any command to a car that does not learn) leaves
   * it to its driver model. Rejects with SimulatorLostError when the simulator is gone: `reset` then begins anew.
   */
  async step(accelerations: Float64Array): Promise<Transition> {
    this.#command(accelerations)
    await this.simulator.step(this.#commands)
    this.#latch()
    this.#score.add(this.#commands)
    return this.#transition()
  }

  close(): Promise<void> {
    return this.simulator.close()
  }

  async #placeCars(seed: number): Promise<void> {
    const { startJitter } = this.#rules
    if (startJitter === 0) return await this.simulator.reset()
    const rng = createRng(seed, 'starts')
    for (let draw = 1; ; draw++) {
      const offsets = this.vehicles.map(() => startJitter * (2 * rng.uniform() - 1))
      try {
        return await this.simulator.reset(offsets)
      } catch (error) {
        // Cars drawn too close together, or two into the crossing: such starts are refused.
        if (!(error instanceof StartError) || draw === maxDraws) throw error
      }
    }
  }

  #command(accelerations: Float64Array): void {
    const { learner, speed, accelerationLimit } = this
    if (accelerations.length !== learner.length)
      throw new Error(`accelerations must hold one value per car (${learner.length}), got ${accelerations.length}`)
    for (let i = 0; i < learner.length; i++) {
      const wanted = learner[i] ? accelerations[i]! : Number.NaN
      this.#commands[i] = this.#latched[i] === 1 ? -accelerationLimit : wanted
      this.#speedBefore[i] = speed[i]!
    }
  }

  #latch(): void {
    if (this.#rules.brake === 'soft') return
    const { speed, braking } = this
    for (let i = 0; i < speed.length; i++) {
      const commanded = !Number.isNaN(this.#commands[i]!)
      if (speed[i]! < stoppedSpeed) this.#latched[i] = 0
      else if (commanded && braking[i] === 1 && speed[i]! < this.#speedBefore[i]! - speedTolerance) this.#latched[i] = 1
    }
  }

  #transition(): Transition {
    const { info, rewards } = this.#score
    const { collision } = this.#rules
    if (info.step === 0) rewards.fill(0)
    else this.#reward(rewards)
    for (let i = 0; i < this.vehicles.length; i++) writeObservation(this, i, this.#observations, i * observationSize)
    const terminated = collision === 'end' && info.collisions > 0
    const truncated = !terminated && info.step >= this.epochSteps
    return { observations: this.#observations, rewards, terminated, truncated, info }
  }

  #reward(rewards: Float64Array): void {
    const { speed } = this
    const { reward } = this.#rules
    if (reward === 'fleet') rewards.fill(this.#score.info.nas)
    else if (reward === 'own') for (let i = 0; i < rewards.length; i++) rewards[i] = speed[i]! / nasSpeed
    else
      for (let i = 0; i < rewards.length; i++) {
        const [ahead, behind] = [this.leader[i]!, this.follower[i]!]
        const mean = (speed[i]! + speed[ahead]! + speed[behind]!) / (3 * nasSpeed)
        rewards[i] = this.#collides(i) || this.#collides(ahead) || this.#collides(behind) ? 0 : mean
      }
  }

  #collides(i: number): boolean {
    return this.collisions.some(([a, b]) => a === i || b === i)
  }
}

const defaultRules: Required<WorldRules> = {
  epochSteps: 1500,
  collision: 'continue',
  brake: 'soft',
  reward: 'fleet',
  startJitter: 0,
}

/** m/s: a smaller change of speed is none. */
const speedTolerance = 1e-3
/** Attempts to draw starts that the simulator accepts. */
const maxDraws = 1000
