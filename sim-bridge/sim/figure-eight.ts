import { bodiesOverlap, haltingSpeed } from './crossing.ts'
import { carLength, commandedSpeed, createDriver, drive, free, minGap, stepLength } from './idm.ts'
import { type CarState, Occupancy, yieldedEntry } from './occupancy.ts'
import { Planner } from './planner.ts'
import { distanceAhead, isCrossing, laneAfter, laneLength, loopCoordinate, loopLength } from './road.ts'
import { createScenario, type Scenario, type ScenarioOptions } from './scenario.ts'

/** SUMO's NUMERICAL_EPS, m or m/s. */
const eps = 0.001
/** IDM's collisionMinGapFactor: two cars on a lane collide below this part of minGap. */
const collisionMinGapFactor = 0.1

/**
 * The figure eight as SUMO 1.15 drives it in speed mode 1: all cars plan on the old state, then all move.
 * Pure and synchronous; a step allocates nothing. The arrays hold the state after the last step and are never replaced.
 */
export class FigureEight {
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly loopLength: number = loopLength
  readonly speedLimit: number
  readonly accelerationLimit: number
  readonly stepLength: number = stepLength
  /** Loop coordinate of the front bumper, m. */
  readonly position: Float64Array
  /** m/s */
  readonly speed: Float64Array
  /** Bumper to bumper to the next car ahead on the loop, m, never negative. */
  readonly gap: Float64Array
  readonly leader: Int32Array
  readonly follower: Int32Array
  /** 1 where the last step was slower than commanded (driver: than on a free road) because of the safe speed. */
  readonly braking: Uint8Array
  /** Pairs of car indices that collide now, the smaller index first. */
  readonly collisions: (readonly [number, number])[] = []

  readonly #starts: Scenario['starts']
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  readonly #planner: Planner
  readonly #nextSpeed: Float64Array
  readonly #order: Int32Array
  readonly #pairs: readonly (readonly [number, number])[]
  #step = 0

  /** Errors name the rule broken and the value found. */
  constructor(options: ScenarioOptions) {
    const { preset, vehicles, learner, starts } = createScenario(options)
    const n = vehicles.length
    this.vehicles = vehicles
    this.learner = learner
    this.speedLimit = preset.speedLimit
    this.accelerationLimit = preset.accelerationLimit
    this.#starts = starts
    this.position = new Float64Array(n)
    this.speed = new Float64Array(n)
    this.gap = new Float64Array(n)
    this.leader = new Int32Array(n)
    this.follower = new Int32Array(n)
    this.braking = new Uint8Array(n)
    this.#cars = {
      drivers: learner.map((learns) =>
        createDriver(preset.accel, learns ? preset.learnerDecel : preset.humanDecel, preset.speedLimit),
      ),
      rank: Int32Array.from(vehicles, (id) => vehicles.filter((other) => other < id).length),
      lane: new Int32Array(n),
      lanePosition: new Float64Array(n),
      speed: this.speed,
      leader: this.leader,
      entryStep: new Int32Array(n),
      standingSteps: new Int32Array(n),
      waiting: new Uint8Array(n),
    }
    this.#occupancy = new Occupancy(n)
    this.#planner = new Planner(this.#cars, this.#occupancy)
    this.#nextSpeed = new Float64Array(n)
    this.#order = new Int32Array(n)
    this.#pairs = Array.from({ length: n * n }, (_, k) => [Math.floor(k / n), k % n] as const)
    this.reset()
  }

  /** Back to the start, all cars at rest. */
  reset(): void {
    const { lane, lanePosition, entryStep, standingSteps, waiting } = this.#cars
    this.#step = 0
    for (const [i, start] of this.#starts.entries()) {
      lane[i] = start.lane
      lanePosition[i] = start.position
    }
    this.speed.fill(0)
    this.braking.fill(0)
    entryStep.fill(0)
    standingSteps.fill(0)
    waiting.fill(0)
    this.#observe()
  }

  /** One step of 0.1 s. `accelerations[i]` in m/s² commands car i; NaN leaves it to the driver. */
  step(accelerations: Float64Array): void {
    const n = this.vehicles.length
    if (accelerations.length !== n) {
      throw new Error(`accelerations must hold one value per car (${n}), got ${accelerations.length}`)
    }
    for (let i = 0; i < n; i++) this.#nextSpeed[i] = this.#plan(i, accelerations[i]!)
    this.#step++
    for (let i = 0; i < n; i++) this.#move(i, this.#nextSpeed[i]!)
    this.#cars.waiting.set(this.#planner.nextWaiting)
    this.#observe()
  }

  /** The next speed of car i; sets `braking`. */
  #plan(i: number, acceleration: number): number {
    const v = this.speed[i]!
    const driver = this.#cars.drivers[i]!
    const safe = this.#planner.safeSpeed(i)
    const driven = Number.isNaN(acceleration)
    // Speed mode 1: only the safe speed bounds a command, so that a commanded car may brake at any rate.
    const wanted = driven ? free(driver, v) : commandedSpeed(v, acceleration)
    const next = driven ? drive(driver, v, safe) : Math.min(wanted, safe)
    this.braking[i] = next < wanted - eps ? 1 : 0
    return next
  }

  /** Moves car i by one step at its new speed (semi-implicit Euler; MSVehicle::executeMove, processLaneAdvances). */
  #move(i: number, v: number): void {
    const { drivers, lane: lanes, lanePosition, entryStep, standingSteps } = this.#cars
    const pulledOff = v - this.speed[i]! > 0.5 * drivers[i]!.accel * stepLength
    standingSteps[i] = v > haltingSpeed || pulledOff ? 0 : standingSteps[i]! + 1
    if (this.#planner.blocked[i] === 1) entryStep[i] = yieldedEntry
    this.speed[i] = v
    let lane = lanes[i]!
    let position = lanePosition[i]! + v * stepLength
    while (position > laneLength[lane]!) {
      position -= laneLength[lane]!
      lane = laneAfter(lane)
      if (isCrossing(lane)) entryStep[i] = this.#step
    }
    lanes[i] = lane
    lanePosition[i] = position
  }

  /** Everything that follows from lanes, positions and speeds. */
  #observe(): void {
    const { lane, lanePosition } = this.#cars
    for (let i = 0; i < lane.length; i++) this.position[i] = loopCoordinate(lane[i]!, lanePosition[i]!)
    if (this.#step === 0 || this.#measureGaps() > 1.5 * loopLength) {
      this.#sort()
      this.#measureGaps()
    }
    this.#occupancy.update(this.#cars)
    this.#detectCollisions()
  }

  /** Fills `gap` and returns the sum of all distances to the leader: one loop while the order is right. */
  #measureGaps(): number {
    let sum = 0
    for (let i = 0; i < this.gap.length; i++) {
      const car = this.leader[i]!
      const distance = car === i ? loopLength : distanceAhead(this.position[i]!, this.position[car]!)
      this.gap[i] = Math.max(0, distance - carLength)
      sum += distance
    }
    return sum
  }

  /** Leaders and followers by loop coordinate; needed at the start and after a car was driven through. */
  #sort(): void {
    const order = this.#order
    const n = order.length
    for (let i = 0; i < n; i++) {
      let k = i
      for (; k > 0 && this.position[order[k - 1]!]! > this.position[i]!; k--) order[k] = order[k - 1]!
      order[k] = i
    }
    for (let k = 0; k < n; k++) {
      const car = order[k]!
      const ahead = order[k + 1 === n ? 0 : k + 1]!
      this.leader[car] = ahead
      this.follower[ahead] = car
    }
  }

  /** MSLane::detectCollisionBetween along the loop, and the overlap of bodies in the crossing (`--collision.check-junctions`). */
  #detectCollisions(): void {
    const n = this.vehicles.length
    this.collisions.length = 0
    for (let i = 0; i < n; i++) {
      if (this.gap[i]! < collisionMinGapFactor * minGap - eps) this.#collide(i, this.leader[i]!)
    }
    const { insideCount, insideCar, insideBack } = this.#occupancy
    for (let k = 0; k < insideCount[0]!; k++) {
      const a = insideBack[k]!
      for (let m = n; m < n + insideCount[1]!; m++) {
        const b = insideBack[m]!
        if (bodiesOverlap(a + carLength, a, b + carLength, b)) this.#collide(insideCar[k]!, insideCar[m]!)
      }
    }
  }

  #collide(i: number, k: number): void {
    this.collisions.push(this.#pairs[Math.min(i, k) * this.vehicles.length + Math.max(i, k)]!)
  }
}
