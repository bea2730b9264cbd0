import { conflictEnd, conflictStart } from './crossing.ts'
import { laneStart, loopLength, majorCrossing, minorCrossing } from './road.ts'

/** A stretch of the loop that another stretch crosses. */
export interface Conflict {
  readonly road: 'major' | 'minor'
  /** Loop coordinate of the stop line, m. */
  readonly line: number
  /** Loop coordinates between which a car is in the other road's way, m. */
  readonly from: number
  readonly to: number
}

/** How a road network looks: a place in the plane for every loop coordinate. For pictures only; no simulator reads it. */
export interface RoadShape {
  readonly network: 'figure-eight' | 'ring'
  readonly loopLength: number
  /** Stretches that cannot be used by both roads at once; none on a ring. */
  readonly conflicts: readonly Conflict[]
  /** The point at loop coordinate `s` (m, any number: it is taken modulo the loop's length), x and y in m, y upwards. */
  place(s: number): readonly [x: number, y: number]
}

/** The shape of a network; `loopLength` in m is needed for the ring, whose length is free. Errors name rule and value. */
export function roadShape(network: string, length: number): RoadShape {
  if (!(length > 0 && length < Number.POSITIVE_INFINITY)) throw new Error(`loop length must be positive, got ${length}`)
  if (network === 'ring') return ring(length)
  if (network !== 'figure-eight') throw new Error(`network must be figure-eight or ring, got ${network}`)
  if (Math.abs(length - loopLength) > 0.05)
    throw new Error(`the figure eight must be ${loopLength} m long, got ${length}`)
  return figureEight
}

/** The network that a loop of this length (m) belongs to: the figure eight's own length, else a ring. */
export function networkOfLength(length: number): RoadShape['network'] {
  return Math.abs(length - loopLength) <= 0.05 ? 'figure-eight' : 'ring'
}

/** m: length of the straight roads from the crossing's middle, radius of the two three-quarter circles. */
const radius = 30
/** m: half a crossing lane. */
const halfCrossing = 4.7
const quarter = Math.PI / 2

/**
 * Two straight roads through (0, 0), up and to the left, joined by a circle at the upper right and one at the lower left.
 * As in SUMO's net, a straight road counts 30 m of coordinate although the crossing takes 4.7 m of it in the plane; the
 * crossing itself and the circles are to scale.
 */
const figureEight: RoadShape = {
  network: 'figure-eight',
  loopLength,
  conflicts: [conflictOn('major', majorCrossing), conflictOn('minor', minorCrossing)],
  place(s) {
    const half = loopLength / 2
    const at = modulo(s, loopLength)
    const along = at < half ? at : at - half
    const straight = laneStart[4]!
    if (along < straight) {
      const d = alongStraight(along)
      return at < half ? [0, d] : [-d, 0]
    }
    // The first 0.1 m and the last of a circle are junctions without a shape of their own.
    const turned = (3 * quarter * (along - straight)) / (half - straight)
    const [across, up] = [radius * Math.cos(turned), radius * Math.sin(turned)]
    return at < half ? [radius - across, radius + up] : [-radius - up, -radius + across]
  },
}

function conflictOn(road: Conflict['road'], lane: number): Conflict {
  const line = laneStart[lane]!
  return { road, line, from: line + conflictStart, to: line + conflictEnd }
}

/** From −30 to 30 m for coordinates 0 … 69.4 m after the start of a straight road. */
function alongStraight(along: number): number {
  const start = laneStart[majorCrossing]!
  const end = laneStart[majorCrossing + 1]!
  const scale = (radius - halfCrossing) / start
  if (along < start) return -radius + scale * along
  if (along < end) return along - start - halfCrossing
  return Math.min(radius, halfCrossing + scale * (along - end))
}

/** Counter-clockwise from (r, 0). */
function ring(length: number): RoadShape {
  const r = length / (4 * quarter)
  return {
    network: 'ring',
    loopLength: length,
    conflicts: [],
    place(s) {
      const angle = (4 * quarter * s) / length
      return [r * Math.cos(angle), r * Math.sin(angle)]
    },
  }
}

function modulo(value: number, length: number): number {
  return value - length * Math.floor(value / length)
}
