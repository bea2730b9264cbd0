import { positionEps } from './crossing.ts'
import { carLength, minGap } from './idm.ts'
import type { RoadNetwork } from './network.ts'
import type { CarState, Occupancy } from './occupancy.ts'

/** The car that one follows on a lane. `findOwn` and `find` set the fields. */
export class Leaders {
  /** Index of the car ahead. */
  car = -1
  /** Bumper to bumper, m. */
  gap = 0
  /** m to where one stops instead of following; infinite where one follows. */
  stopLine: number = Number.POSITIVE_INFINITY
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #occupancy: Occupancy

  constructor(network: RoadNetwork, cars: CarState, occupancy: Occupancy) {
    this.#network = network
    this.#cars = cars
    this.#occupancy = occupancy
  }

  /** Whether any of a car ahead is on the lane of car i. */
  findOwn(i: number): boolean {
    const { lane: lanes, lanePosition } = this.#cars
    const { order, leavingCar, leavingPosition } = this.#occupancy
    const lane = lanes[i]!
    const slot = order.slot[i]! + 1
    if (slot < order.begin[lane + 1]!) {
      this.car = order.cars[slot]!
      this.gap = lanePosition[this.car]! - carLength - lanePosition[i]!
      return true
    }
    this.car = leavingCar[lane]!
    if (this.car < 0 || this.car === i) return false
    this.gap = leavingPosition[lane]! - lanePosition[i]!
    return true
  }

  /**
   * Whether there is a car on a further lane that starts `seen` m ahead: the rearmost one, even where a nearer one was
   * already obeyed (MSLane::getLastVehicleInformation).
   */
  find(i: number, lane: number, seen: number): boolean {
    const { rearCar, rearPosition } = this.#occupancy
    this.car = rearCar[lane]!
    if (this.car < 0 || this.car === i) return false
    this.gap = seen + rearPosition[lane]!
    this.stopLine =
      this.gap < minGap && rearPosition[lane]! < 0 && this.#network.internal[lane] === 0
        ? this.#lineBefore(i, lane, seen)
        : Number.POSITIVE_INFINITY
    return true
  }

  /**
   * Where a car stops that is closer than minGap to one with its rear still in the junction or on another road: before the
   * junction, even within it, m ahead; infinite where the rear is on the own road (backOnRoute in MSVehicle::adaptToLeader).
   */
  #lineBefore(i: number, lane: number, seen: number): number {
    const { before, laneCount, laneLength } = this.#network
    const { route } = this.#cars
    const { car } = this
    const junction = before[route[i]! * laneCount + lane]!
    const line = seen - positionEps - laneLength[junction]!
    if (route[car] !== route[i] && before[route[car]! * laneCount + lane] !== junction) return line
    return this.#occupancy.rearPosition[lane]! + laneLength[junction]! >= 0 ? line : Number.POSITIVE_INFINITY
  }
}
