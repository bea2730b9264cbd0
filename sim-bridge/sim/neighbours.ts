import { carLength } from './idm.ts'
import type { Places } from './lane-order.ts'
import type { RoadNetwork } from './network.ts'
import type { Occupancy } from './occupancy.ts'

/** What a car sees along its own route. One entry per car. */
export interface Neighbourhood {
  /** Coordinate of the front bumper on the car's own route, m. */
  readonly position: Float64Array
  /** Bumper to bumper to the next car ahead, m, never negative. */
  readonly gap: Float64Array
  readonly leader: Int32Array
  readonly follower: Int32Array
}

/**
 * Fills positions, gaps, leaders and followers. Ahead is the nearest car with any part on the lanes of the own route,
 * behind the nearest with its front on them; a car without any other is its own.
 */
export function observe(network: RoadNetwork, places: Places, occupancy: Occupancy, seen: Neighbourhood): void {
  const { laneCount, routeStart, routeLength } = network
  const { route, lane, lanePosition } = places
  for (let i = 0; i < lane.length; i++) {
    const r = route[i]!
    const x = routeStart[r * laneCount + lane[i]!]! + lanePosition[i]!
    seen.position[i] = x < routeLength[r]! ? x : x - routeLength[r]!
  }
  if (routeLength.length === 1) observeLoop(routeLength[0]!, occupancy.order.cars, seen)
  else for (let i = 0; i < lane.length; i++) observeRoute(network, places, occupancy, seen, i)
}

/** On one loop the next car is the next in order. */
function observeLoop(loopLength: number, cars: Int32Array, { position, gap, leader, follower }: Neighbourhood): void {
  const count = cars.length
  for (let k = 0; k < count; k++) {
    const car = cars[k]!
    const ahead = cars[k + 1 === count ? 0 : k + 1]!
    leader[car] = ahead
    follower[ahead] = car
    gap[car] = Math.max(
      0,
      (car === ahead ? loopLength : distanceAhead(position[car]!, position[ahead]!, loopLength)) - carLength,
    )
  }
}

/** Distance from coordinate `from` of a loop ahead to `to`, in [0, loopLength), m. */
export function distanceAhead(from: number, to: number, loopLength: number): number {
  const d = to - from
  return d < 0 ? d + loopLength : d
}

/** Walks along the route of car i, at most once around. */
function observeRoute(
  { laneCount, laneLength, routeLength, after, before }: RoadNetwork,
  { route, lane: lanes, lanePosition }: Places,
  { order, rearCar, rearPosition, leavingCar, leavingPosition }: Occupancy,
  { gap, leader, follower }: Neighbourhood,
  i: number,
): void {
  const row = route[i]! * laneCount
  const own = lanes[i]!
  const slot = order.slot[i]!
  leader[i] = i
  follower[i] = i
  gap[i] = routeLength[route[i]!]! - carLength
  let lane = own
  if (slot + 1 < order.begin[own + 1]!) {
    const car = order.cars[slot + 1]!
    leader[i] = car
    gap[i] = Math.max(0, lanePosition[car]! - lanePosition[i]! - carLength)
  } else if (leavingCar[own]! >= 0 && leavingCar[own] !== i) {
    leader[i] = leavingCar[own]!
    gap[i] = Math.max(0, leavingPosition[own]! - lanePosition[i]!)
  } else {
    let seen = laneLength[own]! - lanePosition[i]!
    do {
      lane = after[row + lane]!
      const car = rearCar[lane]!
      if (car >= 0 && car !== i) {
        leader[i] = car
        gap[i] = Math.max(0, seen + rearPosition[lane]!)
        break
      }
      seen += laneLength[lane]!
    } while (lane !== own)
  }
  if (slot > order.begin[own]!) {
    follower[i] = order.cars[slot - 1]!
    return
  }
  lane = own
  do {
    lane = before[row + lane]!
    const last = order.begin[lane + 1]! - 1
    if (last >= order.begin[lane]! && order.cars[last] !== i) {
      follower[i] = order.cars[last]!
      return
    }
  } while (lane !== own)
}
