export { type Preset, presets } from './sim/scenario.ts'

/**
 * The traffic world as the bridge sees it: the embedded simulator and Eclipse SUMO implement the same interface.
 * Positions are loop coordinates of the front bumper in metres, in [0, loopLength); speeds in m/s; gaps bumper to bumper in m.
 */
export interface World {
  /** Ids of all cars, in order around the loop at the start. */
  readonly vehicles: readonly string[]
  /** `learner[i]` says whether car i is driven by commands (its simulator's driver model drives it until the first command). */
  readonly learner: readonly boolean[]
  /** m, internal lanes included. */
  readonly loopLength: number
  /** Speed limit, m/s. */
  readonly speedLimit: number
  /** Largest |acceleration| that a command may ask for, m/s². */
  readonly accelerationLimit: number
  /** Seconds per step. */
  readonly stepLength: number
  /** Back to the start state, all cars at rest. */
  reset(): Promise<void>
  /**
   * Advances one step. `accelerations[i]` is the command to car i in m/s²; NaN hands the car to the simulator's own driver.
   * The state arrays below then hold the state after the step.
   */
  step(accelerations: Float64Array): Promise<void>
  /** Loop coordinate per car, m. */
  readonly position: Float64Array
  /** Speed per car, m/s. */
  readonly speed: Float64Array
  /** Bumper-to-bumper gap to the next car ahead on the loop, m (never negative). */
  readonly gap: Float64Array
  /** Index of the car ahead on the loop. */
  readonly leader: Int32Array
  /** Index of the car behind on the loop. */
  readonly follower: Int32Array
  /** 1 where the car was slowed below what was commanded (or wanted) for safety in the last step. */
  readonly braking: Uint8Array
  /** Pairs of car indices that collide in the state after the last step; a pair stays listed while it lasts. */
  readonly collisions: readonly (readonly [number, number])[]
  /** Releases processes and sockets. */
  close(): Promise<void>
}
