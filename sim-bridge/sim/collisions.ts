import { carLength, minGap } from './idm.ts'
import type { Neighbourhood } from './neighbours.ts'
import type { Conflict, RoadNetwork } from './network.ts'
import type { Occupancy } from './occupancy.ts'

/** IDM's collisionMinGapFactor: two cars on a lane collide below this part of minGap. */
const collisionMinGapFactor = 0.1
/** SUMO's NUMERICAL_EPS, m. */
const eps = 0.001

/**
 * Lists the pairs that collide: along the own route (MSLane::detectCollisionBetween) and bodies that overlap on two lanes of
 * one junction (`--collision.check-junctions`). The smaller index comes first.
 */
export function detectCollisions(
  network: RoadNetwork,
  occupancy: Occupancy,
  { gap, leader }: Neighbourhood,
  collisions: (readonly [number, number])[],
): void {
  collisions.length = 0
  for (let i = 0; i < gap.length; i++) {
    if (gap[i]! < collisionMinGapFactor * minGap - eps) collisions.push(pair(i, leader[i]!))
  }
  const { insideBegin, insideCount, insideCar, insideBack } = occupancy
  const { conflicts } = network.plan
  for (let c = 0; c < conflicts.length; c++) {
    const conflict = conflicts[c]!
    const one = conflict.lanes[0]
    const other = conflict.lanes[1]
    for (let k = 0; k < insideCount[one]!; k++) {
      for (let m = 0; m < insideCount[other]!; m++) {
        const a = insideBegin[one]! + k
        const b = insideBegin[other]! + m
        if (!bodiesOverlap(conflict, insideBack[a]!, insideBack[b]!)) continue
        const [first, second] = pair(insideCar[a]!, insideCar[b]!)
        const known = conflict.kind !== 'crossing' && collisions.some((p) => p[0] === first && p[1] === second)
        if (first !== second && !known) collisions.push([first, second])
      }
    }
  }
}

function pair(i: number, k: number): readonly [number, number] {
  return i < k ? [i, k] : [k, i]
}

/** Whether two cars touch in a junction, given where their rears are on their lanes, m. */
export function bodiesOverlap({ kind, touch }: Conflict, backA: number, backB: number): boolean {
  const [from, to] = touch
  if (kind === 'crossing') return octagonsOverlap(backA, backB, (from + to) / 2)
  return Math.min(backA + carLength, backB + carLength, to) > Math.max(backA, backB, from)
}

/**
 * Bodies at right angles. SUMO's are octagons (MSVehicle::getBoundingPoly): 1.8 m wide over the middle 4 m, narrowing to
 * 1.08 m at the bumpers. Two convex bodies overlap if no direction normal to an edge of either parts their middles.
 */
function octagonsOverlap(backA: number, backB: number, crossingPoint: number): boolean {
  const x = Math.abs(backA + halfLength - crossingPoint)
  const y = Math.abs(backB + halfLength - crossingPoint)
  return (
    Math.max(x, y) < halfLength + halfWidth &&
    cutWidth * x + cutLength * y < cornerReach &&
    cutLength * x + cutWidth * y < cornerReach
  )
}

const halfLength: number = carLength / 2
const halfWidth = 0.9
/** The corner that is cut off: 0.2 of the half length, 0.4 of the half width. */
const cutLength: number = 0.2 * halfLength
const cutWidth: number = 0.4 * halfWidth
/** Reach of both bodies together in the direction of a cut corner's normal, (cutWidth, cutLength) from one body's side. */
const cornerReach: number =
  cutWidth * halfLength +
  cutLength * (halfWidth - cutWidth) +
  (cutWidth * (halfWidth - cutWidth) + cutLength * halfLength)
