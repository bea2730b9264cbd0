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
import { milliseconds, RightOfWay } from './right-of-way.ts'
import { isCrossing, isInternal, laneAfter, laneBefore, laneLength, majorCrossing, minorCrossing } from './road.ts'

const maxLinks = 24
const blockageSteps = 50
const foeVisibility = 4.5
const stepMs = 100
const speedEps = 1e-5
const numericalEps = 0.001
const emergencyDecel = 9
const timeToImpatienceSteps = 1800

export class PriorityPlanner {
  readonly nextWaiting: Uint8Array
  readonly blocked: Uint8Array
  readonly safeMin: Float64Array
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  readonly #rightOfWay: RightOfWay
  readonly #count: Int32Array
  readonly #seen: Float64Array
  readonly #pass: Float64Array
  readonly #wait: Float64Array
  readonly #request: Uint8Array
  readonly #arrivalTime: Float64Array
  readonly #arrivalSpeed: Float64Array
  readonly #leaveSpeed: Float64Array
  readonly #space = new Float64Array(maxLinks)
  readonly #hadStopped = new Uint8Array(maxLinks)
  /** Per car and crossing (0 major): whether it registered to leave it (willPass at the exit link). */
  readonly #exits: Uint8Array
  #now = 0
  // walk state
  #v = 0
  #linkPass = 0
  #linkWait = 0
  #setRequest = false

  constructor(cars: CarState, occupancy: Occupancy) {
    const n = cars.lane.length
    this.#cars = cars
    this.#occupancy = occupancy
    this.#rightOfWay = new RightOfWay(cars.drivers)
    this.nextWaiting = new Uint8Array(n)
    this.blocked = new Uint8Array(n)
    this.safeMin = new Float64Array(n)
    this.#count = new Int32Array(n)
    this.#seen = new Float64Array(n * maxLinks)
    this.#pass = new Float64Array(n * maxLinks)
    this.#wait = new Float64Array(n * maxLinks)
    this.#request = new Uint8Array(n * maxLinks)
    this.#arrivalTime = new Float64Array(n * maxLinks)
    this.#arrivalSpeed = new Float64Array(n * maxLinks)
    this.#leaveSpeed = new Float64Array(n * maxLinks)
    this.#exits = new Uint8Array(2 * n)
  }

  reset(): void {
    this.#now = 0
    this.#rightOfWay.clear()
    this.#exits.fill(0)
  }

  begin(): void {
    this.#now += stepMs
  }

  /** MSVehicle::planMoveInternal */
  plan(i: number, commanded: number): void {
    const cars = this.#cars
    const driver = cars.drivers[i]!
    const speed = cars.speed[i]!
    const base = i * maxLinks
    const maxSpeed = Math.min(speed + driver.accel * stepLength, driver.maxSpeed)
    const lookAhead = maxSpeed * stepLength + brakeGap(driver, maxSpeed) + maxSpeed * tau
    const ownBrakeGap = brakeGap(driver, speed)
    const freeSpeed = free(driver, speed)
    let lane = cars.lane[i]!
    let seen = laneLength[lane]! - cars.lanePosition[i]!
    let seenInternal = isInternal(lane) ? seen : 0
    let seenNormal = 0
    let hadNonInternal = false
    let slowedDownForMinor = false
    let k = 0
    this.#v = Math.min(maxSpeed, commanded)
    this.#linkPass = Math.min(speedAfter(driver, seen, this.#v), driver.maxSpeed)
    this.#follow(i, driver, lane, seen - laneLength[lane]!, base - 1, true)
    for (;;) {
      const at = base + k
      const next = laneAfter(lane)
      const internal = isInternal(lane)
      const leaving = internal && k === 0
      const entry = !internal
      const priority = next !== minorCrossing
      this.#setRequest = (this.#v > speedEps && !(slowedDownForMinor && entry)) || leaving
      this.#linkWait = Math.min(this.#v, waitSpeed(driver, speed, seen, priority, ownBrakeGap))
      if (isCrossing(lane)) this.#obeyFoes(i, lane, seen, k)
      if (k > 0) this.#adaptLeaveSpeed(at - 1, driver.maxSpeed)
      let arrivalSpeed = this.#linkPass
      if (!priority && ownBrakeGap < seen && seen > foeVisibility) {
        const atVisibility = maximumSafeStop(driver, foeVisibility)
        arrivalSpeed = Math.min(arrivalSpeed, speedAfter(driver, foeVisibility, atVisibility))
        slowedDownForMinor = true
      }
      this.#seen[at] = seen
      this.#pass[at] = this.#v
      this.#wait[at] = this.#linkWait
      this.#request[at] = this.#setRequest ? 1 : 0
      this.#arrivalTime[at] = this.#now - stepMs + milliseconds(arrivalTime(driver, seen, this.#v, arrivalSpeed))
      this.#arrivalSpeed[at] = arrivalSpeed
      this.#leaveSpeed[at] = Math.min(driver.maxSpeed, speedAfter(driver, internal ? 0 : laneLength[next]!, arrivalSpeed))
      hadNonInternal ||= internal
      k++
      const refused = !this.#setRequest || this.#v <= 0
      if (
        (refused || seen > lookAhead) &&
        hadNonInternal &&
        seenNormal > Math.max(5 * carLength, carLength + seenInternal)
      )
        break
      lane = next
      this.#v = Math.min(this.#v, freeSpeed)
      if (isInternal(lane)) seenInternal += laneLength[lane]!
      else seenNormal += laneLength[lane]!
      this.#linkPass = Math.min(speedAfter(driver, laneLength[lane]!, this.#v), driver.maxSpeed)
      this.#follow(i, driver, lane, seen, at, false)
      this.#wait[at] = Math.min(this.#wait[at]!, this.#v)
      seen += laneLength[lane]!
    }
    this.#count[i] = k
    this.#rewind(i, ownBrakeGap)
  }

  #adaptLeaveSpeed(at: number, v: number): void {
    this.#leaveSpeed[at] = Math.min(this.#leaveSpeed[at]!, v)
  }

  /** MSVehicle::adaptToLeader; `start`: distance to the start of `lane`. */
  #follow(i: number, driver: Driver, lane: number, start: number, at: number, own: boolean): void {
    const { speed, lane: lanes, lanePosition, leader } = this.#cars
    let car: number
    let gap: number
    if (own) {
      car = leader[i]!
      let carLane = lanes[car]!
      if (car === i || (carLane === lane && lanePosition[car]! < lanePosition[i]!)) return
      let back = lanePosition[car]! - carLength
      while (carLane !== lane && back < 0) {
        carLane = laneBefore(carLane)
        back += laneLength[carLane]!
      }
      if (carLane !== lane) return
      gap = back - lanePosition[i]!
    } else {
      const { rearCar, rearPosition } = this.#occupancy
      car = rearCar[lane]!
      if (car < 0 || car === i) return
      gap = start + rearPosition[lane]!
      if (gap < minGap && !isInternal(lane) && rearPosition[lane]! < 0) {
        const junction = laneLength[laneBefore(lane)]!
        if (rearPosition[lane]! + junction >= 0) {
          this.#lower(stop(driver, speed[i]!, start - positionEps - junction))
          return
        }
      }
    }
    if (!own) this.#adaptLeaveSpeed(at, follow(driver, this.#leaveSpeed[at]!, gap, speed[car]!))
    this.#lower(follow(driver, speed[i]!, gap, speed[car]!))
  }

  #lower(safe: number): void {
    this.#v = Math.min(this.#v, safe)
    this.#linkPass = Math.min(this.#linkPass, safe)
  }

  /** MSVehicle::checkLinkLeader and adaptToJunctionLeader. */
  #obeyFoes(i: number, lane: number, seen: number, k: number): void {
    if (!isInConflict(distanceToConflict(seen))) {
      const { insideCount, insideCar, insideBack } = this.#occupancy
      const { drivers, speed, standingSteps, lane: lanes } = this.#cars
      const base = i * maxLinks
      const row = lane === majorCrossing ? 1 : 0
      const first = row * speed.length
      for (let m = first; m < first + insideCount[row]!; m++) {
        const foe = insideCar[m]!
        const back = insideBack[m]!
        if (foe === i) continue
        const inTheWay = distanceToConflict(seen) > 0 && back + carLength > conflictStart
        if (this.#exits[first + foe] === 0 && isCrossing(lanes[foe]!) && !inTheWay) continue
        if (k === 0 && !inTheWay && !this.#yieldsTo(i, foe)) continue
        const safe = speedTowardsFoe(drivers[i]!, speed[i]!, seen, back, speed[foe]!)
        if (k > 0) this.#adaptLeaveSpeed(base + k - 1, safe)
        this.#lower(safe)
        if (k > 0) this.#v = Math.max(this.#v, this.#wait[base + k - 1]!)
        if (this.#v < haltingSpeed && standingSteps[foe]! > blockageSteps) this.#setRequest = false
      }
    }
    this.#linkWait = Math.min(this.#linkWait, this.#v)
  }

  #yieldsTo(i: number, foe: number): boolean {
    const { lane, speed, entryStep, rank } = this.#cars
    if (!isCrossing(lane[foe]!)) return true
    if (entryStep[i]! !== entryStep[foe]!) return entryStep[foe]! < entryStep[i]!
    if (speed[i]! !== speed[foe]!) return speed[i]! < speed[foe]!
    return rank[i]! < rank[foe]!
  }

  /** MSVehicle::checkRewindLinkLanes */
  #rewind(i: number, ownBrakeGap: number): void {
    const { rearCar, fronts, space, standing } = this.#occupancy
    const { waiting, leader, lane: lanes, lanePosition } = this.#cars
    const base = i * maxLinks
    const n = this.#count[i]!
    let lane = lanes[i]!
    let room = 0
    for (let car = leader[i]!; car !== i && lanes[car] === lane; car = leader[car]!) {
      if (lanePosition[car]! < lanePosition[i]!) break
      room -= lengthWithGap
    }
    let stopped = false
    for (let k = 0; k < n; k++) {
      this.#hadStopped[k] = 0
      this.#space[k] = room
      lane = laneAfter(lane)
      if (stopped) continue
      const car = rearCar[lane]!
      if (isCrossing(lane)) room -= lengthWithGap * fronts[lane]!
      else if (isInternal(lane)) {
        room += space[lane]!
        if (standing[lane] === 1) stopped = true
      } else if (car < 0 || car === i) room += laneLength[lane]!
      else {
        room += space[lane]!
        if (standing[lane] === 1 || waiting[car] === 1) {
          stopped = true
          this.#hadStopped[k] = 1
        }
      }
      this.#space[k] = room
    }
    // backwards: which links let one go on
    const firstLane = lanes[i]!
    for (let k = n - 2; k >= 0; k--) {
      const to = laneAt(firstLane, k + 1)
      const at = base + k
      const canLeave = !isInternal(to) || this.#request[at + 1] === 1
      const opened = canLeave && (to !== minorCrossing || k === 0 || this.#isOpen(i, at, this.#impatience(i)))
      if (!opened) stopped = true
      if (opened && this.#hadStopped[k] === 0) this.#space[k] = this.#space[k + 1]!
    }
    if (!stopped) return
    let from = -1
    for (let k = 0; k < n && from < 0; k++) {
      if (this.#space[k]! < lengthWithGap && isCrossing(laneAt(firstLane, k + 1))) from = k
    }
    if (from < 0 || (from === 0 && isInternal(firstLane))) return
    for (let k = from; k < n; k++) {
      const at = base + k
      this.#pass[at] = this.#wait[at]!
      const exit = isInternal(laneAt(firstLane, k))
      if (this.#seen[at]! >= ownBrakeGap + positionEps && (!exit || k === 0 || this.#request[at - 1] === 0)) this.#request[at] = 0
    }
  }

  #impatience(i: number): number {
    return Math.min(1, this.#cars.standingSteps[i]! / timeToImpatienceSteps)
  }

  #isOpen(i: number, at: number, impatience: number): boolean {
    return this.#rightOfWay.opened(
      i,
      this.#arrivalTime[at]!,
      this.#arrivalSpeed[at]!,
      this.#leaveSpeed[at]!,
      impatience,
      this.#now,
    )
  }

  /** MSVehicle::setApproachingForAllLinks of all cars. */
  register(): void {
    this.#rightOfWay.clear()
    this.#exits.fill(0)
    const cars = this.#cars.lane.length
    for (let i = 0; i < cars; i++) {
      let lane = this.#cars.lane[i]!
      let entered = false
      const seenExit = [false, false]
      for (let k = 0; k < this.#count[i]!; k++) {
        const at = i * maxLinks + k
        if (isCrossing(lane)) {
          const row = lane === majorCrossing ? 0 : 1
          if (!seenExit[row]) this.#exits[row * cars + i] = this.#request[at]!
          seenExit[row] = true
        }
        lane = laneAfter(lane)
        if (lane === majorCrossing && !entered) {
          entered = true
          if (this.#request[at] === 1)
            this.#rightOfWay.register(i, this.#arrivalTime[at]!, this.#arrivalSpeed[at]!, this.#leaveSpeed[at]!, this.#seen[at]!)
        }
      }
    }
  }

  /** MSVehicle::processLinkApproaches: the safe speed; sets safeMin[i]. */
  decide(i: number): number {
    const cars = this.#cars
    const driver = cars.drivers[i]!
    const speed = cars.speed[i]!
    const ownBrakeGap = brakeGap(driver, speed)
    const maxSpeed = Math.min(speed + driver.accel * stepLength, driver.maxSpeed)
    const n = this.#count[i]!
    const base = i * maxLinks
    let lane = cars.lane[i]!
    let safe = Number.POSITIVE_INFINITY
    let safeMin = Number.NEGATIVE_INFINITY
    let safeMinDistance = 0
    let canBrakeSafeMin = false
    let waiting = false
    this.blocked[i] = 0
    for (let k = 0; k < n; k++) {
      const at = base + k
      const own = lane
      lane = laneAfter(lane)
      const pass = this.#pass[at]!
      const wait = this.#wait[at]!
      if (this.#request[at] === 0) {
        if (k === 0 && isCrossing(own)) this.blocked[i] = 1
        safe = wait
        if (safe < speed || safe < haltingSpeed) waiting = true
        break
      }
      const seen = this.#seen[at]!
      const canBrake = seen > ownBrakeGap || speed < driver.decel * stepLength
      const opened = lane !== minorCrossing || this.#isOpen(i, at, canBrake ? this.#impatience(i) : 1)
      if (opened && lane === minorCrossing) {
        if (seen > foeVisibility) {
          safe = wait
          waiting = true
          break
        }
        safeMinDistance = seen
        safeMin = Math.min((seen + positionEps) / stepLength, pass, maxSpeed)
        canBrakeSafeMin = canBrake
      }
      if (opened) {
        safe = pass
        if (safe < driver.decel && safe <= wait && safe < maxSpeed) waiting = true
      } else if (!canBrake && seen < emergencyBrakeGap(speed)) {
        safe = pass
      } else {
        safe = wait
        waiting = true
        break
      }
    }
    if (safe + numericalEps < safeMin) {
      if (canBrakeSafeMin && safe < speed) {
        safe = Math.min(safe, Math.max(lowestSpeed(driver, speed), stop(driver, speed, safeMinDistance)))
        safeMin = 0
        waiting = true
      } else safeMin = safe
    }
    this.safeMin[i] = safeMin
    this.nextWaiting[i] = waiting ? 1 : 0
    return safe
  }
}

function laneAt(lane: number, links: number): number {
  let at = lane
  for (let k = 0; k < links; k++) at = laneAfter(at)
  return at
}

/** MSCFModel_IDM::minNextSpeed */
export function lowestSpeed(driver: Driver, v: number): number {
  return Math.max(0, v - stepLength * Math.max(driver.decel, Math.min(driver.accel, 1.5)))
}

/** MSCFModel::estimateSpeedAfterDistance */
function speedAfter(driver: Driver, distance: number, v: number): number {
  return Math.min(driver.maxSpeed, Math.sqrt(Math.max(0, 2 * distance * driver.accel + v * v)))
}

/** MSCFModel::getMinimalArrivalTime, s */
function arrivalTime(driver: Driver, distance: number, v: number, arrivalSpeed: number): number {
  if (distance <= 0) return 0
  const accel = arrivalSpeed >= v ? driver.accel : -driver.decel
  const accelTime = (arrivalSpeed - v) / accel
  const accelWay = accelTime * (arrivalSpeed + v) * 0.5
  if (distance >= accelWay) return accelTime + (distance - accelWay) / Math.max(v, arrivalSpeed, haltingSpeed)
  return -(v - Math.sqrt(v * v + 2 * accel * distance)) / accel
}

function emergencyBrakeGap(v: number): number {
  const reduction = emergencyDecel * stepLength
  const steps = Math.floor(v / reduction)
  return stepLength * (steps * v - (reduction * steps * (steps + 1)) / 2)
}

/** MSCFModel::maximumSafeStopSpeedEuler without reaction time. */
function maximumSafeStop(driver: Driver, distance: number): number {
  const g = distance - numericalEps
  if (g < 0) return 0
  const b = driver.decel * stepLength
  const s = stepLength
  const t = 0
  const n = Math.floor(0.5 - (t - Math.sqrt(s * s + 4 * (s * ((2 * g) / b - t) + t * t)) / 2) / s)
  const h = 0.5 * n * (n - 1) * b * s + n * b * t
  return n * b + (g - h) / (n * s + t)
}
