import {
  bodiesOverlap,
  conflictEnd,
  conflictStart,
  distanceToConflict,
  isInConflict,
  speedTowardsFoe,
  waitSpeed,
} from './crossing.ts'
import {
  brakeGap,
  carLength,
  commandedSpeed,
  createDriver,
  type Driver,
  drive,
  follow,
  free,
  minGap,
  stepLength,
  tau,
} from './idm.ts'
import {
  distanceAhead,
  isCrossing,
  isInternal,
  laneAfter,
  laneBefore,
  laneCount,
  laneLength,
  loopCoordinate,
  loopLength,
  majorCrossing,
} from './road.ts'
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
  readonly #drivers: readonly Driver[]
  /** Rank of the id as a string: the last tie-break at the crossing. */
  readonly #rank: Int32Array
  readonly #pairs: readonly (readonly [number, number])[]
  readonly #lane: Int32Array
  /** Front bumper from the start of the lane, m. */
  readonly #lanePosition: Float64Array
  /** Step in which the car entered its last crossing lane. */
  readonly #entryStep: Int32Array
  readonly #nextSpeed: Float64Array
  readonly #order: Int32Array
  /** Per lane: the car whose rear is nearest to the lane's start, or −1, and where that rear is (negative: on a lane before). */
  readonly #rearCar = new Int32Array(laneCount)
  readonly #rearPosition = new Float64Array(laneCount)
  /** Per crossing lane (row 0 major, 1 minor): the cars with a part on it and where their rears are on it. */
  readonly #insideCount = new Int32Array(2)
  readonly #insideCar: Int32Array
  readonly #insideBack: Float64Array
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
    this.#drivers = learner.map((learns) =>
      createDriver(preset.accel, learns ? preset.learnerDecel : preset.humanDecel, preset.speedLimit),
    )
    this.#rank = Int32Array.from(vehicles, (id) => vehicles.filter((other) => other < id).length)
    this.#pairs = Array.from({ length: n * n }, (_, k) => [Math.floor(k / n), k % n] as const)
    this.position = new Float64Array(n)
    this.speed = new Float64Array(n)
    this.gap = new Float64Array(n)
    this.leader = new Int32Array(n)
    this.follower = new Int32Array(n)
    this.braking = new Uint8Array(n)
    this.#lane = new Int32Array(n)
    this.#lanePosition = new Float64Array(n)
    this.#entryStep = new Int32Array(n)
    this.#nextSpeed = new Float64Array(n)
    this.#order = new Int32Array(n)
    this.#insideCar = new Int32Array(2 * n)
    this.#insideBack = new Float64Array(2 * n)
    this.reset()
  }

  /** Back to the start, all cars at rest. */
  reset(): void {
    this.#step = 0
    for (const [i, start] of this.#starts.entries()) {
      this.#lane[i] = start.lane
      this.#lanePosition[i] = start.position
    }
    this.speed.fill(0)
    this.braking.fill(0)
    this.#entryStep.fill(0)
    this.#observe()
  }

  /** One step of 0.1 s. `accelerations[i]` in m/s² commands car i; NaN leaves it to the driver. */
  step(accelerations: Float64Array): void {
    const { speed } = this
    const next = this.#nextSpeed
    for (let i = 0; i < next.length; i++) {
      const v = speed[i]!
      const driver = this.#drivers[i]!
      const safe = this.#safeSpeed(i)
      const acceleration = accelerations[i]!
      if (Number.isNaN(acceleration)) {
        next[i] = drive(driver, v, safe)
        this.braking[i] = next[i]! < free(driver, v) - eps ? 1 : 0
      } else {
        // Speed mode 1: only the safe speed bounds a command, so that a commanded car may brake at any rate.
        const wanted = commandedSpeed(v, acceleration)
        next[i] = Math.min(wanted, safe)
        this.braking[i] = safe < wanted - eps ? 1 : 0
      }
    }
    this.#step++
    for (let i = 0; i < next.length; i++) this.#move(i, next[i]!)
    this.#observe()
  }

  /** The speed that keeps car i safe from all it sees (MSVehicle::planMoveInternal, every link open in speed mode 1). */
  #safeSpeed(i: number): number {
    const driver = this.#drivers[i]!
    const v = this.speed[i]!
    const maxSpeed = Math.min(v + driver.accel * stepLength, driver.maxSpeed)
    const lookAhead = maxSpeed * stepLength + brakeGap(driver, maxSpeed) + maxSpeed * tau
    const ownBrakeGap = brakeGap(driver, v)
    const freeSpeed = free(driver, v)
    let lane = this.#lane[i]!
    let seen = laneLength[lane]! - this.#lanePosition[i]!
    let seenInternal = isInternal(lane) ? seen : 0
    let seenNormal = 0
    let passedInternal = false
    let wait = 0
    let own = true
    let safe = Math.min(maxSpeed, this.#ownLaneSpeed(i, driver))
    for (;;) {
      if (isCrossing(lane)) safe = this.#crossingSpeed(i, lane, seen, own, safe, wait)
      else if (isCrossing(lane + 1)) {
        wait = Math.min(safe, waitSpeed(driver, v, seen, lane + 1 === majorCrossing, ownBrakeGap))
      }
      passedInternal ||= isInternal(lane)
      // The look-ahead that checkRewindLinkLanes needs: the next crossing is always seen from the lane before it.
      if (passedInternal && seen > lookAhead && seenNormal > Math.max(5 * carLength, carLength + seenInternal))
        return safe
      lane = laneAfter(lane)
      own = false
      // The rearmost car of every further lane, even behind a nearer one that was already obeyed (getLastVehicleInformation).
      const car = this.#rearCar[lane]!
      safe = Math.min(safe, freeSpeed)
      if (car >= 0 && car !== i) {
        safe = Math.min(safe, follow(driver, v, seen + this.#rearPosition[lane]!, this.speed[car]!))
      }
      wait = Math.min(wait, safe)
      seen += laneLength[lane]!
      if (isInternal(lane)) seenInternal += laneLength[lane]!
      else seenNormal += laneLength[lane]!
    }
  }

  /** Safe speed behind the car ahead, if any of it is on the same lane (MSVehicle::adaptToLeader). */
  #ownLaneSpeed(i: number, driver: Driver): number {
    const lane = this.#lane[i]!
    const position = this.#lanePosition[i]!
    const car = this.leader[i]!
    if (car === i) return driver.maxSpeed
    let carLane = this.#lane[car]!
    let back = this.#lanePosition[car]! - carLength
    if (carLane === lane && this.#lanePosition[car]! < position) return driver.maxSpeed
    while (carLane !== lane && back < 0) {
      carLane = laneBefore(carLane)
      back += laneLength[carLane]!
    }
    return carLane === lane ? follow(driver, this.speed[i]!, back - position, this.speed[car]!) : driver.maxSpeed
  }

  /**
   * `safe` lowered for the cars inside on the other crossing lane (MSVehicle::checkLinkLeader); those that only approach
   * do not count. `own`: car i is on the crossing lane itself; `wait`: its speed for stopping at the line instead.
   */
  #crossingSpeed(i: number, lane: number, seen: number, own: boolean, safe: number, wait: number): number {
    if (isInConflict(distanceToConflict(seen))) return safe
    const row = lane === majorCrossing ? 1 : 0
    const first = row * this.vehicles.length
    let result = safe
    for (let k = first; k < first + this.#insideCount[row]!; k++) {
      const foe = this.#insideCar[k]!
      const back = this.#insideBack[k]!
      if (foe === i || back > conflictEnd || (own && !this.#yieldsTo(i, foe, back + carLength))) continue
      const speed = speedTowardsFoe(this.#drivers[i]!, this.speed[i]!, seen, back, this.speed[foe]!)
      // From before the line never brake harder than for stopping at it. (`wait` is 0 once inside.)
      result = Math.max(Math.min(result, speed), wait)
    }
    return result
  }

  /** Which of two cars inside the crossing gives way (MSVehicle::isLeader and the "in the way" of MSLink::getLeaderInfo). */
  #yieldsTo(i: number, foe: number, foeFront: number): boolean {
    if (foeFront > conflictStart || !isCrossing(this.#lane[foe]!)) return true
    const own = this.#entryStep[i]!
    const other = this.#entryStep[foe]!
    if (own !== other) return other < own
    if (this.speed[i]! !== this.speed[foe]!) return this.speed[i]! < this.speed[foe]!
    return this.#rank[i]! < this.#rank[foe]!
  }

  /** Moves car i by one step at its new speed (semi-implicit Euler; MSVehicle::executeMove, processLaneAdvances). */
  #move(i: number, v: number): void {
    this.speed[i] = v
    let lane = this.#lane[i]!
    let position = this.#lanePosition[i]! + v * stepLength
    while (position > laneLength[lane]!) {
      position -= laneLength[lane]!
      lane = laneAfter(lane)
      if (isCrossing(lane)) this.#entryStep[i] = this.#step
    }
    this.#lane[i] = lane
    this.#lanePosition[i] = position
  }

  /** Everything that follows from lanes, positions and speeds. */
  #observe(): void {
    const n = this.vehicles.length
    this.#rearCar.fill(-1)
    this.#insideCount.fill(0)
    for (let i = 0; i < n; i++) {
      this.position[i] = loopCoordinate(this.#lane[i]!, this.#lanePosition[i]!)
      this.#occupy(i)
    }
    if (this.#step === 0 || this.#measureGaps() > 1.5 * loopLength) {
      this.#sort()
      this.#measureGaps()
    }
    this.#detectCollisions()
  }

  /** Enters car i on every lane that it covers. */
  #occupy(i: number): void {
    let lane = this.#lane[i]!
    let back = this.#lanePosition[i]! - carLength
    for (;;) {
      if (this.#rearCar[lane]! < 0 || back < this.#rearPosition[lane]!) {
        this.#rearCar[lane] = i
        this.#rearPosition[lane] = back
      }
      if (isCrossing(lane)) {
        const row = lane === majorCrossing ? 0 : 1
        const k = row * this.vehicles.length + this.#insideCount[row]!
        this.#insideCar[k] = i
        this.#insideBack[k] = back
        this.#insideCount[row] = this.#insideCount[row]! + 1
      }
      if (back >= 0) return
      lane = laneBefore(lane)
      back += laneLength[lane]!
    }
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
    for (let k = 0; k < this.#insideCount[0]!; k++) {
      const a = this.#insideBack[k]!
      for (let m = n; m < n + this.#insideCount[1]!; m++) {
        const b = this.#insideBack[m]!
        if (bodiesOverlap(a + carLength, a, b + carLength, b)) this.#collide(this.#insideCar[k]!, this.#insideCar[m]!)
      }
    }
  }

  #collide(i: number, k: number): void {
    this.collisions.push(this.#pairs[Math.min(i, k) * this.vehicles.length + Math.max(i, k)]!)
  }
}
