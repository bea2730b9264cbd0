/** A road network as data: what the simulator drives on, and what SUMO builds the same roads from. */
export interface NetworkPlan {
  readonly name: string
  /** All lanes; those of the first route come first, in its order. */
  readonly lanes: readonly Lane[]
  /** The loops that cars drive; the first is the main one. */
  readonly routes: readonly Route[]
  readonly conflicts: readonly Conflict[]
  readonly nodes: readonly Node[]
  /** One per lane that is not internal, in the order of the lanes. */
  readonly edges: readonly Edge[]
  /** Edges that are connected; all that meet where none are listed. */
  readonly connections: readonly (readonly [from: string, to: string])[]
}

export interface Lane {
  /** Name of the edge, as SUMO calls it (`:node_k` inside a junction). */
  readonly name: string
  /** m, as SUMO keeps it: whole centimetres. */
  readonly length: number
  /** The lane lies inside a junction. */
  readonly internal: boolean
  /** Who enters it gives way (state "m" of SUMO's link). */
  readonly minor: boolean
}

/** A loop: indices of its lanes in driving order, and where its cars start. */
export interface Route {
  readonly lanes: readonly number[]
  /** The stretch on which its cars start evenly: from here, m along the lanes that are not internal … */
  readonly startFrom: number
  /** … for this many m, the first car after this part of the space between two. */
  readonly startLength: number
  readonly startPhase: number
}

/** Two lanes in one junction on which bodies can touch. Numbers are m from the start of the lane, in the order of `lanes`. */
export interface Conflict {
  /** Two lanes cross, end on the same lane, or begin on the same lane. */
  readonly kind: ConflictKind
  readonly lanes: readonly [number, number]
  /** Where the shared part starts (crossing, merge) or ends (split): MSLink's lane length less lengthBehindCrossing. */
  readonly start: readonly [number, number]
  /** The same and the width of the other lane where the two cross (foeCrossingWidth). */
  readonly end: readonly [number, number]
  /** Where a rear no longer concerns the cars on the other lane (pastTheCrossingPoint). */
  readonly past: readonly [number, number]
  /** Part in which bodies touch sideways. */
  readonly touch: readonly [from: number, to: number]
}

export type ConflictKind = 'crossing' | 'merge' | 'split'

/** A junction of SUMO's: its centre and, where netconvert is not to choose it, its radius, m. */
export interface Node {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly radius?: number
}

/** A road of SUMO's; without priority netconvert gives it its own, without shape it is straight. */
export interface Edge {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly priority?: number
  readonly shape?: readonly (readonly [x: number, y: number])[]
}

/** The same network as tables: one entry per lane, or per route and lane (row `route · laneCount`). */
export interface RoadNetwork {
  readonly plan: NetworkPlan
  readonly laneCount: number
  readonly laneLength: Float64Array
  readonly internal: Uint8Array
  readonly minor: Uint8Array
  /** 1 where cars wait before the lane unless they can leave it again (link->hasFoes() && link->keepClear()). */
  readonly keepClear: Uint8Array
  /** 0 without conflict, else `crossing`, `merge` or `split`. */
  readonly conflict: Uint8Array
  /** The other lane of the conflict, or −1. */
  readonly foeLane: Int32Array
  readonly conflictStart: Float64Array
  readonly conflictEnd: Float64Array
  readonly conflictPast: Float64Array
  /** m from the conflict's start to the end of the lane. */
  readonly behindConflict: Float64Array
  /** The straightest lane that is not internal before the lane (MSLane::getLogicalPredecessorLane). */
  readonly predecessor: Int32Array
  /** Next and previous lane on the route; −1 off the route. */
  readonly after: Int32Array
  readonly before: Int32Array
  /** Coordinate of the lane's start on the route, m. */
  readonly routeStart: Float64Array
  /** m, internal lanes included. */
  readonly routeLength: readonly number[]
  /** Links that the longest look-ahead of a car can hold. */
  readonly maxLinks: number
}

/** Values of `RoadNetwork.conflict`. */
export const crossing = 1
export const merge = 2
export const split = 3

/** A car sees 341 m, at 30 m/s and a decel of 1.5 m/s². */
const longestView = 345

/** The tables of a plan. */
export function createNetwork(plan: NetworkPlan): RoadNetwork {
  const { lanes, routes } = plan
  const count = lanes.length
  const network = {
    plan,
    laneCount: count,
    laneLength: Float64Array.from(lanes, (lane) => lane.length),
    internal: Uint8Array.from(lanes, (lane) => (lane.internal ? 1 : 0)),
    minor: Uint8Array.from(lanes, (lane) => (lane.minor ? 1 : 0)),
    keepClear: new Uint8Array(count),
    conflict: new Uint8Array(count),
    foeLane: new Int32Array(count).fill(-1),
    conflictStart: new Float64Array(count),
    conflictEnd: new Float64Array(count),
    conflictPast: new Float64Array(count),
    behindConflict: new Float64Array(count),
    predecessor: new Int32Array(count).fill(-1),
    after: new Int32Array(routes.length * count).fill(-1),
    before: new Int32Array(routes.length * count).fill(-1),
    routeStart: new Float64Array(routes.length * count),
    routeLength: routes.map((route) => metres(route.lanes.reduce((sum, lane) => sum + lengthOf(lanes, lane), 0))),
    maxLinks: 0,
  }
  routes.forEach((route, r) => {
    let start = 0
    route.lanes.forEach((lane, k) => {
      const next = route.lanes[(k + 1) % route.lanes.length]!
      network.after[r * count + lane] = next
      network.before[r * count + next] = lane
      network.routeStart[r * count + lane] = metres(start)
      start += lengthOf(lanes, lane)
    })
    const rounds = Math.ceil(longestView / network.routeLength[r]!) + 2
    network.maxLinks = Math.max(network.maxLinks, rounds * route.lanes.length)
    for (const lane of route.lanes) {
      let previous = network.before[r * count + lane]!
      if (network.internal[previous] === 1) previous = network.before[r * count + previous]!
      // Of two roads that merge the main one goes straight on.
      if (network.predecessor[lane]! < 0) network.predecessor[lane] = previous
    }
  })
  for (const { kind, lanes: pair, start, end, past } of plan.conflicts) {
    pair.forEach((lane, side) => {
      network.conflict[lane] = kind === 'crossing' ? crossing : kind === 'merge' ? merge : split
      network.keepClear[lane] = kind === 'split' ? 0 : 1
      network.foeLane[lane] = pair[1 - side]!
      network.conflictStart[lane] = start[side]!
      network.conflictEnd[lane] = end[side]!
      network.conflictPast[lane] = past[side]!
      network.behindConflict[lane] = lanes[lane]!.length - start[side]!
    })
  }
  return network
}

/** cm */
function lengthOf(lanes: readonly Lane[], index: number): number {
  return Math.round(100 * lanes[index]!.length)
}

function metres(centimetres: number): number {
  return centimetres / 100
}
