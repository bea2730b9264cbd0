/** A stretch of the loop that another stretch crosses. */
export interface Conflict {
  readonly road: 'major' | 'minor'
  /** Loop coordinate of the stop line, m. */
  readonly line: number
  /** Loop coordinates between which a car is in the other road's way, m. */
  readonly from: number
  readonly to: number
}

/**
 * What `network` and `loopLength` of `run` and `s` of `world` mean: a place in the plane for every loop coordinate. For pictures
 * only; no simulator reads it.
 */
export interface RoadShape {
  readonly network: 'figure-eight' | 'ring'
  readonly loopLength: number
  /** Stretches that cannot be used by both roads at once; none on a ring. */
  readonly conflicts: readonly Conflict[]
  /** The point at loop coordinate `s` (m, any number: it is taken modulo the loop's length), x and y in m, y upwards. */
  place(s: number): readonly [x: number, y: number]
}

/** The shape of a network whose loop is `length` m long; undefined for networks that are not drawn. */
export function roadShape(network: string, length: number): RoadShape | undefined {
  if (network === 'ring' && length > 0) return ring(length)
  if (network === 'figure-eight' && length > junctions) return figureEight(length)
  return undefined
}

/** m, of one lane. */
export const roadHalfWidth = 1.6

/** A picture of a road: lengths and places in it, in its own unit (dots, pixels). */
export interface RoadFit {
  /** Units a metre. */
  readonly scale: number
  /** The place of a point of the plane; y is counted downwards. */
  project(x: number, y: number): readonly [x: number, y: number]
}

/** The larger of two pictures that show the whole road in `width` × `height`: as it is, or turned clockwise by an eighth. */
export function fitRoad(shape: RoadShape, width: number, height: number, margin = roadHalfWidth): RoadFit {
  const points = Array.from({ length: fitSamples }, (_, k) => shape.place((k * shape.loopLength) / fitSamples))
  const fits = [0, -Math.PI / 4].map((angle) => {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    const turned = points.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos] as const)
    const left = Math.min(...turned.map(([x]) => x)) - margin
    const right = Math.max(...turned.map(([x]) => x)) + margin
    const bottom = Math.min(...turned.map(([, y]) => y)) - margin
    const top = Math.max(...turned.map(([, y]) => y)) + margin
    const scale = Math.min(width / (right - left), height / (top - bottom))
    const project = (x: number, y: number): readonly [number, number] => [
      width / 2 + (x * cos - y * sin - (left + right) / 2) * scale,
      height / 2 - (x * sin + y * cos - (bottom + top) / 2) * scale,
    ]
    return { scale, project }
  }) as [RoadFit, RoadFit]
  return fits[1].scale > 1.02 * fits[0].scale ? fits[1] : fits[0]
}

const fitSamples = 400

/** m: a lane through the crossing, and where on it the other road's way begins and ends (lanes of 3.2 m width). */
const crossingLength = 9.4
const conflictStart = 3.1
const conflictEnd = 6.3
/** m: a junction in which one road only goes on. */
const joint = 0.1
/** m: all junctions of the figure eight, two crossing lanes and four joints. */
const junctions = 2 * crossingLength + 4 * joint
const quarter = Math.PI / 2

/**
 * Two straight roads through (0, 0), up and to the left, joined by three quarters of a circle at the upper right and at the
 * lower left; 421.94 m with a radius of 30 m. As in SUMO's net, each half of a straight road counts the radius although the
 * crossing takes 4.7 m of it in the plane; the crossing and the circles are to scale.
 */
function figureEight(loopLength: number): RoadShape {
  // Whole centimetres, as SUMO keeps lengths.
  const radius = Math.round((100 * (loopLength - junctions)) / (4 + 6 * quarter)) / 100
  const half = loopLength / 2
  const straight = 2 * radius + crossingLength
  const scale = (radius - crossingLength / 2) / radius
  const alongStraight = (along: number): number => {
    if (along < radius) return -radius + scale * along
    if (along < radius + crossingLength) return along - radius - crossingLength / 2
    return Math.min(radius, crossingLength / 2 + scale * (along - radius - crossingLength))
  }
  const conflict = (road: Conflict['road'], line: number): Conflict => ({
    road,
    line,
    from: line + conflictStart,
    to: line + conflictEnd,
  })
  return {
    network: 'figure-eight',
    loopLength,
    conflicts: [conflict('major', radius), conflict('minor', half + radius)],
    place(s) {
      const at = modulo(s, loopLength)
      const upwards = at < half
      const along = upwards ? at : at - half
      if (along < straight) return upwards ? [0, alongStraight(along)] : [-alongStraight(along), 0]
      // The joints at both ends of a circle have no shape of their own.
      const turned = (3 * quarter * (along - straight)) / (half - straight)
      const [across, up] = [radius * Math.cos(turned), radius * Math.sin(turned)]
      return upwards ? [radius - across, radius + up] : [-radius - up, -radius + across]
    },
  }
}

/** Counter-clockwise, beginning at the bottom. */
function ring(loopLength: number): RoadShape {
  const radius = loopLength / (4 * quarter)
  return {
    network: 'ring',
    loopLength,
    conflicts: [],
    place(s) {
      const angle = (4 * quarter * s) / loopLength - quarter
      return [radius * Math.cos(angle), radius * Math.sin(angle)]
    },
  }
}

function modulo(value: number, length: number): number {
  return value - length * Math.floor(value / length)
}
