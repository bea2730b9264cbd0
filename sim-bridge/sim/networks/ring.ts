import type { Lane, NetworkPlan } from '../network.ts'
import { arc, centimetre } from './shapes.ts'

/**
 * One lane in a circle, as in the Flow project: four quarters, 230 m at size 1, and junctions of 0.1 m between them.
 * `size` multiplies the length.
 */
export function ringPlan(size: number): NetworkPlan {
  const quarter = centimetre(57.5 * size)
  const radius = (57.5 * size) / (0.5 * Math.PI)
  return {
    name: 'ring',
    lanes: corners.flatMap((name, k): Lane[] => [
      { name, length: quarter, internal: false, minor: false },
      { name: `:${corners[(k + 1) % 4]}_0`, length: 0.1, internal: true, minor: false },
    ]),
    routes: [{ lanes: [0, 1, 2, 3, 4, 5, 6, 7], startFrom: 0, startLength: centimetre(4 * quarter), startPhase: 0 }],
    conflicts: [],
    nodes: [
      { id: 'bottom', x: 0, y: -radius },
      { id: 'right', x: radius, y: 0 },
      { id: 'top', x: 0, y: radius },
      { id: 'left', x: -radius, y: 0 },
    ],
    edges: corners.map((id, k) => ({
      id,
      from: id,
      to: corners[(k + 1) % 4]!,
      shape: arc(0, 0, radius, 0.5 * Math.PI * (k - 1), 0.5 * Math.PI * k, 39),
    })),
    connections: [],
  }
}

/** Counter-clockwise; each quarter has the name of the node where it begins. */
const corners = ['bottom', 'right', 'top', 'left'] as const
