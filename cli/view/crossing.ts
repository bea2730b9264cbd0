import { letterOf, type Passage } from '../../sim-bridge/trajectory/passages.ts'
import {
  type Box,
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
import type { Scale } from './scale.ts'
import { element, escapeXml, textElement } from './svg.ts'

export interface CrossingOptions {
  readonly head: FigureHead
  readonly passages: readonly Passage[]
  readonly vehicles: readonly string[]
  /** Of the epoch. */
  readonly seconds: number
  /** Speed at the end of the colour scale, m/s. */
  readonly topSpeed: number
  /** Speed at the top of the axis, m/s. */
  readonly topEntrySpeed: number
}

const usage: Box = { left: 110, top: 146, width: 1040, height: 150 }
const speeds: Box = { left: 110, top: 368, width: 1040, height: 220 }
const size = { width: 1200, height: 660 } as const
const roads = ['major', 'minor'] as const
const roadColour = { major: '#1d4ed8', minor: '#c2620a' } as const
const barHeight = 22

/**
 * Who uses the crossing, as SVG text: above, when the conflict zone is taken, a row per road and a bar (class `passage`)
 * per car, coloured by its speed at the stop line; below, these speeds, learners filled and drivers hollow.
 */
export function crossingDiagram(options: CrossingOptions): string {
  const { head, passages, vehicles, seconds, topSpeed, topEntrySpeed } = options
  const above = timeAxis(usage, seconds, false)
  const below = timeAxis(speeds, seconds)
  const value = valueAxis(speeds, 0, topEntrySpeed, 'speed at the stop line (m/s)')
  const rows = roads.flatMap((road, row) => {
    const y = rowOf(row)
    return [
      textElement({ ...small, x: usage.left - 12, y: y + 4.5, 'text-anchor': 'end', fill: ink }, `${road} road`),
      line(usage.left, y, usage.left + usage.width, y, { stroke: softInk, 'stroke-width': 0.5 }),
    ]
  })
  const drawn = passages.flatMap((passage) => [
    // Who has not reached the zone when the epoch ends is not in it.
    ...(passage.from < seconds
      ? [bar(passage, vehicles[passage.car] ?? '', above.x, topSpeed), letter(passage, above.x)]
      : []),
    dot(passage, below.x, value.y),
  ])
  return figure(size.width, size.height, head, [
    ...above.drawn,
    ...below.drawn,
    ...value.drawn,
    textElement({ ...small, x: usage.left - 84, y: usage.top - 14 }, 'who is in the conflict zone'),
    ...rows,
    ...drawn,
    ...legend,
    ...speedLegend(usage.left + usage.width, 84, topSpeed),
  ])
}

function rowOf(row: number): number {
  return usage.top + usage.height * (row === 0 ? 0.32 : 0.8)
}

function bar({ road, from, to, entrySpeed, learner }: Passage, id: string, x: Scale, topSpeed: number): string {
  const place = {
    x: x(from),
    y: rowOf(roads.indexOf(road)) - barHeight / 2,
    width: Math.max(0.5, x(to) - x(from)),
    height: barHeight,
  }
  const title = `${id}, ${learner ? 'learner' : 'driver'}: ${from.toFixed(1)} to ${to.toFixed(1)} s, ${entrySpeed.toFixed(2)} m/s`
  const style = { fill: speedColour(entrySpeed / topSpeed), stroke: '#fcfcfa', 'stroke-width': 0.8, rx: 2 }
  return element('rect', { class: 'passage', ...place, ...style }, `<title>${escapeXml(title)}</title>`)
}

function letter({ road, learner, from, to }: Passage, x: Scale): string {
  const y = rowOf(roads.indexOf(road)) - barHeight / 2 - 5
  const style = { 'font-size': 13, 'font-weight': learner ? 700 : 400, fill: learner ? ink : softInk }
  return textElement({ x: (x(from) + x(to)) / 2, y, 'text-anchor': 'middle', ...style }, letterOf(road, learner))
}

function dot({ road, learner, entered, entrySpeed }: Passage, x: Scale, y: Scale): string {
  const fill = learner ? roadColour[road] : '#fcfcfa'
  const place = { cx: x(entered), cy: y(entrySpeed), r: 4.2 }
  return element('circle', { ...place, fill, stroke: roadColour[road], 'stroke-width': 1.6 })
}

const legend = (
  [
    ['major road, learner (A)', 'major', true],
    ['major road, driver (a)', 'major', false],
    ['minor road, learner (B)', 'minor', true],
    ['minor road, driver (b)', 'minor', false],
  ] as const
).flatMap(([name, road, learner], i) => {
  const left = speeds.left + 240 + 200 * i
  const fill = learner ? roadColour[road] : '#fcfcfa'
  return [
    element('circle', { cx: left, cy: speeds.top - 18, r: 4.2, fill, stroke: roadColour[road], 'stroke-width': 1.6 }),
    textElement({ ...small, x: left + 10, y: speeds.top - 13.5 }, name),
  ]
})
