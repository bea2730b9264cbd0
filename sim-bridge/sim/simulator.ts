import { detectCollisions } from './collisions.ts'
import { haltingSpeed } from './crossing.ts'
import { commandedSpeed, createDriver, drive, free, stepLength } from './idm.ts'
import { JunctionPlanner } from './junction-planner.ts'
import { type Neighbourhood, observe } from './neighbours.ts'
import { type RoadNetwork, split } from './network.ts'
import { type CarState, Occupancy, yieldedEntry } from './occupancy.ts'
import { Planner } from './planner.ts'
import { createScenario, type Scenario, type ScenarioOptions } from './scenario.ts'
import { placeCars, type Start } from './starts.ts'

/** SUMO's NUMERICAL_EPS, m/s. */
const eps = 0.001

/** The arrays of a simulator, one entry per car. */
export interface TrafficArrays extends Neighbourhood {
  readonly speed: Float64Array
  readonly braking: Uint8Array
}

/**
 * The scenario as SUMO 1.15 drives it in speed mode 1: all cars plan on the old state, then all move.
 * Pure and synchronous; a step allocates nothing but the pairs that collide. The arrays hold the state after the last step
 * and are never replaced.
 */
export class TrafficSimulator {
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  /** Length of the main loop, m. */
  readonly loopLength: number
  /** Length of each car's own loop, m. */
  readonly routeLength: Float64Array
  readonly speedLimit: number
  readonly accelerationLimit: number
  readonly stepLength: number = stepLength
  /** Coordinate of the front bumper on the car's own loop, m. */
  readonly position: Float64Array
  /** m/s */
  readonly speed: Float64Array
  /** Bumper to bumper to the next car ahead whose body is on the own loop, m, never negative. */
  readonly gap: Float64Array
  readonly leader: Int32Array
  readonly follower: Int32Array
  /** 1 where the last step was slower than commanded (driver: than on a free road) because of the safe speed. */
  readonly braking: Uint8Array
  /** Pairs of car indices that collide now, the smaller index first. */
  readonly collisions: (readonly [number, number])[] = []

  readonly #network: RoadNetwork
  readonly #starts: readonly Start[]
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  readonly #planner: Planner
  /** Where cars take turns in junctions; in place of `#planner`. */
  readonly #junctionPlanner: JunctionPlanner | undefined
  readonly #nextSpeed: Float64Array
  #step = 0

  /**
   * `arrays` are filled instead of new ones (the views of a batch). Errors name the rule of the options that was broken and
   * the value found.
   */
  constructor(options: ScenarioOptions, arrays?: TrafficArrays) {
    const scenario = createScenario(options)
    const { preset, network, vehicles, learner, starts, speedMode, crossing } = scenario
    const count = vehicles.length
    const { position, speed, gap, leader, follower, braking } = arrays ?? createArrays(count)
    this.vehicles = vehicles
    this.learner = learner
    this.loopLength = network.routeLength[0]!
    this.routeLength = Float64Array.from(starts, ({ route }) => network.routeLength[route]!)
    this.speedLimit = preset.speedLimit
    this.accelerationLimit = preset.accelerationLimit
    this.position = position
    this.speed = speed
    this.gap = gap
    this.leader = leader
    this.follower = follower
    this.braking = braking
    this.#network = network
    this.#starts = starts
    this.#cars = createCars(scenario, speed)
    this.#occupancy = new Occupancy(network, count)
    this.#planner = new Planner(network, this.#cars, this.#occupancy)
    if (speedMode !== 1 || crossing === 'nearest-first') {
      const boundedCommands = speedMode === 31
      this.#junctionPlanner = new JunctionPlanner(network, this.#cars, this.#occupancy, { crossing, boundedCommands })
    }
    this.#nextSpeed = new Float64Array(count)
    this.#begin(starts)
  }

  /** All cars at rest at their start, or each `startOffsets[i]` m ahead of its even place. Errors as in the constructor. */
  reset(startOffsets?: readonly number[]): void {
    this.#begin(startOffsets === undefined ? this.#starts : placeCars(this.#network, this.vehicles, startOffsets))
  }

  #begin(starts: readonly Start[]): void {
    const { route, lane, lanePosition, entryStep, standingSteps, waiting, blocked } = this.#cars
    this.#step = 0
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i]!
      route[i] = start.route
      lane[i] = start.lane
      lanePosition[i] = start.position
    }
    this.speed.fill(0)
    this.braking.fill(0)
    entryStep.fill(0)
    standingSteps.fill(0)
    waiting.fill(0)
    blocked.fill(0)
    this.#junctionPlanner?.reset()
    this.#observe()
  }

  /** One step of 0.1 s. `accelerations[i]` in m/s² commands car i; NaN leaves it to the driver. */
  step(accelerations: Float64Array): void {
    const count = this.vehicles.length
    if (accelerations.length !== count) {
      throw new Error(`accelerations must hold one value per car (${count}), got ${accelerations.length}`)
    }
    const planner = this.#junctionPlanner ?? this.#planner
    if (this.#junctionPlanner !== undefined) this.#junctionPlanner.plan(accelerations, this.#nextSpeed, this.braking)
    else for (let i = 0; i < count; i++) this.#nextSpeed[i] = this.#plan(i, accelerations[i]!)
    this.#step++
    for (let i = 0; i < count; i++) this.#move(i, this.#nextSpeed[i]!, planner.nextBlocked[i]!)
    this.#cars.waiting.set(planner.nextWaiting)
    this.#cars.blocked.set(planner.nextBlocked)
    this.#observe()
  }

  /** Nothing is held: for those who drive either simulator. */
  async close(): Promise<void> {}

  /** The next speed of car i; sets `braking`. */
  #plan(i: number, acceleration: number): number {
    const v = this.speed[i]!
    const driver = this.#cars.drivers[i]!
    const driven = Number.isNaN(acceleration)
    const wanted = driven ? free(driver, v) : commandedSpeed(v, acceleration)
    const safe = this.#planner.safeSpeed(i, driven ? driver.maxSpeed : wanted)
    // Speed mode 1: only the safe speed bounds a command, so that a commanded car may brake at any rate.
    const next = driven ? drive(driver, v, safe) : Math.min(wanted, safe)
    this.braking[i] = next < wanted - eps ? 1 : 0
    return next
  }

  /** Moves car i by one step at its new speed (semi-implicit Euler; MSVehicle::executeMove, processLaneAdvances). */
  #move(i: number, v: number, blocked: number): void {
    const { laneCount, laneLength, after, conflict } = this.#network
    const { drivers, route, lane: lanes, lanePosition, entryStep, standingSteps } = this.#cars
    const pulledOff = v - this.speed[i]! > 0.5 * drivers[i]!.accel * stepLength
    standingSteps[i] = v > haltingSpeed || pulledOff ? 0 : standingSteps[i]! + 1
    // Between cars from one lane the order of entry stays (myJunctionEntryTimeNeverYield).
    if (blocked === 1 && conflict[lanes[i]!] !== split) entryStep[i] = yieldedEntry
    this.speed[i] = v
    let lane = lanes[i]!
    let position = lanePosition[i]! + v * stepLength
    while (position > laneLength[lane]!) {
      position -= laneLength[lane]!
      lane = after[route[i]! * laneCount + lane]!
      if (conflict[lane] !== 0) entryStep[i] = this.#step
    }
    lanes[i] = lane
    lanePosition[i] = position
  }

  /** Everything that follows from lanes, positions and speeds. */
  #observe(): void {
    this.#occupancy.update(this.#cars, this.speed)
    observe(this.#network, this.#cars, this.#occupancy, this)
    detectCollisions(this.#network, this.#occupancy, this, this.collisions)
  }
}

/** Arrays for a number of cars, or for the cars of all worlds of a batch. */
export function createArrays(count: number): TrafficArrays {
  return {
    position: new Float64Array(count),
    speed: new Float64Array(count),
    gap: new Float64Array(count),
    leader: new Int32Array(count),
    follower: new Int32Array(count),
    braking: new Uint8Array(count),
  }
}

function createCars({ preset, vehicles, learner }: Scenario, speed: Float64Array): CarState {
  const count = vehicles.length
  const human = createDriver(preset.accel, preset.humanDecel, preset.speedLimit)
  const learning = createDriver(preset.accel, preset.learnerDecel, preset.speedLimit)
  const rank = new Int32Array(count)
  const index = new Map(vehicles.map((id, i) => [id, i]))
  ;[...vehicles].sort().forEach((id, place) => {
    rank[index.get(id)!] = place
  })
  return {
    drivers: learner.map((learns) => (learns ? learning : human)),
    rank,
    route: new Int32Array(count),
    lane: new Int32Array(count),
    lanePosition: new Float64Array(count),
    speed,
    entryStep: new Int32Array(count),
    standingSteps: new Int32Array(count),
    waiting: new Uint8Array(count),
    blocked: new Uint8Array(count),
  }
}
