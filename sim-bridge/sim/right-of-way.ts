import { leaveTime, milliseconds, stepMs } from './arrival.ts'
import type { LinkPlans } from './link-plans.ts'
import { merge, type RoadNetwork } from './network.ts'
import type { CarState } from './occupancy.ts'

/** Time that a car on the minor road keeps before a foe, ms (jmTimegapMinor, by default MSLink::myLookaheadTime). */
const timeGapMs = 1000
/** What a foe is taken to lose by braking if it could even stop, ms (MSLink::computeFoeArrivalTimeBraking). */
const stoppingMs = 30_000
/** Steps of waiting after which a car's impatience is 1 (SUMO's `--time-to-impatience` of 180 s). */
const impatientSteps = 1800

/** Values of `#state`: not registered, registered without or with the intent to pass. */
const unknown = 0
const refraining = 1
const passing = 2

/**
 * Who may enter a junction from the minor road: the approaches of all cars on the major road as they registered them, and
 * the test of arrival times against them (MSLink::setApproaching, opened, blockedAtTime, blockedByFoe).
 */
export class RightOfWay {
  readonly #network: RoadNetwork
  readonly #cars: CarState
  readonly #plans: LinkPlans
  /** Per lane: where the approaches to it start in the arrays below, or −1 where nobody gives way to it. */
  readonly #begin: Int32Array
  readonly #state: Uint8Array
  readonly #arrivalTime: Float64Array
  readonly #leaveTime: Float64Array
  readonly #leaveSpeed: Float64Array
  readonly #brakingSpeed: Float64Array
  readonly #distance: Float64Array
  #foeSpeed = 0

  constructor(network: RoadNetwork, cars: CarState, plans: LinkPlans) {
    const count = cars.lane.length
    this.#network = network
    this.#cars = cars
    this.#plans = plans
    this.#begin = new Int32Array(network.laneCount).fill(-1)
    let length = 0
    for (let lane = 0; lane < network.laneCount; lane++) {
      if (network.minor[lane] === 0) continue
      this.#begin[network.foeLane[lane]!] = length
      length += count
    }
    this.#state = new Uint8Array(length)
    this.#arrivalTime = new Float64Array(length)
    this.#leaveTime = new Float64Array(length)
    this.#leaveSpeed = new Float64Array(length)
    this.#brakingSpeed = new Float64Array(length)
    this.#distance = new Float64Array(length)
  }

  /** Forgets all approaches. */
  reset(): void {
    this.#state.fill(unknown)
  }

  /** Takes the approaches of all cars from their plans (MSVehicle::setApproachingForAllLinks). */
  register(): void {
    const plans = this.#plans
    const { laneLength } = this.#network
    this.reset()
    for (let i = 0; i < plans.count.length; i++) {
      const end = i * plans.size + plans.count[i]!
      for (let at = i * plans.size; at < end; at++) {
        const lane = plans.lane[at]!
        const begin = this.#begin[lane]!
        // Of two passages in view only the first is known.
        if (begin < 0 || this.#state[begin + i] !== unknown) continue
        const k = begin + i
        const arrival = plans.arrivalTime[at]!
        this.#state[k] = plans.request[at] === 1 ? passing : refraining
        this.#arrivalTime[k] = arrival
        this.#leaveTime[k] = leaveTime(laneLength[lane]!, arrival, plans.arrivalSpeed[at]!, plans.leaveSpeed[at]!)
        this.#leaveSpeed[k] = plans.leaveSpeed[at]!
        this.#brakingSpeed[k] = plans.brakingSpeed[at]!
        this.#distance[k] = plans.seen[at]!
      }
    }
  }

  /**
   * Whether car i may pass its planned link `at` onto a minor lane at time `now`, ms. A car that could no longer brake
   * (`canBrake`) counts as impatient: it expects that foes brake for it.
   */
  opened(i: number, at: number, canBrake: boolean, now: number): boolean {
    const plans = this.#plans
    const { conflict, foeLane, laneLength } = this.#network
    const { drivers, standingSteps } = this.#cars
    const lane = plans.lane[at]!
    const begin = this.#begin[foeLane[lane]!]!
    const impatience = canBrake ? Math.min(1, standingSteps[i]! / impatientSteps) : 1
    const decel = drivers[i]!.decel
    const arrival = plans.arrivalTime[at]!
    const arrivalSpeed = plans.arrivalSpeed[at]!
    const leaveSpeed = plans.leaveSpeed[at]!
    const leave = leaveTime(laneLength[lane]!, arrival, arrivalSpeed, leaveSpeed)
    const sameTarget = conflict[lane] === merge
    for (let foe = 0; foe < drivers.length; foe++) {
      const k = begin + foe
      if (foe === i || this.#state[k] !== passing) continue
      const foeDecel = drivers[foe]!.decel
      this.#foeSpeed = this.#brakingSpeed[k]!
      let foeArrival = this.#arrivalTime[k]!
      if (impatience > 0 && arrival < foeArrival) {
        const braking = this.#arrivalTimeBraking(k, foeDecel * impatience, arrival, now)
        foeArrival = Math.trunc((1 - impatience) * foeArrival + impatience * braking)
      }
      if (this.#leaveTime[k]! < arrival) {
        // The foe is through; where the roads merge it has to stay ahead by the gap, and be fast enough.
        if (!sameTarget) continue
        if (arrival - this.#leaveTime[k]! < timeGapMs) return false
        if (unsafeMergeSpeeds(this.#leaveSpeed[k]!, arrivalSpeed, foeDecel, decel)) return false
      } else if (foeArrival > leave + timeGapMs) {
        if (sameTarget && unsafeMergeSpeeds(leaveSpeed, this.#foeSpeed, decel, foeDecel)) return false
      } else return false
    }
    return true
  }

  /**
   * When foe k would arrive if it braked with `decel` m/s² from the own arrival on, ms; sets `#foeSpeed`, its speed then
   * (MSLink::computeFoeArrivalTimeBraking).
   */
  #arrivalTimeBraking(k: number, decel: number, arrival: number, now: number): number {
    const foeArrival = this.#arrivalTime[k]!
    if (arrival - (arrival % stepMs) === foeArrival - (foeArrival % stepMs)) return foeArrival
    const distance = this.#distance[k]!
    const time = (foeArrival - arrival) / 1000
    const lost = time * decel
    const v = distance / ((foeArrival - now + stepMs) / 1000)
    const left = distance - v * ((arrival - now) / 1000)
    if ((0.5 * v * v) / decel <= left) {
      this.#foeSpeed = 0
      return foeArrival + stoppingMs
    }
    // The way that braking saves until the planned arrival is driven after it: (v − lost − decel·x/2)·x = time·lost/2.
    const late = (Math.sqrt(4 * (v - lost) * (v - lost) - 4 * decel * time * lost) * -0.5 - lost + v) / decel
    this.#foeSpeed = v - (time + late) * decel
    return foeArrival + milliseconds(late)
  }
}

/** MSLink::unsafeMergeSpeeds */
function unsafeMergeSpeeds(leader: number, follower: number, leaderDecel: number, followerDecel: number): boolean {
  return (leader * leader) / leaderDecel <= (follower * follower) / followerDecel
}
