import {
  conflictStart,
  distanceToConflict,
  haltingSpeed,
  isInConflict,
  positionEps,
  speedTowardsFoe,
  waitSpeed,
} from './crossing.ts'
import { brakeGap, carLength, type Driver, follow, free, minGap, stepLength, stop, tau } from './idm.ts'
import { type CarState, lengthWithGap, type Occupancy } from './occupancy.ts'
import { isCrossing, isInternal, laneAfter, laneBefore, laneLength, majorCrossing, minorCrossing } from './road.ts'

/** The look-ahead is below 341 m, at 30 m/s and a decel of 1.5: less than one loop of 12 links and two more junctions. */
const maxLinks = 24
/** MSVehicle's JUNCTION_BLOCKAGE_TIME of 5 s. */
const blockageSteps = 50
/** Distance at which a car on the minor road sees whether foes come, m (MSLink's default visibility). */
const foeVisibility = 4.5

/**
 * The safe speed of each car from all it sees ahead (MSVehicle::planMoveInternal and processLinkApproaches in speed mode 1:
 * every link counts as open, so right of way and gap acceptance never apply). Changes nothing of the cars' state.
 */
export class Planner {
  /** What each planned car's `waiting` is to be after this step. */
  readonly nextWaiting: Uint8Array
  /** 1 where the planned car is blocked inside the crossing by one that has stood there for long. */
  readonly blocked: Uint8Array
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  /** Per link of the planned car's view: distance to it, the speed to pass it and the same once the lane behind it was seen. */
  readonly #linkSeen = new Float64Array(maxLinks)
  readonly #linkSpeed = new Float64Array(maxLinks)
  readonly #linkCap = new Float64Array(maxLinks)
  #leaderBlocks = false

  constructor(cars: CarState, occupancy: Occupancy) {
    this.#cars = cars
    this.#occupancy = occupancy
    this.nextWaiting = new Uint8Array(cars.lane.length)
    this.blocked = new Uint8Array(cars.lane.length)
  }

  /** Safe speed of car i for the next step, m/s; also sets `nextWaiting[i]`. */
  safeSpeed(i: number): number {
    const cars = this.#cars
    const driver = cars.drivers[i]!
    const v = cars.speed[i]!
    const maxSpeed = Math.min(v + driver.accel * stepLength, driver.maxSpeed)
    const lookAhead = maxSpeed * stepLength + brakeGap(driver, maxSpeed) + maxSpeed * tau
    const ownBrakeGap = brakeGap(driver, v)
    const freeSpeed = free(driver, v)
    let lane = cars.lane[i]!
    let seen = laneLength[lane]! - cars.lanePosition[i]!
    let seenInternal = isInternal(lane) ? seen : 0
    let seenNormal = 0
    let passedInternal = false
    let safe = Math.min(maxSpeed, this.#ownLaneSpeed(i, driver))
    let wait = 0
    let entry = -1
    let kept = -1
    let refused = -1
    let unsure = false
    let links = 0
    this.blocked[i] = 0
    for (;;) {
      const next = laneAfter(lane)
      if (isCrossing(lane)) {
        this.#leaderBlocks = false
        safe = this.#crossingSpeed(i, lane, seen, links === 0, safe, wait)
        if (this.#leaderBlocks && refused < 0) {
          refused = links
          if (links === 0) this.blocked[i] = 1
          else kept = entry
        }
      }
      this.#linkSeen[links] = seen
      this.#linkSpeed[links] = safe
      this.#linkCap[links] = safe
      // Who approaches the minor road too far off to see its foes does not yet request the junction after it.
      if (unsure && refused < 0 && isInternal(next)) refused = links
      if (isCrossing(next)) {
        if (entry < 0) entry = links
        unsure ||= next === minorCrossing && seen > foeVisibility && seen > ownBrakeGap
        wait = waitSpeed(driver, v, seen, next === majorCrossing, ownBrakeGap)
      }
      passedInternal ||= isInternal(lane)
      // The look-ahead that checkRewindLinkLanes needs: the next crossing is always seen from the lane before it.
      const farEnough = passedInternal && seenNormal > Math.max(5 * carLength, carLength + seenInternal)
      if (farEnough && (links === refused || seen > lookAhead)) break
      lane = next
      safe = Math.min(safe, freeSpeed, this.#followSpeed(i, driver, lane, seen))
      wait = Math.min(wait, safe)
      this.#linkCap[links++] = safe
      seen += laneLength[lane]!
      if (isInternal(lane)) seenInternal += laneLength[lane]!
      else seenNormal += laneLength[lane]!
    }
    links++
    if (kept < 0) kept = entry >= 0 && this.#roomAhead(i, links) < lengthWithGap ? entry : links
    return this.#linkedSpeed(i, driver, maxSpeed, ownBrakeGap, links, kept, refused < 0 ? links : refused)
  }

  /**
   * The speed after all `links` in view, of which those from `kept` on lead into a crossing to be kept clear and that of
   * index `refused` is not requested (MSVehicle::processLinkApproaches); sets `nextWaiting[i]`.
   */
  #linkedSpeed(
    i: number,
    driver: Driver,
    maxSpeed: number,
    ownBrakeGap: number,
    links: number,
    kept: number,
    refused: number,
  ): number {
    const v = this.#cars.speed[i]!
    let safe = this.#linkSpeed[links - 1]!
    this.nextWaiting[i] = 0
    if (kept === links && refused === links && safe >= Math.min(driver.decel, maxSpeed)) return safe
    let lane = this.#cars.lane[i]!
    for (let k = 0; k < links; k++) {
      lane = laneAfter(lane)
      const seen = this.#linkSeen[k]!
      safe = this.#linkSpeed[k]!
      const slow = safe < driver.decel && safe < maxSpeed
      if (k < kept && k < refused && !(slow && safe <= this.#linkCap[k]!)) continue
      const wait = Math.min(this.#linkCap[k]!, waitSpeed(driver, v, seen, lane !== minorCrossing, ownBrakeGap))
      if (k >= kept || k >= refused) {
        safe = wait
        if (k >= refused || (isInternal(lane) && seen >= ownBrakeGap + positionEps)) {
          // Not requested: the car plans to stop at the line.
          if (safe < v || safe < haltingSpeed) this.nextWaiting[i] = 1
          return safe
        }
      }
      // "Probably not gonna drive across the next junction": slow, and not for the stop line of this link.
      if (safe <= wait && safe < driver.decel && safe < maxSpeed) this.nextWaiting[i] = 1
    }
    return safe
  }

  /** Safe speed behind the car ahead if any of it is on the same lane (MSVehicle::adaptToLeader). */
  #ownLaneSpeed(i: number, driver: Driver): number {
    const cars = this.#cars
    const lane = cars.lane[i]!
    const position = cars.lanePosition[i]!
    const car = cars.leader[i]!
    let carLane = cars.lane[car]!
    if (car === i || (carLane === lane && cars.lanePosition[car]! < position)) return driver.maxSpeed
    let back = cars.lanePosition[car]! - carLength
    while (carLane !== lane && back < 0) {
      carLane = laneBefore(carLane)
      back += laneLength[carLane]!
    }
    return carLane === lane ? follow(driver, cars.speed[i]!, back - position, cars.speed[car]!) : driver.maxSpeed
  }

  /**
   * Safe speed behind the rearmost car of a further lane that starts `seen` m ahead, even where a nearer car was already
   * obeyed (MSLane::getLastVehicleInformation).
   */
  #followSpeed(i: number, driver: Driver, lane: number, seen: number): number {
    const { rearCar, rearPosition } = this.#occupancy
    const car = rearCar[lane]!
    if (car < 0 || car === i) return driver.maxSpeed
    const gap = seen + rearPosition[lane]!
    if (gap < minGap && !isInternal(lane) && rearPosition[lane]! < 0) {
      const junction = laneLength[laneBefore(lane)]!
      // Closer than minGap to a car with its rear still in the junction: stop before the junction, even within it.
      if (rearPosition[lane]! + junction >= 0) {
        return stop(driver, this.#cars.speed[i]!, seen - positionEps - junction)
      }
    }
    return follow(driver, this.#cars.speed[i]!, gap, this.#cars.speed[car]!)
  }

  /**
   * `safe` lowered for the cars inside on the other crossing lane (MSVehicle::checkLinkLeader); those that only approach
   * do not count. `own`: car i is on the crossing lane itself; `wait`: its speed for stopping at the line instead, or 0.
   */
  #crossingSpeed(i: number, lane: number, seen: number, own: boolean, safe: number, wait: number): number {
    if (isInConflict(distanceToConflict(seen))) return safe
    const { insideCount, insideCar, insideBack } = this.#occupancy
    const { drivers, speed, standingSteps } = this.#cars
    const row = lane === majorCrossing ? 1 : 0
    const first = row * speed.length
    let result = safe
    for (let k = first; k < first + insideCount[row]!; k++) {
      const foe = insideCar[k]!
      const back = insideBack[k]!
      if (foe === i || (own && !this.#yieldsTo(i, foe, back + carLength))) continue
      // From before the line never brake harder than for stopping at it.
      result = Math.max(wait, Math.min(result, speedTowardsFoe(drivers[i]!, speed[i]!, seen, back, speed[foe]!)))
      if (result < haltingSpeed && standingSteps[foe]! > blockageSteps) this.#leaderBlocks = true
    }
    return result
  }

  /** Which of two cars inside the crossing gives way (MSVehicle::isLeader and "in the way" of MSLink::getLeaderInfo). */
  #yieldsTo(i: number, foe: number, foeFront: number): boolean {
    const { lane, speed, entryStep, rank } = this.#cars
    if (foeFront > conflictStart || !isCrossing(lane[foe]!)) return true
    if (entryStep[i]! !== entryStep[foe]!) return entryStep[foe]! < entryStep[i]!
    if (speed[i]! !== speed[foe]!) return speed[i]! < speed[foe]!
    return rank[i]! < rank[foe]!
  }

  /**
   * Room for car i up to the first car beyond that stands or waits, m, over the next `links` links; infinite without such
   * a car (MSVehicle::checkRewindLinkLanes).
   */
  #roomAhead(i: number, links: number): number {
    const { rearCar, fronts, space, standing } = this.#occupancy
    const { waiting, leader, lane: lanes } = this.#cars
    let lane = lanes[i]!
    let room = 0
    for (let car = leader[i]!; car !== i && lanes[car] === lane; car = leader[car]!) {
      if (this.#cars.lanePosition[car]! < this.#cars.lanePosition[i]!) break
      room -= lengthWithGap
    }
    for (let k = 0; k < links; k++) {
      lane = laneAfter(lane)
      const car = rearCar[lane]!
      if (isCrossing(lane)) room -= lengthWithGap * fronts[lane]!
      else if (car === i) room += laneLength[lane]!
      else {
        room += space[lane]!
        if (standing[lane] === 1 || (!isInternal(lane) && car >= 0 && waiting[car] === 1)) return room
      }
    }
    return Number.POSITIVE_INFINITY
  }
}
