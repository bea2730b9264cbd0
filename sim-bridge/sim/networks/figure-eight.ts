import type { Edge, Lane, NetworkPlan } from '../network.ts'
import { arc, centimetre, type Point } from './shapes.ts'

/**
 * The figure eight: one loop that crosses itself at right angles, 421.94 m at size 1. The road from bottom to top has
 * right of way. `size` multiplies the radius of 30 m; the junctions stay as they are.
 */
export function figureEightPlan(size: number): NetworkPlan {
  const radius = centimetre(30 * size)
  const ring = centimetre(1.5 * Math.PI * 30 * size)
  return {
    name: 'figure-eight',
    lanes: [
      lane('bottom', radius),
      { name: ':center_1', length: crossingLength, internal: true, minor: false },
      lane('top', radius),
      joint(':top_0'),
      lane('upper_ring', ring),
      joint(':right_0'),
      lane('right', radius),
      { name: ':center_0', length: crossingLength, internal: true, minor: true },
      lane('left', radius),
      joint(':left_0'),
      lane('lower_ring', ring),
      joint(':bottom_0'),
    ],
    routes: [
      {
        lanes: Array.from({ length: 12 }, (_, k) => k),
        startFrom: 0,
        startLength: centimetre(4 * radius + 2 * ring),
        startPhase: 0,
      },
    ],
    conflicts: [
      // Lanes of 3.2 m width that cross at 4.7 m, cars of 1.8 m width.
      {
        kind: 'crossing',
        lanes: [1, 7],
        start: [3.1, 3.1],
        end: [6.3, 6.3],
        past: [6.3, 6.3],
        touch: [4.7 - 0.9, 4.7 + 0.9],
      },
    ],
    nodes: [
      { id: 'center', x: 0, y: 0, radius: 3.1 },
      { id: 'right', x: radius, y: 0 },
      { id: 'top', x: 0, y: radius },
      { id: 'left', x: -radius, y: 0 },
      { id: 'bottom', x: 0, y: -radius },
    ],
    edges: edges(radius),
    connections: [
      ['bottom', 'top'],
      ['right', 'left'],
    ],
  }
}

/** m: as wide as netconvert makes a crossing of two such roads with a radius of 3.1 m. */
const crossingLength = 9.4

function lane(name: string, length: number): Lane {
  return { name, length, internal: false, minor: false }
}

/** A junction in which one road only goes on. */
function joint(name: string): Lane {
  return { name, length: 0.1, internal: true, minor: false }
}

function edges(radius: number): readonly Edge[] {
  return [
    { id: 'bottom', from: 'bottom', to: 'center', priority: 78 },
    { id: 'top', from: 'center', to: 'top', priority: 78 },
    { id: 'upper_ring', from: 'top', to: 'right', shape: ringShape(radius, true) },
    { id: 'right', from: 'right', to: 'center', priority: 46 },
    { id: 'left', from: 'center', to: 'left', priority: 46 },
    { id: 'lower_ring', from: 'left', to: 'bottom', shape: ringShape(radius, false) },
  ]
}

/** Three quarters of a circle: the upper one clockwise from the top node, the lower one counter-clockwise from the left. */
function ringShape(radius: number, upper: boolean): readonly Point[] {
  return upper
    ? arc(radius, radius, radius, Math.PI, -0.5 * Math.PI, 39)
    : arc(-radius, -radius, radius, 0.5 * Math.PI, 2 * Math.PI, 39)
}
