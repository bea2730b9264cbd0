import { conflictEnd, haltingSpeed } from './crossing.ts'
import { carLength, type Driver, minGap } from './idm.ts'
import { isCrossing, laneBefore, laneCount, laneLength, majorCrossing } from './road.ts'

/** Length of a car with the gap it keeps at rest, m. */
export const lengthWithGap: number = carLength + minGap

/** Entry step of a car that was blocked in the crossing and lets later ones go first (SUMOTime_MAX in SUMO). */
export const yieldedEntry = 0x7fffffff

/** The state of all cars between two steps, one entry per car. */
export interface CarState {
  readonly drivers: readonly Driver[]
  /** Rank of the id as a string: the last tie-break at the crossing. */
  readonly rank: Int32Array
  readonly lane: Int32Array
  /** Front bumper from the start of the lane, m. */
  readonly lanePosition: Float64Array
  readonly speed: Float64Array
  /** Index of the car ahead on the loop. */
  readonly leader: Int32Array
  /** Step in which the car entered its last crossing lane; `yieldedEntry` once it was blocked there. */
  readonly entryStep: Int32Array
  /** Steps since the car last moved or pulled off (getWaitingTime). */
  readonly standingSteps: Int32Array
  /** 1 where the car expects not to cross the next junction at once (myHaveToWaitOnNextLink). */
  readonly waiting: Uint8Array
}

/** Which cars cover which lane; derived from the state of the cars by `update`. */
export class Occupancy {
  /** Per lane: the car whose rear is nearest to the lane's start, or −1 (MSLane::getLastVehicleInformation). */
  readonly rearCar = new Int32Array(laneCount)
  /** Position of that rear on the lane, m; negative while it is still on a lane before. */
  readonly rearPosition = new Float64Array(laneCount)
  /** Per lane: number of cars whose front is on it. */
  readonly fronts = new Int32Array(laneCount)
  /** Per lane: room from its start up to the first standing car, less the cars in between, m (MSLane::getSpaceTillLastStanding). */
  readonly space = new Float64Array(laneCount)
  /** Per lane: 1 where a car stands. */
  readonly standing = new Uint8Array(laneCount)
  /** Cars with a part on the major (row 0) and the minor (row 1) crossing lane whose rears have not passed the conflict. */
  readonly insideCount = new Int32Array(2)
  /** Their indices: row r is at r · cars. */
  readonly insideCar: Int32Array
  /** Positions of their rears on their crossing lane, m. */
  readonly insideBack: Float64Array

  constructor(cars: number) {
    this.insideCar = new Int32Array(2 * cars)
    this.insideBack = new Float64Array(2 * cars)
  }

  /** Reads lanes, positions, speeds and leaders. */
  update(cars: CarState): void {
    this.rearCar.fill(-1)
    this.fronts.fill(0)
    this.insideCount.fill(0)
    for (let i = 0; i < cars.lane.length; i++) this.#occupy(i, cars.lane[i]!, cars.lanePosition[i]! - carLength)
    for (let lane = 0; lane < laneCount; lane++) this.#measureSpace(lane, cars)
  }

  /** Enters car i on every lane that it covers, its front on `lane`. */
  #occupy(i: number, frontLane: number, frontBack: number): void {
    this.fronts[frontLane] = this.fronts[frontLane]! + 1
    let lane = frontLane
    let back = frontBack
    for (;;) {
      if (this.rearCar[lane]! < 0 || back < this.rearPosition[lane]!) {
        this.rearCar[lane] = i
        this.rearPosition[lane] = back
      }
      if (isCrossing(lane) && back <= conflictEnd) {
        const row = lane === majorCrossing ? 0 : 1
        const k = row * (this.insideCar.length / 2) + this.insideCount[row]!
        this.insideCar[k] = i
        this.insideBack[k] = back
        this.insideCount[row] = this.insideCount[row]! + 1
      }
      if (back >= 0) return
      lane = laneBefore(lane)
      back += laneLength[lane]!
    }
  }

  /** From the rearmost front of the lane forwards. */
  #measureSpace(lane: number, cars: CarState): void {
    let space = laneLength[lane]!
    let standing = 0
    let lengths = 0
    let car = this.rearCar[lane]!
    for (let left = this.fronts[lane]!; left > 0 && cars.lane[car]! === lane; left--) {
      const v = cars.speed[car]!
      if (v < haltingSpeed) {
        standing = 1
        // Its own brake gap is added: below 0.1 m/s that is one second of driving.
        space = cars.lanePosition[car]! - carLength + v
        break
      }
      lengths += lengthWithGap
      car = cars.leader[car]!
    }
    this.space[lane] = space - lengths
    this.standing[lane] = standing
  }
}
