import {
  type Box,
  type Chart,
  type ChartHead,
  horizontalAxis,
  line,
  small,
  verticalAxis,
} from '../experiment/report/chart.ts'
import { type Colour, fill, stroke } from '../experiment/report/palette.ts'
import { axisOf, type Scale } from '../experiment/report/scale.ts'
import { element, label, pathData } from '../experiment/report/svg.ts'

/** Small enough to be read on a telephone of 360 px. */
export const chartBox: Box = { left: 52, top: 50, width: 280, height: 160 }
export const chartWidth = 360
export const chartHeight = chartBox.top + chartBox.height + 46

export interface TimeChartOptions extends ChartHead {
  readonly yName: string
  /** Logarithmic, from a tenth of a unit on. */
  readonly logarithmic?: boolean
  readonly untilS: number
  readonly curves: readonly {
    readonly name: string
    readonly colour: Colour
    readonly points: readonly (readonly [atS: number, value: number])[]
    /** Holds its value until the next point. */
    readonly steps?: boolean
  }[]
  /** Dotted horizontals with their names. */
  readonly levels?: readonly { readonly name: string; readonly value: number }[]
  /** Times that stand out, as ticks on the upper edge. */
  readonly marks?: readonly number[]
  /** Verticals through the whole drawing. */
  readonly events?: readonly number[]
}

/** Curves over the seconds of a run, named in a line above. */
export function timeChart(options: TimeChartOptions): Chart {
  const { curves, levels = [], marks = [], events = [], untilS } = options
  const { left, top, width, height } = chartBox
  const [right, bottom] = [left + width, top + height]
  const { x, drawn: below } = horizontalAxis(chartBox, axisOf([0, untilS], 5), 'seconds of the run')
  const values = [
    ...curves.flatMap(({ points }) => points.map(([, value]) => value)),
    ...levels.map(({ value }) => value),
  ]
  const { y, drawn: beside } = options.logarithmic
    ? logarithmicAxis(values, options.yName)
    : verticalAxis(chartBox, axisOf([0, ...values], 4), options.yName)
  return {
    ...options,
    width: chartWidth,
    height: chartHeight,
    body: [
      ...below,
      ...beside,
      ...events.map((atS) => line(x(atS), top, x(atS), bottom, { ...stroke('c4', 1.5), 'stroke-dasharray': '4 3' })),
      ...levels.flatMap(({ name, value }) => [
        line(left, y(value), right, y(value), {
          ...stroke('soft', 1.5),
          'stroke-dasharray': '1 4',
          'stroke-linecap': 'round',
        }),
        label({ ...small, x: right, y: y(value) - 4, 'text-anchor': 'end' }, name),
      ]),
      ...curves.map(({ colour, points, steps }) =>
        element('path', {
          d: pathData(steps ? stepped(points, untilS, x, y) : points.map(([atS, v]) => [x(atS), y(v)])),
          ...stroke(colour, 2),
        }),
      ),
      // A curve of one point would not be seen.
      ...curves.flatMap(({ colour, points }) =>
        points.length === 1
          ? points.map(([atS, v]) => element('circle', { cx: x(atS), cy: y(v), r: 2.5, ...fill(colour) }))
          : [],
      ),
      ...marks.map((atS) => line(x(atS), top - 6, x(atS), top + 6, stroke('c2', 2))),
      ...legend(curves.map(({ name, colour }) => ({ name, colour }))),
    ],
  }
}

/** Names above the drawing, each after a dash of its colour. */
function legend(entries: readonly { readonly name: string; readonly colour: Colour }[]): string[] {
  return entries.flatMap(({ name, colour }, i) => {
    const from = chartBox.left + i * (chartBox.width / entries.length)
    return [line(from, 12, from + 16, 12, stroke(colour, 2.5)), label({ ...small, x: from + 20, y: 16.5 }, name)]
  })
}

function stepped(
  points: readonly (readonly [number, number])[],
  untilS: number,
  x: Scale,
  y: Scale,
): [number, number][] {
  const corners = points.flatMap(([atS, value], i): [number, number][] => {
    const next = points[i + 1]?.[0] ?? untilS
    return [
      [x(atS), y(value)],
      [x(next), y(value)],
    ]
  })
  return corners
}

function logarithmicAxis(values: readonly number[], name: string): { y: Scale; drawn: string[] } {
  const { left, top, width, height } = chartBox
  const scale = logarithmicScale(values, top + height, top)
  const drawn = scale.ticks.flatMap((tick) => [
    line(left, scale.at(tick), left + width, scale.at(tick), stroke('grid')),
    label({ ...small, x: left - 8, y: scale.at(tick) + 4.5, 'text-anchor': 'end' }, decade(tick)),
  ])
  drawn.push(label({ ...small, x: Math.max(4, left - 44), y: top - 12 }, name))
  return { y: scale.at, drawn }
}

/** A power of ten, as 10⁴ where it has five digits. */
export function decade(value: number): string {
  if (value < 10_000) return String(value)
  return `10${[...String(Math.round(Math.log10(value)))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`
}

/** Powers of ten around all finite `values`, none below 0.1; what is below the lowest is drawn there. */
export function logarithmicScale(
  values: readonly number[],
  fromPixel: number,
  toPixel: number,
): { readonly at: Scale; readonly ticks: readonly number[] } {
  const exponents = values.filter((value) => Number.isFinite(value)).map((value) => Math.log10(Math.max(0.1, value)))
  const low = Math.floor(exponents.reduce((a, b) => Math.min(a, b), exponents[0] ?? 0))
  const high = Math.max(low + 1, Math.ceil(exponents.reduce((a, b) => Math.max(a, b), exponents[0] ?? 0)))
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => Number((10 ** (low + i)).toPrecision(1)))
  const share = (value: number): number => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)
  return { at: (value) => fromPixel + share(value) * (toPixel - fromPixel), ticks }
}
