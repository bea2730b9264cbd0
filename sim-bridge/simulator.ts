/**
 * Moving cars on a road network: the embedded simulator and Eclipse SUMO implement the same interface; `createWorld` makes
 * an environment of either. The arrays hold the state after the last step and are never replaced. Positions are
 * coordinates of the front bumper along the car's route in metres, speeds in m/s, gaps bumper to bumper in m.
 */
export interface Simulator {
  /** Ids of all cars, in order around the loop at the start. */
  readonly vehicles: readonly string[]
  /** `learner[i]` says whether car i may be commanded (its driver model has it until the first command). */
  readonly learner: readonly boolean[]
  /** m, internal lanes included. */
  readonly loopLength: number
  /** Speed limit, m/s. */
  readonly speedLimit: number
  /** Largest |acceleration| that a command may ask for, m/s². */
  readonly accelerationLimit: number
  /** Seconds per step. */
  readonly stepLength: number
  /** Coordinate of the front bumper, m, in [0, loopLength). */
  readonly position: Float64Array
  /** m/s */
  readonly speed: Float64Array
  /** Bumper to bumper to the next car ahead, m (never negative). */
  readonly gap: Float64Array
  /** Index of the car ahead. */
  readonly leader: Int32Array
  /** Index of the car behind. */
  readonly follower: Int32Array
  /** 1 where the car was slowed below what was commanded (or wanted) for safety in the last step. */
  readonly braking: Uint8Array
  /** Pairs of car indices that collide in the state after the last step; a pair stays listed while it lasts. */
  readonly collisions: readonly (readonly [number, number])[]
  /**
   * All cars at rest at their places, car i `startOffsets[i]` m ahead of its even one (those of the options if not given).
   * Errors name the rule that the places break.
   */
  reset(startOffsets?: readonly number[]): void | Promise<void>
  /** Advances one step. `accelerations[i]` is the command to car i in m/s²; NaN hands the car to its driver model. */
  step(accelerations: Float64Array): void | Promise<void>
  /** Releases processes and sockets. */
  close(): Promise<void>
}

/** The simulator's program is gone; `reset` starts another one, and the epoch begins anew. */
export class SimulatorLostError extends Error {
  override readonly name: string = 'SimulatorLostError'
}
