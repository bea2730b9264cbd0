import { carLength, type Driver } from './idm.ts'

/** Length of the link through the crossing, m. */
const linkLength = 9.4
/** One step of SUMO's clock, ms. */
const stepMs = 100
/** MSLink::myLookaheadTime, the default of jmTimegapMinor: time that a car on the minor road keeps before a foe, ms. */
const timeGapMs = 1000
/** SUMO's NUMERICAL_EPS, m/s. */
const numericalEps = 0.001
/** What a foe that could stop before the crossing is taken to lose by braking, ms (MSLink::computeFoeArrivalTimeBraking). */
const stoppingMs = 30_000

/** When and how a car plans to pass the entry of the crossing. */
export interface Approach {
  /** ms of SUMO's clock */
  arrivalTime: number
  /** m/s */
  arrivalSpeed: number
  /** m/s */
  leaveSpeed: number
}

/**
 * The approaches to the entry of the major road as all cars registered them (MSLink::setApproaching), and the question of
 * the minor road whether they leave a gap (MSLink::opened).
 */
export class RightOfWay {
  readonly #drivers: readonly Driver[]
  /** Per car: 1 where it is registered and intends to pass (ApproachingVehicleInformation::willPass). */
  readonly #willPass: Uint8Array
  readonly #arrivalTime: Float64Array
  readonly #leaveTime: Float64Array
  readonly #distance: Float64Array

  constructor(drivers: readonly Driver[]) {
    const n = drivers.length
    this.#drivers = drivers
    this.#willPass = new Uint8Array(n)
    this.#arrivalTime = new Float64Array(n)
    this.#leaveTime = new Float64Array(n)
    this.#distance = new Float64Array(n)
  }

  clear(): void {
    this.#willPass.fill(0)
  }

  /** Car i, `distance` m before the major entry, will pass it. */
  register(i: number, arrivalTime: number, arrivalSpeed: number, leaveSpeed: number, distance: number): void {
    this.#willPass[i] = 1
    this.#arrivalTime[i] = arrivalTime
    this.#leaveTime[i] = leaveTimeOf(arrivalTime, arrivalSpeed, leaveSpeed)
    this.#distance[i] = distance
  }

  /** Whether car i may pass the minor entry (MSLink::opened, blockedAtTime, blockedByFoe). `now` in ms. */
  opened(i: number, arrivalTime: number, arrivalSpeed: number, leaveSpeed: number, impatience: number, now: number): boolean {
    const leaveTime = leaveTimeOf(arrivalTime, arrivalSpeed, leaveSpeed)
    for (let foe = 0; foe < this.#willPass.length; foe++) {
      if (foe === i || this.#willPass[foe] === 0) continue
      if (this.#leaveTime[foe]! < arrivalTime) continue
      let foeArrival = this.#arrivalTime[foe]!
      if (impatience > 0 && arrivalTime < foeArrival) {
        const braking = arrivalTimeBraking(
          this.#drivers[foe]!.decel * impatience,
          arrivalTime,
          foeArrival,
          this.#distance[foe]!,
          now,
        )
        foeArrival = Math.trunc((1 - impatience) * foeArrival + impatience * braking)
      }
      if (!(foeArrival > leaveTime + timeGapMs)) return false
    }
    return true
  }
}

/** MSLink::getLeaveTime: when the rear has left the crossing lane, ms. */
function leaveTimeOf(arrivalTime: number, arrivalSpeed: number, leaveSpeed: number): number {
  const speed = Math.max(0.5 * (arrivalSpeed + leaveSpeed), numericalEps)
  return arrivalTime + milliseconds((linkLength + carLength) / speed)
}

/** When a foe would arrive if it braked with `decel` from `arrivalTime` on, ms (MSLink::computeFoeArrivalTimeBraking). */
function arrivalTimeBraking(
  decel: number,
  arrivalTime: number,
  foeArrivalTime: number,
  distance: number,
  now: number,
): number {
  if (arrivalTime - (arrivalTime % stepMs) === foeArrivalTime - (foeArrivalTime % stepMs)) return foeArrivalTime
  const time = (foeArrivalTime - arrivalTime) / 1000
  const lost = time * decel
  const saved = (time * lost) / 2
  const v = distance / ((foeArrivalTime - now + stepMs) / 1000)
  const left = distance - v * ((arrivalTime - now) / 1000)
  if ((0.5 * v * v) / decel <= left) return foeArrivalTime + stoppingMs
  const x = (Math.sqrt(4 * (v - lost) * (v - lost) - 8 * decel * saved) * -0.5 - lost + v) / decel
  return foeArrivalTime + milliseconds(x)
}

/** SUMO's TIME2STEPS. */
export function milliseconds(seconds: number): number {
  return Math.trunc(seconds * 1000 + (seconds >= 0 ? 0.5 : -0.5))
}
