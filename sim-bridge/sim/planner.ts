import { haltingSpeed, positionEps, waitSpeed } from './crossing.ts'
import { brakeGap, carLength, type Driver, follow, free, stepLength, stop, tau } from './idm.ts'
import { JunctionRules } from './junction-rules.ts'
import { Leaders } from './leaders.ts'
import type { RoadNetwork } from './network.ts'
import { type CarState, lengthWithGap, type Occupancy } from './occupancy.ts'

/** Distance at which a car on the minor road sees whether foes come, m (MSLink's default visibility). */
const foeVisibility = 4.5

/**
 * The safe speed of each car from all it sees ahead (MSVehicle::planMoveInternal and processLinkApproaches in speed mode 1:
 * every link counts as open, so right of way and gap acceptance never apply). Changes nothing of the cars' state.
 */
export class Planner {
  /** What each planned car's `waiting` is to be after this step. */
  readonly nextWaiting: Uint8Array
  /** 1 where the planned car is blocked inside a junction by one that has stood there for long. */
  readonly nextBlocked: Uint8Array
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  readonly #rules: JunctionRules
  readonly #leaders: Leaders
  /** Per link of the planned car's view: distance to it, the speed to pass it and the same once the lane behind it was seen. */
  readonly #linkSeen: Float64Array
  readonly #linkSpeed: Float64Array
  readonly #linkCap: Float64Array

  constructor(network: RoadNetwork, cars: CarState, occupancy: Occupancy) {
    this.#network = network
    this.#cars = cars
    this.#occupancy = occupancy
    this.#rules = new JunctionRules(network, cars, occupancy)
    this.#leaders = new Leaders(network, cars, occupancy)
    this.nextWaiting = new Uint8Array(cars.lane.length)
    this.nextBlocked = new Uint8Array(cars.lane.length)
    this.#linkSeen = new Float64Array(network.maxLinks)
    this.#linkSpeed = new Float64Array(network.maxLinks)
    this.#linkCap = new Float64Array(network.maxLinks)
  }

  /**
   * Safe speed of car i for the next step, m/s, not above the commanded one; also sets `nextWaiting[i]` and
   * `nextBlocked[i]`.
   */
  safeSpeed(i: number, commanded: number): number {
    const { after, laneCount, laneLength, internal, minor, conflict, keepClear } = this.#network
    const cars = this.#cars
    const row = cars.route[i]! * laneCount
    const driver = cars.drivers[i]!
    const v = cars.speed[i]!
    const maxSpeed = Math.min(v + driver.accel * stepLength, driver.maxSpeed)
    const lookAhead = maxSpeed * stepLength + brakeGap(driver, maxSpeed) + maxSpeed * tau
    const ownBrakeGap = brakeGap(driver, v)
    const freeSpeed = free(driver, v)
    let lane = cars.lane[i]!
    let seen = laneLength[lane]! - cars.lanePosition[i]!
    let inside = internal[lane] === 1
    let seenInternal = inside ? seen : 0
    let seenNormal = 0
    let passedInternal = false
    let safe = Math.min(maxSpeed, commanded, this.#ownLaneSpeed(i, driver))
    let wait = 0
    let entry = -1
    let kept = -1
    let refused = -1
    let unsure = false
    let links = 0
    this.nextBlocked[i] = 0
    for (;;) {
      const next = after[row + lane]!
      if (conflict[lane] !== 0 && this.#rules.hasFoes(lane)) {
        safe = this.#rules.safeSpeed(i, lane, seen, safe, wait)
        if (this.#rules.exitRefused && refused < 0) {
          refused = links
          if (links === 0) this.nextBlocked[i] = 1
          else {
            kept = entry
            if (this.#rules.entryRefused) refused = links - 1
          }
        }
      }
      this.#linkSeen[links] = seen
      this.#linkSpeed[links] = safe
      this.#linkCap[links] = safe
      const nextInside = internal[next] === 1
      // Who approaches the minor road too far off to see its foes does not yet request the junction after it.
      if (unsure && refused < 0 && nextInside) refused = links
      if (conflict[next] !== 0) {
        if (entry < 0 && keepClear[next] === 1) entry = links
        unsure ||= minor[next] === 1 && seen > foeVisibility && seen > ownBrakeGap
        // Only where foes are obeyed does it matter.
        wait = this.#rules.hasFoes(next) ? waitSpeed(driver, v, seen, minor[next] === 0, ownBrakeGap) : 0
      }
      passedInternal ||= inside
      // The look-ahead that checkRewindLinkLanes needs: the next crossing is always seen from the lane before it.
      const farEnough = passedInternal && seenNormal > Math.max(5 * carLength, carLength + seenInternal)
      if (farEnough && (links === refused || seen > lookAhead)) break
      lane = next
      inside = nextInside
      safe = Math.min(safe, freeSpeed, this.#followSpeed(i, driver, lane, seen))
      wait = Math.min(wait, safe)
      this.#linkCap[links++] = safe
      seen += laneLength[lane]!
      if (inside) seenInternal += laneLength[lane]!
      else seenNormal += laneLength[lane]!
    }
    links++
    this.nextWaiting[i] = 0
    if (kept < 0) kept = entry >= 0 && this.#roomAhead(i, links) < lengthWithGap ? entry : links
    if (refused < 0) refused = links
    // On most roads every link may be passed.
    if (kept === links && refused === links && safe >= Math.min(driver.decel, maxSpeed)) return safe
    return this.#linkedSpeed(i, driver, links, kept, refused)
  }

  /**
   * The speed after all `links` in view, of which those from `kept` on lead into a junction to be kept clear and that of
   * index `refused` is not requested (MSVehicle::processLinkApproaches); sets `nextWaiting[i]` where the car waits.
   */
  #linkedSpeed(i: number, driver: Driver, links: number, kept: number, refused: number): number {
    const { after, laneCount, internal, minor } = this.#network
    const v = this.#cars.speed[i]!
    const maxSpeed = Math.min(v + driver.accel * stepLength, driver.maxSpeed)
    const ownBrakeGap = brakeGap(driver, v)
    const row = this.#cars.route[i]! * laneCount
    let safe = 0
    let lane = this.#cars.lane[i]!
    for (let k = 0; k < links; k++) {
      lane = after[row + lane]!
      const seen = this.#linkSeen[k]!
      safe = this.#linkSpeed[k]!
      const slow = safe < driver.decel && safe < maxSpeed
      if (k < kept && k < refused && !(slow && safe <= this.#linkCap[k]!)) continue
      const wait = Math.min(this.#linkCap[k]!, waitSpeed(driver, v, seen, minor[lane] === 0, ownBrakeGap))
      if (k >= kept || k >= refused) {
        safe = wait
        if (k >= refused || (internal[lane] === 1 && seen >= ownBrakeGap + positionEps)) {
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
    const leaders = this.#leaders
    const { speed } = this.#cars
    return leaders.findOwn(i) ? follow(driver, speed[i]!, leaders.gap, speed[leaders.car]!) : driver.maxSpeed
  }

  /** The same on a further lane that starts `seen` m ahead. */
  #followSpeed(i: number, driver: Driver, lane: number, seen: number): number {
    const leaders = this.#leaders
    const { speed } = this.#cars
    if (!leaders.find(i, lane, seen)) return driver.maxSpeed
    const v = speed[i]!
    if (leaders.stopLine < Number.POSITIVE_INFINITY) return stop(driver, v, leaders.stopLine)
    return follow(driver, v, leaders.gap, speed[leaders.car]!)
  }

  /**
   * Room for car i up to the first car beyond that stands or waits, m, over the next `links` links; infinite without such
   * a car (MSVehicle::checkRewindLinkLanes).
   */
  #roomAhead(i: number, links: number): number {
    const { after, laneCount, laneLength, internal, keepClear } = this.#network
    const { order, rearCar, space, standing } = this.#occupancy
    const { waiting } = this.#cars
    const row = this.#cars.route[i]! * laneCount
    let lane = this.#cars.lane[i]!
    let room = -lengthWithGap * (order.begin[lane + 1]! - order.slot[i]! - 1)
    for (let k = 0; k < links; k++) {
      lane = after[row + lane]!
      const car = rearCar[lane]!
      if (keepClear[lane] === 1) room -= lengthWithGap * (order.begin[lane + 1]! - order.begin[lane]!)
      else if (car === i) room += laneLength[lane]!
      else {
        room += space[lane]!
        if (standing[lane] === 1 || (internal[lane] === 0 && car >= 0 && waiting[car] === 1)) return room
      }
    }
    return Number.POSITIVE_INFINITY
  }
}
