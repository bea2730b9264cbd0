import { arrivalDelay, brakingArrivalSpeed, speedAfter, stepMs } from './arrival.ts'
import { waitSpeed } from './crossing.ts'
import { brakeGap, carLength, type Driver, follow, free, kraussStop, stepLength, stop, tau } from './idm.ts'
import { JunctionRules } from './junction-rules.ts'
import { Leaders } from './leaders.ts'
import type { LinkPlans } from './link-plans.ts'
import type { RoadNetwork } from './network.ts'
import type { CarState, Occupancy } from './occupancy.ts'

/** Distance at which a car on the minor road sees whether foes come, m (MSLink's default visibility). */
export const foeVisibility = 4.5
/** SUMO's NUMERICAL_EPS_SPEED, m/s. */
export const speedEps = 1e-5

/**
 * The plan of each car for every link that it has in view: speeds for passing it and for stopping before it, and when it
 * would arrive (MSVehicle::planMoveInternal).
 */
export class Approach {
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #plans: LinkPlans
  readonly #rules: JunctionRules
  readonly #leaders: Leaders
  /** 1 for lanes that are entered with caution: cars slow down until they see who comes. */
  readonly #minor: Uint8Array
  /** Speed so far, m/s … */
  #v = 0
  /** … and the most that a car could have at the link looked at (vLinkPass). */
  #linkSpeed = 0

  /** `minor`: per lane 1 where who enters gives way; undefined where the nearest goes first. */
  constructor(
    network: RoadNetwork,
    cars: CarState,
    occupancy: Occupancy,
    plans: LinkPlans,
    minor: Uint8Array | undefined,
  ) {
    this.#network = network
    this.#cars = cars
    this.#plans = plans
    this.#minor = minor ?? new Uint8Array(network.laneCount)
    this.#rules = new JunctionRules(network, cars, occupancy, minor === undefined)
    this.#leaders = new Leaders(network, cars, occupancy)
  }

  /** Plans car i for the step that begins at `now`, ms; `commanded`: the speed that it is told to drive, m/s, or infinite. */
  plan(i: number, commanded: number, now: number): void {
    const { after, laneCount, laneLength, internal, conflict } = this.#network
    const plans = this.#plans
    const cars = this.#cars
    const row = cars.route[i]! * laneCount
    const driver = cars.drivers[i]!
    const speed = cars.speed[i]!
    const maxSpeed = Math.min(speed + driver.accel * stepLength, driver.maxSpeed)
    const lookAhead = maxSpeed * stepLength + brakeGap(driver, maxSpeed) + maxSpeed * tau
    const ownBrakeGap = brakeGap(driver, speed)
    const freeSpeed = free(driver, speed)
    const first = i * plans.size
    let at = first
    let lane = cars.lane[i]!
    let seen = laneLength[lane]! - cars.lanePosition[i]!
    let seenInternal = internal[lane] === 1 ? seen : 0
    let seenNormal = 0
    let passedInternal = false
    let slowed = false
    this.#v = Math.min(maxSpeed, commanded)
    this.#linkSpeed = speedAfter(driver, seen, this.#v)
    if (this.#leaders.findOwn(i)) this.#lower(follow(driver, speed, this.#leaders.gap, cars.speed[this.#leaders.car]!))
    for (;;) {
      const inside = internal[lane] === 1
      const next = after[row + lane]!
      const minor = this.#minor[next] === 1
      // After having slowed down for one junction the next is not requested; the one that a car is in is always left.
      let request = (this.#v > speedEps && !(slowed && !inside)) || (inside && at === first)
      let wait = Math.min(this.#v, waitSpeed(driver, speed, seen, !minor, ownBrakeGap))
      if (conflict[lane] !== 0) {
        if (this.#obeyFoes(i, lane, seen, at, first)) request = false
        wait = Math.min(wait, this.#v)
      }
      let arrivalSpeed = this.#linkSpeed
      if (minor && seen > ownBrakeGap && seen > foeVisibility) {
        arrivalSpeed = Math.min(arrivalSpeed, visibilitySpeed(driver))
        slowed = true
      }
      plans.lane[at] = next
      plans.seen[at] = seen
      plans.pass[at] = this.#v
      plans.wait[at] = wait
      plans.request[at] = request ? 1 : 0
      plans.arrivalTime[at] = now - stepMs + arrivalDelay(driver, seen, this.#v, arrivalSpeed)
      plans.arrivalSpeed[at] = arrivalSpeed
      plans.brakingSpeed[at] = brakingArrivalSpeed(driver, seen, this.#v, arrivalSpeed)
      plans.leaveSpeed[at] = speedAfter(driver, laneLength[next]!, arrivalSpeed)
      passedInternal ||= inside
      // checkRewindLinkLanes needs to see the room behind the next junction.
      const farEnough = passedInternal && seenNormal > Math.max(5 * carLength, carLength + seenInternal)
      if (farEnough && (!request || this.#v <= 0 || seen > lookAhead)) break
      lane = next
      this.#v = Math.min(this.#v, freeSpeed)
      this.#linkSpeed = speedAfter(driver, laneLength[lane]!, this.#v)
      this.#follow(i, driver, lane, seen, at)
      plans.wait[at] = Math.min(plans.wait[at]!, this.#v)
      seen += laneLength[lane]!
      if (internal[lane] === 1) seenInternal += laneLength[lane]!
      else seenNormal += laneLength[lane]!
      at++
    }
    plans.count[i] = at + 1 - first
  }

  #lower(speed: number): void {
    this.#v = Math.min(this.#v, speed)
    this.#linkSpeed = Math.min(this.#linkSpeed, speed)
  }

  /** Behind the rearmost car of the lane that link `at`, `seen` m ahead, leads to (MSVehicle::adaptToLeader). */
  #follow(i: number, driver: Driver, lane: number, seen: number, at: number): void {
    const leaders = this.#leaders
    if (!leaders.find(i, lane, seen)) return
    const { leaveSpeed } = this.#plans
    const { speed } = this.#cars
    const v = speed[i]!
    const leaderSpeed = speed[leaders.car]!
    leaveSpeed[at] = Math.min(leaveSpeed[at]!, follow(driver, leaveSpeed[at]!, leaders.gap, leaderSpeed))
    this.#lower(
      leaders.stopLine < Number.POSITIVE_INFINITY
        ? stop(driver, v, leaders.stopLine)
        : follow(driver, v, leaders.gap, leaderSpeed),
    )
  }

  /** Obeys the foes in the junction lane that link `at` leaves; whether the car gives up its request to leave it. */
  #obeyFoes(i: number, lane: number, seen: number, at: number, first: number): boolean {
    const rules = this.#rules
    const plans = this.#plans
    const own = at === first
    this.#v = rules.safeSpeed(i, lane, seen, this.#v, own ? 0 : plans.wait[at - 1]!)
    this.#linkSpeed = Math.min(this.#linkSpeed, rules.foeSpeed)
    if (!own) {
      plans.leaveSpeed[at - 1] = Math.min(plans.leaveSpeed[at - 1]!, rules.foeSpeed)
      if (rules.entryRefused) plans.request[at - 1] = 0
    }
    return rules.exitRefused
  }
}

/** Speed at a minor line after coming so slowly into view of the foes that one could stop (`#2123` in planMoveInternal). */
function visibilitySpeed(driver: Driver): number {
  return speedAfter(driver, foeVisibility, kraussStop(driver, foeVisibility, 0))
}
