import { carLength, minGap } from './idm.ts'
import { observe } from './neighbours.ts'
import type { Conflict, RoadNetwork } from './network.ts'
import { Occupancy } from './occupancy.ts'

/** Places at which cars cannot start; the text names the rule and the value found. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Where a car starts: its loop, the index of its lane and the position of its front bumper on that lane, m. */
export interface Start {
  readonly route: number
  readonly lane: number
  readonly position: number
}

/**
 * Places the cars evenly on their loops, each `offsets[i]` m ahead of that, rounded to a centimetre as SUMO's route files
 * are. Where even places would put two cars into a junction, all are half a space further on. With two loops the first half
 * of the cars, rounded up, drives the main one.
 */
export function placeCars(network: RoadNetwork, vehicles: readonly string[], offsets: readonly number[]): Start[] {
  const count = vehicles.length
  if (offsets.length !== count) {
    throw new StartError(`startOffsets must have one value per car (${count}), got ${offsets.length}`)
  }
  for (const offset of offsets) {
    if (!Number.isFinite(offset)) throw new StartError(`startOffsets must be finite, got ${offset}`)
  }
  const onMain = network.plan.routes.length === 1 ? count : Math.ceil(count / 2)
  const place = (shift: number, offset: (i: number) => number): Start[] =>
    vehicles.map((_, i) =>
      i < onMain
        ? startOf(network, 0, i + shift, onMain, offset(i))
        : startOf(network, 1, i - onMain + shift, count - onMain, offset(i)),
    )
  const even = place(0, () => 0)
  const crowded = network.plan.conflicts.some((conflict) => startingIn(network, conflict, even).length > 1)
  const starts = place(crowded ? 0.5 : 0, (i) => offsets[i]!)
  checkOrder(network, vehicles, starts, offsets)
  checkGaps(network, vehicles, starts)
  for (const conflict of network.plan.conflicts) {
    const inside = startingIn(network, conflict, starts).map((i) => vehicles[i]!)
    if (inside.length > 1) throw new StartError(`at most one car may start in the ${conflict.kind}, got ${inside}`)
  }
  return starts
}

/**
 * Cars that start with a part inside a conflict: two of them would have no order of entry. Starts are on normal lanes, so
 * that only rears can be in it.
 */
function startingIn({ before, laneCount }: RoadNetwork, { lanes }: Conflict, starts: readonly Start[]): number[] {
  return starts.flatMap(({ route, lane, position }, i) =>
    position < carLength && lanes.includes(before[route * laneCount + lane]!) ? [i] : [],
  )
}

function startOf({ plan }: RoadNetwork, route: number, index: number, count: number, offset: number): Start {
  const { lanes, startFrom, startLength, startPhase } = plan.routes[route]!
  const normal = lanes.filter((lane) => !plan.lanes[lane]!.internal)
  const lengths = normal.map((lane) => Math.floor(plan.lanes[lane]!.length * 100 + 0.5))
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const even = 100 * startFrom + ((index + startPhase) * Math.round(100 * startLength)) / count
  const place = Math.floor(even + 100 * offset + 0.5)
  let rest = place - total * Math.floor(place / total)
  let k = 0
  while (rest >= lengths[k]!) rest -= lengths[k++]!
  return { route, lane: normal[k]!, position: rest / 100 }
}

/** The ids are in order around each loop, and SUMO inserts no car closer than minGap. */
function checkOrder(
  network: RoadNetwork,
  vehicles: readonly string[],
  starts: readonly Start[],
  offsets: readonly number[],
): void {
  network.routeLength.forEach((loopLength, route) => {
    const cars = vehicles.map((_, i) => i).filter((i) => starts[i]!.route === route)
    let travelled = 0
    cars.forEach((car, k) => {
      const next = cars[(k + 1) % cars.length]!
      const way = coordinate(network, starts[next]!) - coordinate(network, starts[car]!)
      const distance = car === next ? loopLength : way < 0 ? way + loopLength : way
      checkGap(distance - carLength, vehicles[car]!, vehicles[next]!)
      travelled += distance
    })
    if (travelled > 1.5 * loopLength) throw new StartError(`startOffsets must keep the cars in order, got ${offsets}`)
  })
}

function coordinate({ routeStart, laneCount }: RoadNetwork, { route, lane, position }: Start): number {
  return routeStart[route * laneCount + lane]! + position
}

/** The same between cars of different loops. */
function checkGaps(network: RoadNetwork, vehicles: readonly string[], starts: readonly Start[]): void {
  if (network.routeLength.length === 1) return
  const count = starts.length
  const places = {
    route: Int32Array.from(starts, (start) => start.route),
    lane: Int32Array.from(starts, (start) => start.lane),
    lanePosition: Float64Array.from(starts, (start) => start.position),
  }
  const seen = {
    position: new Float64Array(count),
    gap: new Float64Array(count),
    leader: new Int32Array(count),
    follower: new Int32Array(count),
  }
  const occupancy = new Occupancy(network, count)
  occupancy.update(places, new Float64Array(count))
  observe(network, places, occupancy, seen)
  seen.gap.forEach((gap, i) => {
    checkGap(gap, vehicles[i]!, vehicles[seen.leader[i]!]!)
  })
}

function checkGap(gap: number, car: string, ahead: string): void {
  if (gap >= minGap) return
  throw new StartError(`cars must start at least ${minGap} m apart, got ${gap.toFixed(2)} m from ${car} to ${ahead}`)
}
