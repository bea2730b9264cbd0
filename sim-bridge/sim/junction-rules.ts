import { haltingSpeed, positionEps, speedBehindFoe, speedUpToCrossing } from './crossing.ts'
import { carLength, minGap } from './idm.ts'
import { crossing, merge, type RoadNetwork, split } from './network.ts'
import type { CarState, Occupancy } from './occupancy.ts'

/** MSVehicle's JUNCTION_BLOCKAGE_TIME of 5 s. */
const blockageSteps = 50

/** Who gives way to whom inside a junction (MSVehicle::checkLinkLeader); cars that only approach it do not count. */
export class JunctionRules {
  /** After `safeSpeed`: the car no longer asks to leave the junction, for a foe stands in its way. */
  exitRefused = false
  /** Nor does it ask to enter: the foe came from its own lane. */
  entryRefused = false
  /** The lowest speed that any foe asks for, m/s, before `wait` raised it; infinite without foes. */
  foeSpeed: number = Number.POSITIVE_INFINITY
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  readonly #nearestFirst: boolean

  /** `nearestFirst`: in a crossing the car that is furthest in goes first, instead of the one that entered first. */
  constructor(network: RoadNetwork, cars: CarState, occupancy: Occupancy, nearestFirst = false) {
    this.#nearestFirst = nearestFirst
    this.#network = network
    this.#cars = cars
    this.#occupancy = occupancy
  }

  /** Whether any car on the other lane of the conflict on `lane` is to be obeyed. */
  hasFoes(lane: number): boolean {
    return this.#occupancy.insideCount[this.#network.foeLane[lane]!]! > 0
  }

  /**
   * `safe` lowered for the cars on the other lane of the conflict on `lane`, which ends `seen` m ahead.
   * `wait`: the speed of car i for stopping before the junction instead, or 0.
   */
  safeSpeed(i: number, lane: number, seen: number, safe: number, wait: number): number {
    const { conflict, foeLane, behindConflict, conflictStart, conflictEnd, laneLength } = this.#network
    const { insideBegin, insideCount, insideCar, insideBack } = this.#occupancy
    const { drivers, speed } = this.#cars
    this.exitRefused = false
    this.entryRefused = false
    this.foeSpeed = Number.POSITIVE_INFINITY
    const other = foeLane[lane]!
    const count = insideCount[other]!
    if (count === 0) return safe
    const kind = conflict[lane]!
    const distance = seen - behindConflict[lane]!
    // Also where the car sees its own junction once more, around a short loop (MSVehicle::isLeader).
    const own = this.#cars.lane[i] === lane
    const furthestFirst = this.#nearestFirst && kind === crossing
    // Inside the conflict a car yields to nobody, unless the roads merge (MSLink::getLeaderInfo).
    if (kind === crossing ? distance < -positionEps && !furthestFirst : kind === split && distance < 0) return safe
    const first = insideBegin[other]!
    const line = seen - laneLength[lane]!
    const driver = drivers[i]!
    const v = speed[i]!
    let result = safe
    for (let k = first; k < first + count; k++) {
      const foe = insideCar[k]!
      const back = insideBack[k]!
      if (foe === i) continue
      if (kind === merge) {
        const inTheWay = isInTheWay(distance, conflictStart[other]! - back)
        if (!inTheWay && (distance < -positionEps || this.#willNotPass(foe, other))) continue
        if (own && !inTheWay && !this.#isLeader(i, foe, other)) continue
      } else if (furthestFirst) {
        if (own && !this.#isFurther(foe, back + carLength - conflictStart[other]!, i, -distance)) continue
      } else {
        // A foe that does not ask to leave the junction and is not in the way has given way, unless it comes from the own
        // lane (cannotIgnore in MSLink::getLeaderInfo).
        const inTheWay = distance > 0 && back + carLength > conflictStart[other]!
        if (kind === crossing && !inTheWay && this.#willNotPass(foe, other)) continue
        if (own && !inTheWay && !this.#isLeader(i, foe, other)) continue
      }
      // The foe is followed as if the two lanes lay on each other, its zone's end at the start of the own.
      const gap = distance - minGap + back - conflictEnd[other]!
      let behind = speedBehindFoe(driver, v, gap, line, speed[foe]!)
      if (kind === crossing) behind = speedUpToCrossing(driver, v, distance, gap, speed[foe]!, behind)
      if (behind < this.foeSpeed) this.foeSpeed = behind
      // From before the line never brake harder than for stopping at it.
      result = Math.max(wait, Math.min(result, behind))
      if (result < haltingSpeed) this.#refuse(i, foe, kind)
    }
    return result
  }

  /**
   * A car that crawls behind a foe gives up its request (the end of MSVehicle::checkLinkLeader). That the two came from one
   * lane counts where roads split, and inside a merge; at a crossing it made no difference to any reference run.
   */
  #refuse(i: number, foe: number, kind: number): void {
    const { predecessor } = this.#network
    const { lane, standingSteps } = this.#cars
    const origin = predecessor[lane[foe]!]!
    if (kind === split && origin === lane[i]) {
      this.exitRefused = true
      this.entryRefused = true
    } else if (kind !== crossing && origin !== lane[i] && origin === predecessor[lane[i]!]) this.exitRefused = true
    else if (standingSteps[foe]! > blockageSteps) this.exitRefused = true
  }

  /** A foe that still is in the junction and does not ask to leave it. */
  #willNotPass(foe: number, foeLane: number): boolean {
    return this.#cars.lane[foe] === foeLane && this.#cars.blocked[foe] === 1
  }

  /** Whether car i, in the junction, follows a foe that has entered it from another lane (MSVehicle::isLeader). */
  #isLeader(i: number, foe: number, foeLane: number): boolean {
    const { lane, speed, entryStep, rank } = this.#cars
    if (lane[foe] !== foeLane) return true
    if (entryStep[i]! !== entryStep[foe]!) return entryStep[foe]! < entryStep[i]!
    if (speed[i]! !== speed[foe]!) return speed[i]! < speed[foe]!
    return rank[i]! < rank[foe]!
  }

  /** Whether a foe, its front `foeWay` m behind the start of the crossing's conflict, is further in than car i. */
  #isFurther(foe: number, foeWay: number, i: number, way: number): boolean {
    const { rank } = this.#cars
    return foeWay !== way ? foeWay > way : rank[foe]! < rank[i]!
  }
}

/**
 * Whether the front of a foe is in the part that two merging lanes share, and ahead of the own front. `distance`, `foeBack`:
 * m from the own front and from the foe's rear to the start of that part (inTheWay in MSLink::getLeaderInfo).
 */
function isInTheWay(distance: number, foeBack: number): boolean {
  if (foeBack >= carLength) return false
  return (foeBack >= 0 && distance > 0) || distance > foeBack - carLength
}
