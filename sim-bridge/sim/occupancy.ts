import { haltingSpeed } from './crossing.ts'
import { carLength, type Driver, minGap } from './idm.ts'
import { LaneOrder, type Places } from './lane-order.ts'
import type { RoadNetwork } from './network.ts'

/** Length of a car with the gap it keeps at rest, m. */
export const lengthWithGap: number = carLength + minGap

/** Entry step of a car that was blocked in a junction and lets later ones go first (SUMOTime_MAX in SUMO). */
export const yieldedEntry = 0x7fffffff

/** The state of all cars between two steps, one entry per car. */
export interface CarState extends Places {
  readonly drivers: readonly Driver[]
  /** Rank of the id as a string: the last tie-break in a junction. */
  readonly rank: Int32Array
  readonly speed: Float64Array
  /** Step in which the car entered its last lane with a conflict; `yieldedEntry` once it was blocked there. */
  readonly entryStep: Int32Array
  /** Steps since the car last moved or pulled off (getWaitingTime). */
  readonly standingSteps: Int32Array
  /** 1 where the car expects not to cross the next junction at once (myHaveToWaitOnNextLink). */
  readonly waiting: Uint8Array
  /** 1 where the car does not ask to leave the junction that it is in (willPass of its exit link is false). */
  readonly blocked: Uint8Array
}

/** Which cars cover which lane; derived from the places of the cars by `update`. */
export class Occupancy {
  readonly order: LaneOrder
  /** Per lane: the car whose rear is nearest to the lane's start, or −1 (MSLane::getLastVehicleInformation). */
  readonly rearCar: Int32Array
  /** Position of that rear on the lane, m; negative while it is still on a lane before. */
  readonly rearPosition: Float64Array
  /** Per lane: the same among the cars whose front has left the lane, or −1 (MSLane's partial vehicles). */
  readonly leavingCar: Int32Array
  readonly leavingPosition: Float64Array
  /** Per lane: room from its start up to the first standing car, less the cars in between, m (MSLane::getSpaceTillLastStanding). */
  readonly space: Float64Array
  /** Per lane: 1 where a car stands. */
  readonly standing: Uint8Array
  /** Per lane with a conflict: number of cars with a part on it whose rears have not passed the conflict. */
  readonly insideCount: Int32Array
  /** Their indices in ascending order: those of lane l are from `insideBegin[l]` on. */
  readonly insideCar: Int32Array
  /** Positions of their rears on the lane, m. */
  readonly insideBack: Float64Array
  readonly insideBegin: Int32Array
  readonly #network: RoadNetwork

  constructor(network: RoadNetwork, cars: number) {
    const lanes = network.laneCount
    this.#network = network
    this.order = new LaneOrder(cars, lanes)
    this.rearCar = new Int32Array(lanes)
    this.rearPosition = new Float64Array(lanes)
    this.leavingCar = new Int32Array(lanes)
    this.leavingPosition = new Float64Array(lanes)
    this.space = new Float64Array(lanes)
    this.standing = new Uint8Array(lanes)
    this.insideCount = new Int32Array(lanes)
    this.insideBegin = new Int32Array(lanes)
    let rows = 0
    for (let lane = 0; lane < lanes; lane++) {
      this.insideBegin[lane] = rows * cars
      if (network.conflict[lane] !== 0) rows++
    }
    this.insideCar = new Int32Array(rows * cars)
    this.insideBack = new Float64Array(rows * cars)
  }

  /** Reads routes, lanes, positions and speeds. */
  update(places: Places, speed: Float64Array): void {
    const { laneCount, conflict } = this.#network
    const { lane: lanes, lanePosition } = places
    const { cars, begin } = this.order
    this.order.update(places)
    this.leavingCar.fill(-1)
    this.insideCount.fill(0)
    for (let lane = 0; lane < laneCount; lane++) {
      const first = begin[lane]!
      const end = begin[lane + 1]!
      this.rearCar[lane] = first < end ? cars[first]! : -1
      if (first < end) this.rearPosition[lane] = lanePosition[cars[first]!]! - carLength
      if (conflict[lane] === 0) continue
      for (let k = first; k < end; k++) this.#enter(lane, cars[k]!, lanePosition[cars[k]!]! - carLength)
    }
    for (let lane = 0; lane < laneCount; lane++) {
      const end = begin[lane + 1]!
      for (let k = begin[lane]!; k < end && lanePosition[cars[k]!]! < carLength; k++) {
        this.#leave(
          cars[k]!,
          places.route[cars[k]!]! * laneCount,
          lanes[cars[k]!]!,
          lanePosition[cars[k]!]! - carLength,
        )
      }
      this.#measureSpace(lane, lanePosition, speed)
    }
  }

  /** Enters a car on the lanes that it covers behind `frontLane`, on which its rear is at `frontBack` < 0. */
  #leave(car: number, row: number, frontLane: number, frontBack: number): void {
    const { before, laneLength, conflict } = this.#network
    let lane = frontLane
    let back = frontBack
    do {
      lane = before[row + lane]!
      back += laneLength[lane]!
      if (this.leavingCar[lane]! < 0 || back < this.leavingPosition[lane]!) {
        this.leavingCar[lane] = car
        this.leavingPosition[lane] = back
      }
      if (this.rearCar[lane]! < 0 || back < this.rearPosition[lane]!) {
        this.rearCar[lane] = car
        this.rearPosition[lane] = back
      }
      if (conflict[lane] !== 0) this.#enter(lane, car, back)
    } while (back < 0)
  }

  /** Enters a car that covers a lane with a conflict. */
  #enter(lane: number, car: number, back: number): void {
    if (back > this.#network.conflictPast[lane]!) return
    const first = this.insideBegin[lane]!
    let k = first + this.insideCount[lane]!
    for (; k > first && this.insideCar[k - 1]! > car; k--) {
      this.insideCar[k] = this.insideCar[k - 1]!
      this.insideBack[k] = this.insideBack[k - 1]!
    }
    this.insideCar[k] = car
    this.insideBack[k] = back
    this.insideCount[lane] = this.insideCount[lane]! + 1
  }

  /** From the rearmost front of the lane forwards. */
  #measureSpace(lane: number, lanePosition: Float64Array, speed: Float64Array): void {
    const { cars, begin } = this.order
    const end = begin[lane + 1]!
    let space = this.#network.laneLength[lane]!
    let standing = 0
    let k = begin[lane]!
    for (; k < end; k++) {
      const v = speed[cars[k]!]!
      if (v >= haltingSpeed) continue
      standing = 1
      // Its own brake gap is added: below 0.1 m/s that is one second of driving.
      space = lanePosition[cars[k]!]! - carLength + v
      break
    }
    this.space[lane] = space - lengthWithGap * (k - begin[lane]!)
    this.standing[lane] = standing
  }
}
