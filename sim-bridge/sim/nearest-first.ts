import { haltingSpeed, positionEps } from './crossing.ts'
import { brakeGap, stepLength } from './idm.ts'
import { type RoadNetwork, split } from './network.ts'
import type { CarState } from './occupancy.ts'

/** Steps that a car stands before its turn is taken from it or given to it: 5 s, SUMO's JUNCTION_BLOCKAGE_TIME. */
const patienceSteps = 50

/**
 * A junction in which neither road has priority: of the cars that approach, the one nearest to the shared part goes first,
 * at the same distance the one with the smaller id as a string. Cars inside are no matter of this rule.
 *
 * Who can no longer stop keeps its turn, so that two never have it. So that nobody waits for ever, who stands for 5 s without
 * using its turn, for lack of room behind the junction or because it is told to, loses it until the other road has had its
 * own; and who stands first in line for 5 s without a turn goes next.
 */
export class NearestFirst {
  /** 1 for cars that may enter the junction that they approach. */
  readonly mayEnter: Uint8Array
  readonly #network: RoadNetwork
  readonly #cars: CarState
  /** Per route and lane: the junction lane that is entered next, or −1, and the distance to it from the lane's start, m. */
  readonly #nextEntry: Int32Array
  readonly #toEntry: Float64Array
  /** Per car: the junction lane that it approaches, and the distance to the shared part, m. */
  readonly #entry: Int32Array
  readonly #distance: Float64Array
  /** 1 for cars that have their turn and can no longer stop. */
  readonly #committed: Uint8Array
  /** Steps for which a car has stood with its turn; `patienceSteps` once it has lost it. */
  readonly #idle: Int32Array
  /** Steps for which a car has stood first in line without its turn. */
  readonly #patience: Int32Array
  /** Per junction lane: the first car that approaches it, or −1, and the number of committed ones. */
  readonly #first: Int32Array
  readonly #commits: Int32Array

  constructor(network: RoadNetwork, cars: CarState) {
    const count = cars.lane.length
    this.#network = network
    this.#cars = cars
    this.mayEnter = new Uint8Array(count)
    this.#nextEntry = new Int32Array(network.after.length).fill(-1)
    this.#toEntry = new Float64Array(network.after.length)
    this.#entry = new Int32Array(count).fill(-1)
    this.#distance = new Float64Array(count)
    this.#committed = new Uint8Array(count)
    this.#idle = new Int32Array(count)
    this.#patience = new Int32Array(count)
    this.#first = new Int32Array(network.laneCount)
    this.#commits = new Int32Array(network.laneCount)
    for (let at = 0; at < network.after.length; at++) this.#measureWay(at)
  }

  /** Back to the start: nobody has its turn. */
  reset(): void {
    this.#entry.fill(-1)
    this.#committed.fill(0)
    this.#idle.fill(0)
    this.#patience.fill(0)
  }

  /** Fills `mayEnter` for the state of the cars. */
  update(): void {
    const { speed } = this.#cars
    const count = this.mayEnter.length
    this.#locate()
    for (let i = 0; i < count; i++) {
      const entry = this.#entry[i]!
      if (this.#committed[i] === 1 && this.#canStop(i)) this.#committed[i] = 0
      if (this.#committed[i] === 1) this.#commits[entry] = this.#commits[entry]! + 1
    }
    for (let entry = 0; entry < this.#first.length; entry++) if (this.#first[entry]! >= 0) this.#commit(entry)
    for (let i = 0; i < count; i++) {
      const entry = this.#entry[i]!
      const turn = entry < 0 || this.#committed[i] === 1 || (this.#isNext(i) && this.#canStop(i))
      this.mayEnter[i] = turn ? 1 : 0
      this.#countStanding(i, speed[i]! < haltingSpeed && this.#first[entry] === i, turn)
    }
  }

  #countStanding(i: number, stands: boolean, turn: boolean): void {
    if (this.#idle[i]! < patienceSteps || !stands) this.#idle[i] = stands && turn ? this.#idle[i]! + 1 : 0
    if (!stands || this.#idle[i] === patienceSteps) this.#patience[i] = 0
    else if (!turn) this.#patience[i] = this.#patience[i]! + 1
  }

  /** Where each car is before its junction, and who is first. */
  #locate(): void {
    const { laneCount, conflictStart, foeLane } = this.#network
    const { route, lane, lanePosition } = this.#cars
    this.#first.fill(-1)
    this.#commits.fill(0)
    for (let i = 0; i < lane.length; i++) {
      const at = route[i]! * laneCount + lane[i]!
      const entry = this.#nextEntry[at]!
      if (entry < 0) continue
      const distance = this.#toEntry[at]! - lanePosition[i]! + conflictStart[entry]!
      if (this.#entry[i]! >= 0 && distance > this.#distance[i]!) {
        // It has entered its junction and now approaches the next.
        this.#committed[i] = 0
        this.#renewTurns(foeLane[this.#entry[i]!]!)
      }
      this.#entry[i] = entry
      this.#distance[i] = distance
      const first = this.#first[entry]!
      if (first < 0 || this.#distance[i]! < this.#distance[first]!) this.#first[entry] = i
    }
  }

  /** The other road has had its turn. */
  #renewTurns(entry: number): void {
    for (let i = 0; i < this.#entry.length; i++) if (this.#entry[i] === entry) this.#idle[i] = 0
  }

  /** Commits those on one road that have their turn and could not stop one step later, front to back. */
  #commit(entry: number): void {
    for (;;) {
      let next = -1
      for (let i = 0; i < this.#entry.length; i++) {
        if (this.#entry[i] !== entry || this.#committed[i] === 1) continue
        if (next < 0 || this.#distance[i]! < this.#distance[next]!) next = i
      }
      if (next < 0 || this.#canStop(next) || !this.#isNext(next)) return
      this.#committed[next] = 1
      this.#commits[entry] = this.#commits[entry]! + 1
    }
  }

  /** Whether car i, after one more step, could still stop before the line at its own decel. */
  #canStop(i: number): boolean {
    const { drivers, speed } = this.#cars
    const driver = drivers[i]!
    if (speed[i]! < haltingSpeed) return true
    const line = this.#distance[i]! - this.#network.conflictStart[this.#entry[i]!]!
    const v = Math.min(speed[i]! + driver.accel * stepLength, driver.maxSpeed)
    return line - positionEps - v * stepLength >= brakeGap(driver, v)
  }

  /** Whether car i goes before all cars of the other road. */
  #isNext(i: number): boolean {
    const foeEntry = this.#network.foeLane[this.#entry[i]!]!
    const foe = this.#first[foeEntry]!
    return foe < 0 || (this.#commits[foeEntry] === 0 && this.#precedes(i, foe))
  }

  #precedes(i: number, foe: number): boolean {
    const { rank } = this.#cars
    const lost = this.#idle[i]! >= patienceSteps
    if (lost !== this.#idle[foe]! >= patienceSteps) return !lost
    const next = this.#patience[i]! >= patienceSteps
    if (next !== this.#patience[foe]! >= patienceSteps) return next
    if (this.#distance[i]! !== this.#distance[foe]!) return this.#distance[i]! < this.#distance[foe]!
    return rank[i]! < rank[foe]!
  }

  #measureWay(at: number): void {
    const { after, laneCount, laneLength, conflict } = this.#network
    const row = at - (at % laneCount)
    let lane = at - row
    if (after[at]! < 0) return
    for (let k = 0; k < laneCount; k++) {
      this.#toEntry[at] = this.#toEntry[at]! + laneLength[lane]!
      lane = after[row + lane]!
      if (conflict[lane] === 0 || conflict[lane] === split) continue
      this.#nextEntry[at] = lane
      return
    }
  }
}
