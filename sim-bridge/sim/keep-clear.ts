import { positionEps } from './crossing.ts'
import type { LinkPlans } from './link-plans.ts'
import type { RoadNetwork } from './network.ts'
import { type CarState, lengthWithGap, type Occupancy } from './occupancy.ts'

/** Takes back the requests of cars that would not find room behind a junction (MSVehicle::checkRewindLinkLanes). */
export class KeepClear {
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #occupancy: Occupancy
  readonly #plans: LinkPlans
  /** Per link of the car looked at: room up to the first car that stands or waits, m … */
  readonly #room: Float64Array
  /** … and 1 where such a car is on the lane behind it. */
  readonly #blocked: Uint8Array

  constructor(network: RoadNetwork, cars: CarState, occupancy: Occupancy, plans: LinkPlans) {
    this.#network = network
    this.#cars = cars
    this.#occupancy = occupancy
    this.#plans = plans
    this.#room = new Float64Array(plans.size)
    this.#blocked = new Uint8Array(plans.size)
  }

  /** Changes the plan of car i. `opened`: whether it may pass a link of its plan. */
  rewind(i: number, ownBrakeGap: number, opened: (i: number, at: number) => boolean): void {
    const { internal, keepClear } = this.#network
    const plans = this.#plans
    const room = this.#room
    const first = i * plans.size
    const count = plans.count[i]!
    let stands = this.#measureRoom(i, first, count)
    for (let k = count - 2; k >= 0; k--) {
      const at = first + k
      const canLeave = internal[plans.lane[at]!] === 0 || plans.request[at + 1] === 1
      if (!(canLeave && (k === 0 || opened(i, at)))) stands = true
      else if (this.#blocked[k] === 0) room[k] = room[k + 1]!
    }
    if (!stands) return
    let k = 0
    while (k < count && !(room[k]! < lengthWithGap && keepClear[plans.lane[first + k]!] === 1)) k++
    if (k === 0 && internal[this.#cars.lane[i]!] === 1) return
    for (; k < count; k++) {
      const at = first + k
      plans.pass[at] = plans.wait[at]!
      const leaves = k > 0 && internal[plans.lane[at - 1]!] === 1
      if (plans.seen[at]! < ownBrakeGap + positionEps) continue
      // A junction that was requested is also left.
      if (!leaves || plans.request[at - 1] === 0) plans.request[at] = 0
    }
  }

  /** Fills `#room` and `#blocked`; whether any car ahead stands or waits. */
  #measureRoom(i: number, first: number, count: number): boolean {
    const { internal, keepClear, laneLength } = this.#network
    const { order, rearCar, space, standing } = this.#occupancy
    const { waiting, lane: lanes } = this.#cars
    let room = -lengthWithGap * (order.begin[lanes[i]! + 1]! - order.slot[i]! - 1)
    let stands = false
    for (let k = 0; k < count; k++) {
      const lane = this.#plans.lane[first + k]!
      const car = rearCar[lane]!
      this.#blocked[k] = 0
      if (!stands) {
        if (keepClear[lane] === 1) room -= lengthWithGap * (order.begin[lane + 1]! - order.begin[lane]!)
        else if (internal[lane] === 0 && (car < 0 || car === i)) room += laneLength[lane]!
        else {
          room += space[lane]!
          if (standing[lane] === 1 || (internal[lane] === 0 && waiting[car] === 1)) {
            stands = true
            if (internal[lane] === 0) this.#blocked[k] = 1
          }
        }
      }
      this.#room[k] = room
    }
    return stands
  }
}
