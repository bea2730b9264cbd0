import { Approach, foeVisibility, speedEps } from './approach.ts'
import { stepMs } from './arrival.ts'
import { haltingSpeed, positionEps } from './crossing.ts'
import { brakeGap, commandedSpeed, drive, free, lowestSpeed, numericalEps, stepLength, stop } from './idm.ts'
import { KeepClear } from './keep-clear.ts'
import { LinkPlans } from './link-plans.ts'
import { NearestFirst } from './nearest-first.ts'
import { type RoadNetwork, split } from './network.ts'
import type { CarState, Occupancy } from './occupancy.ts'
import { RightOfWay } from './right-of-way.ts'

/** How cars take turns in junctions, and what bounds a command. */
export interface JunctionRulesOfRoad {
  readonly crossing: 'priority' | 'nearest-first'
  /** Commands stay within what the car's own engine and brakes can do (bits 2 and 4 of SUMO's speed mode). */
  readonly boundedCommands: boolean
}

/**
 * The next speeds of all cars where they take turns in junctions. As SUMO does: all plan, all register what they plan, then
 * each decides (MSEdgeControl::planMovements, setJunctionApproaches, executeMovements).
 */
export class JunctionPlanner {
  /** What each car's `waiting` is to be after this step. */
  readonly nextWaiting: Uint8Array
  /** 1 where the car is blocked inside a junction. */
  readonly nextBlocked: Uint8Array
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #boundedCommands: boolean
  readonly #plans: LinkPlans
  readonly #approach: Approach
  readonly #keepClear: KeepClear
  readonly #rightOfWay: RightOfWay
  /** In place of right of way. */
  readonly #nearestFirst: NearestFirst | undefined
  readonly #minor: Uint8Array
  /** Speed that each car is told to drive, m/s; infinite for drivers. */
  readonly #commanded: Float64Array
  /** ms of SUMO's clock at the start of the step */
  #now = 0
  /** Speed at which the car just decided gets across its minor link, m/s (vSafeMin). */
  #leastSpeed = 0

  constructor(network: RoadNetwork, cars: CarState, occupancy: Occupancy, rules: JunctionRulesOfRoad) {
    const count = cars.lane.length
    this.#network = network
    this.#cars = cars
    this.#boundedCommands = rules.boundedCommands
    const nearestFirst = rules.crossing === 'nearest-first'
    this.#nearestFirst = nearestFirst ? new NearestFirst(network, cars) : undefined
    this.#minor = nearestFirst ? new Uint8Array(network.laneCount) : network.minor
    this.#plans = new LinkPlans(count, network.maxLinks)
    this.#approach = new Approach(network, cars, occupancy, this.#plans, nearestFirst ? undefined : network.minor)
    this.#keepClear = new KeepClear(network, cars, occupancy, this.#plans)
    this.#rightOfWay = new RightOfWay(network, cars, this.#plans)
    this.#commanded = new Float64Array(count)
    this.nextWaiting = new Uint8Array(count)
    this.nextBlocked = new Uint8Array(count)
  }

  /** Back to the start. */
  reset(): void {
    this.#now = 0
    this.#rightOfWay.reset()
    this.#nearestFirst?.reset()
  }

  /** Fills `nextSpeed` (m/s) and `braking` for one step. `accelerations[i]` in m/s² commands car i; NaN leaves it to the driver. */
  plan(accelerations: Float64Array, nextSpeed: Float64Array, braking: Uint8Array): void {
    const { drivers, speed } = this.#cars
    const count = nextSpeed.length
    this.#now += stepMs
    this.#nearestFirst?.update()
    for (let i = 0; i < count; i++) {
      const acceleration = accelerations[i]!
      this.#commanded[i] = Number.isNaN(acceleration)
        ? Number.POSITIVE_INFINITY
        : this.#bounded(i, commandedSpeed(speed[i]!, acceleration))
      this.#approach.plan(i, this.#commanded[i]!, this.#now)
      this.#keepClear.rewind(i, brakeGap(drivers[i]!, speed[i]!), this.#isOpen)
    }
    this.#rightOfWay.register()
    for (let i = 0; i < count; i++) {
      const v = speed[i]!
      const driver = drivers[i]!
      const safe = this.#decide(i)
      const driven = Number.isNaN(accelerations[i]!)
      const wanted = driven ? free(driver, v) : commandedSpeed(v, accelerations[i]!)
      const next = driven ? this.#drive(i, safe) : this.#bounded(i, Math.min(wanted, safe))
      nextSpeed[i] = next
      braking[i] = next < wanted - numericalEps ? 1 : 0
    }
  }

  /** MSVehicle::executeMove up to the speed. */
  #drive(i: number, safe: number): number {
    const next = drive(this.#cars.drivers[i]!, this.#cars.speed[i]!, safe)
    if (next <= 0) return 0
    const least = Math.max(next, this.#leastSpeed)
    return least < speedEps ? 0 : least
  }

  /** A commanded speed within the car's own limits, if the mode says so (MSVehicle::Influencer::influenceSpeed). */
  #bounded(i: number, speed: number): number {
    if (!this.#boundedCommands) return speed
    const driver = this.#cars.drivers[i]!
    const v = this.#cars.speed[i]!
    return Math.max(Math.min(speed, v + driver.accel * stepLength, driver.maxSpeed), lowestSpeed(driver, v), 0)
  }

  readonly #isOpen = (i: number, at: number): boolean =>
    this.#minor[this.#plans.lane[at]!] === 0 || this.#rightOfWay.opened(i, at, true, this.#now)

  /** The safe speed of car i (MSVehicle::processLinkApproaches); sets `nextWaiting[i]`, `nextBlocked[i]`, `#leastSpeed`. */
  #decide(i: number): number {
    const { drivers, speed: speeds, lane: lanes } = this.#cars
    const { conflict } = this.#network
    const plans = this.#plans
    const driver = drivers[i]!
    const speed = speeds[i]!
    const ownBrakeGap = brakeGap(driver, speed)
    const maxSpeed = Math.min(speed + driver.accel * stepLength, driver.maxSpeed)
    const first = i * plans.size
    const end = first + plans.count[i]!
    let turn = this.#nearestFirst?.mayEnter[i] !== 0
    let safe = Number.POSITIVE_INFINITY
    let least = Number.NEGATIVE_INFINITY
    let leastDistance = 0
    let stoppable = false
    this.nextBlocked[i] = 0
    this.nextWaiting[i] = 0
    for (let at = first; at < end; at++) {
      const lane = plans.lane[at]!
      const pass = plans.pass[at]!
      const wait = plans.wait[at]!
      const seen = plans.seen[at]!
      if (plans.request[at] === 0) {
        if (at === first && conflict[lanes[i]!] !== 0) this.nextBlocked[i] = 1
        if (wait < speed || wait < haltingSpeed) this.nextWaiting[i] = 1
        safe = wait
        break
      }
      const minor = this.#minor[lane] === 1
      const canBrake = seen > ownBrakeGap || speed < driver.decel * stepLength
      let opened = !minor || this.#rightOfWay.opened(i, at, canBrake, this.#now)
      if (conflict[lane] !== 0 && conflict[lane] !== split) {
        opened &&= turn
        // Only the junction that a car comes to first is a matter of turns.
        turn = true
      }
      if (opened && minor) {
        if (seen > foeVisibility) {
          this.nextWaiting[i] = 1
          safe = wait
          break
        }
        least = Math.min((seen + positionEps) / stepLength, pass, maxSpeed)
        leastDistance = seen
        stoppable = canBrake
      }
      if (opened) {
        // "Probably not gonna drive across the next junction": slow, and not for the stop line of this link.
        if (pass < driver.decel && pass <= wait && pass < maxSpeed) this.nextWaiting[i] = 1
        safe = pass
      } else {
        this.nextWaiting[i] = 1
        safe = wait
        break
      }
    }
    this.#leastSpeed = least
    if (safe + numericalEps >= least) return safe
    this.#leastSpeed = safe
    if (!stoppable || safe >= speed) return safe
    // Too slow to get across the minor link: stop before it.
    this.#leastSpeed = 0
    this.nextWaiting[i] = 1
    return Math.min(safe, Math.max(0, lowestSpeed(driver, speed), stop(driver, speed, leastDistance)))
  }
}
