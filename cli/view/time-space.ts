import type { Conflict } from '../../schemas/road-shape.ts'
import type { Trajectory } from '../../sim-bridge/trajectory/trajectory.ts'
import {
  type FigureHead,
  figure,
  ink,
  line,
  small,
  softInk,
  speedColour,
  speedLegend,
  timeAxis,
  valueAxis,
} from './figure.ts'
import { element, escapeXml, pathData, textElement } from './svg.ts'

export interface TimeSpaceOptions {
  readonly head: FigureHead
  readonly trajectory: Trajectory
  /** The places to mark. */
  readonly conflicts: readonly Conflict[]
  /** Speed at the end of the colour scale, m/s; what is faster has its colour. */
  readonly topSpeed: number
}

const box = { left: 70, top: 124, width: 1010, height: 500 } as const
const size = { width: 1200, height: 690 } as const

/** Steps of the colour scale: a line changes its colour where its speed reaches the next one. */
const colours = 24
/** No line needs more points than the figure has pixels. */
const mostPoints = 750

/**
 * The time–space diagram as SVG text: position along the loop over time, one group per car (class `car`) whose paths are
 * coloured by speed, learners drawn thick; where the loop closes a line leaves at the top and comes in at the bottom.
 */
export function timeSpaceDiagram({ head, trajectory, conflicts, topSpeed }: TimeSpaceOptions): string {
  const { steps, stepLength, vehicles, learner } = trajectory
  const right = box.left + box.width
  const time = timeAxis(box, steps * stepLength)
  const place = valueAxis(box, 0, longestOf(trajectory), 'position along the loop (m)')
  const bands = conflicts.flatMap(({ road, from, to }) => [
    element('rect', {
      ...{ x: box.left, y: place.y(to), width: box.width, height: place.y(from) - place.y(to) },
      ...{ fill: '#94a3b8', opacity: 0.45 },
    }),
    textElement({ ...small, x: right + 10, y: place.y((from + to) / 2) - 2, fill: ink }, 'crossing,'),
    textElement({ ...small, x: right + 10, y: place.y((from + to) / 2) + 13, fill: ink }, `${road} road`),
  ])
  const cars = vehicles.map((id, car) => {
    const width = learner[car] ? 2.4 : 1.1
    const paths = carPaths(trajectory, car, topSpeed, time.x, place.y).map(({ colour, data }) =>
      element('path', { d: data, stroke: speedColour((colour + 0.5) / colours), 'stroke-width': width }),
    )
    const name = `<title>${escapeXml(`${id}, ${learner[car] ? 'learner' : 'driver'}`)}</title>`
    const style = { class: 'car', 'data-car': id, fill: 'none', 'stroke-linejoin': 'round', 'stroke-linecap': 'butt' }
    return element('g', style, name, ...paths)
  })
  return figure(size.width, size.height, head, [
    ...time.drawn,
    ...place.drawn,
    ...bands,
    ...cars,
    ...widthLegend(box.left + 190, 93),
    ...speedLegend(right, 84, topSpeed),
  ])
}

function widthLegend(left: number, y: number): string[] {
  const entries = [
    ['learner', 2.4, 0],
    ['driver', 1.1, 110],
  ] as const
  return entries.flatMap(([name, width, offset]) => [
    line(left + offset, y, left + offset + 34, y, { stroke: softInk, 'stroke-width': width }),
    textElement({ ...small, x: left + offset + 42, y: y + 4.5 }, name),
  ])
}

/** m: of the loop, or of the longest way that a car drives where there are several. */
function longestOf({ position, loopLength }: Trajectory): number {
  const farthest = position.reduce((most, s) => Math.max(most, s), 0)
  return farthest > Math.fround(loopLength) ? farthest : loopLength
}

type Point = readonly [x: number, y: number]

/** The line of one car, cut into paths of one colour each. */
function carPaths(
  trajectory: Trajectory,
  car: number,
  topSpeed: number,
  x: (seconds: number) => number,
  y: (metres: number) => number,
): { colour: number; data: string }[] {
  const { position, speed, steps, vehicles, stepLength, loopLength } = trajectory
  const cars = vehicles.length
  const longest = longestOf(trajectory)
  const stride = Math.max(1, Math.ceil(steps / mostPoints))
  const data: string[] = Array.from({ length: colours }, () => '')
  let points: Point[] = []
  let colour = -1
  const finish = (): void => {
    if (points.length > 1) data[colour] += pathData(points)
    points = []
  }
  for (let k = stride; k < steps; k += stride) {
    const before = position[(k - stride) * cars + car]!
    const now = position[k * cars + car]!
    const [from, to] = [(k - stride + 1) * stepLength, (k + 1) * stepLength]
    const share = speed[k * cars + car]! / topSpeed
    const next = Math.max(0, Math.min(colours - 1, Math.floor(share * colours)))
    if (next !== colour) {
      finish()
      colour = next
    }
    if (points.length === 0) points.push([x(from), y(before)])
    if (now < before - loopLength / 2) {
      if (longest > loopLength) {
        // Where the loop of this car closes is not known: the line is left open for a step.
        finish()
        points.push([x(to), y(now)])
        continue
      }
      const closes = from + ((to - from) * (loopLength - before)) / (loopLength - before + now)
      points.push([x(closes), y(loopLength)])
      finish()
      points.push([x(closes), y(0)])
    }
    points.push([x(to), y(now)])
  }
  finish()
  return data.flatMap((text, index) => (text === '' ? [] : [{ colour: index, data: text }]))
}
