import { nasSpeed } from '../schemas/setting.ts'
import type { Simulator } from './simulator.ts'

/** Figures of an epoch so far; one object that `Score` keeps up to date. */
export interface StepInfo {
  /** Steps since the reset. */
  readonly step: number
  /** Of all cars after this step, m/s. */
  readonly meanSpeed: number
  /** Normalised average speed: mean speed / 20 m/s; 0 in a step with a collision. */
  readonly nas: number
  /** Means over the steps since the reset, m/s and 1. */
  readonly epochMeanSpeed: number
  readonly epochNas: number
  /** Distinct colliding pairs since the reset; a pair counts anew once it had parted. */
  readonly collisions: number
  /** Commands that safety lowered, those of a latched brake among them, counted per step and car. */
  readonly forcedBrakings: number
  /** Share of car-steps below 0.1 m/s since the reset. */
  readonly stoppedShare: number
}

/** Speed below which a car counts as stopped, m/s. */
export const stoppedSpeed = 0.1

/** Adds up what an epoch is judged by. */
export class Score {
  readonly info: StepInfo = { ...nothing }
  /** Per car; filled by the world. */
  readonly rewards: Float64Array
  /** Per car, 1 where safety lowered a command in the last step. */
  readonly forced: Uint8Array
  readonly #cars: Pick<Simulator, 'speed' | 'braking' | 'collisions'>
  #colliding = new Set<number>()
  #speedSum = 0
  #nasSum = 0
  #stopped = 0

  constructor(cars: Pick<Simulator, 'speed' | 'braking' | 'collisions'>) {
    this.#cars = cars
    this.rewards = new Float64Array(cars.speed.length)
    this.forced = new Uint8Array(cars.speed.length)
  }

  reset(): void {
    Object.assign(this.info, nothing)
    this.forced.fill(0)
    this.#colliding.clear()
    this.#speedSum = 0
    this.#nasSum = 0
    this.#stopped = 0
  }

  /** Takes in the state after a step that was driven with these commands (m/s²; NaN where the driver model drove). */
  add(commands: Float64Array): void {
    const info: { -readonly [K in keyof StepInfo]: StepInfo[K] } = this.info
    const { speed, braking } = this.#cars
    const cars = speed.length
    let sum = 0
    for (let i = 0; i < cars; i++) {
      sum += speed[i]!
      if (speed[i]! < stoppedSpeed) this.#stopped++
      this.forced[i] = braking[i] === 1 && !Number.isNaN(commands[i]!) ? 1 : 0
      info.forcedBrakings += this.forced[i]!
    }
    info.collisions += this.#newCollisions()
    info.step++
    info.meanSpeed = sum / cars
    info.nas = this.#colliding.size > 0 ? 0 : info.meanSpeed / nasSpeed
    this.#speedSum += info.meanSpeed
    this.#nasSum += info.nas
    info.epochMeanSpeed = this.#speedSum / info.step
    info.epochNas = this.#nasSum / info.step
    info.stoppedShare = this.#stopped / (info.step * cars)
  }

  /** Pairs that collide now and did not a step ago. */
  #newCollisions(): number {
    const { collisions, speed } = this.#cars
    if (collisions.length === 0 && this.#colliding.size === 0) return 0
    const pairs = new Set(collisions.map(([a, b]) => Math.min(a, b) * speed.length + Math.max(a, b)))
    let begun = 0
    for (const pair of pairs) if (!this.#colliding.has(pair)) begun++
    this.#colliding = pairs
    return begun
  }
}

const nothing: StepInfo = {
  step: 0,
  meanSpeed: 0,
  nas: 0,
  epochMeanSpeed: 0,
  epochNas: 0,
  collisions: 0,
  forcedBrakings: 0,
  stoppedShare: 0,
}
