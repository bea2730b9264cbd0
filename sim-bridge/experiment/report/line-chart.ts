import {
  type Box,
  band,
  type Chart,
  type ChartHead,
  cut,
  horizontalAxis,
  line,
  plain,
  small,
  verticalAxis,
} from './chart.ts'
import { fill, seriesStyle, stroke } from './palette.ts'
import { axisOf, spread } from './scale.ts'
import { element, label, pathData } from './svg.ts'

/** A curve with its 95 % band; `value` is written beside its name. */
export interface Series {
  readonly label: string
  readonly value: string
  /** Its place in the palette. */
  readonly index: number
  readonly points: readonly SeriesPoint[]
}

export interface SeriesPoint {
  readonly x: number
  readonly mean: number
  readonly lower: number
  readonly upper: number
}

export interface LineChartOptions extends ChartHead {
  readonly xName: string
  readonly yName: string
  readonly series: readonly Series[]
  /** Dotted horizontals with their names. */
  readonly lines?: readonly { readonly name: string; readonly value: string; readonly y: number }[]
  readonly bands?: boolean
}

const rowHeight = 18
const labelWidth = 236

/** Curves over epochs with their names and values in a column on the right, each as near to its curve as the others allow. */
export function lineChart(options: LineChartOptions): Chart {
  const { series, lines = [], bands = true } = options
  const width = 860
  const rows = series.length + lines.length
  const box: Box = { left: 56, top: 34, width: width - 56 - labelWidth, height: Math.max(340, rows * rowHeight) }
  const shown = series.flatMap(({ points }) => points)
  const spans = shown.flatMap(({ mean, lower, upper }) => (bands ? [mean, lower, upper] : [mean]))
  const { x, drawn: below } = horizontalAxis(box, axisOf(shown.map((point) => point.x).concat(0), 8), options.xName)
  const { y, drawn: left } = verticalAxis(box, axisOf([...spans, ...lines.map((found) => found.y)], 7), options.yName)
  const right = box.left + box.width
  const curves = series.flatMap(({ index, points }) => {
    const { colour, dash } = seriesStyle(index)
    const area = bands ? band(points.map((point) => [x(point.x), y(point.lower), y(point.upper)])) : ''
    return [
      ...(area ? [element('path', { d: area, ...fill(colour), 'fill-opacity': 0.13 })] : []),
      element('path', {
        d: pathData(points.map((point) => [x(point.x), y(point.mean)])),
        ...stroke(colour, 2),
        ...dash,
      }),
    ]
  })
  const horizontals = lines.map((found) =>
    line(box.left, y(found.y), right, y(found.y), {
      ...stroke('soft', 1.5),
      'stroke-dasharray': '1 4',
      'stroke-linecap': 'round',
    }),
  )
  return {
    ...options,
    width,
    height: box.top + box.height + 46,
    body: [...below, ...left, ...horizontals, ...curves, ...names(options, box, y)],
  }
}

function names({ series, lines = [] }: LineChartOptions, box: Box, y: (value: number) => number): string[] {
  const right = box.left + box.width
  const entries = [
    ...series.map(({ label: name, value, index, points }) => {
      const last = points.findLast(({ mean }) => Number.isFinite(mean))
      return { name, value, at: last ? y(last.mean) : Number.NaN, from: right, style: seriesStyle(index) }
    }),
    ...lines.map(({ name, value, y: at }) => ({ name, value, at: y(at), from: right, style: undefined })),
  ]
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at)
  const places = spread(
    entries.map(({ at }) => at),
    rowHeight,
    box.top,
    box.top + box.height,
  )
  return entries.flatMap(({ name, value, at, from, style }, i) => {
    const place = places[i]!
    const leader = pathData([
      [from + 3, at],
      [from + 17, place],
      [from + 33, place],
    ])
    const pen = style
      ? { ...stroke(style.colour, 2.5), ...style.dash }
      : { ...stroke('soft', 1.5), 'stroke-dasharray': '1 4', 'stroke-linecap': 'round' }
    const text = style ? plain : small
    return [
      element('path', { d: leader, ...pen }),
      label({ ...text, x: from + 82, y: place + 4.5, 'text-anchor': 'end', 'font-weight': style ? 700 : 400 }, value),
      label({ ...text, x: from + 90, y: place + 4.5 }, cut(name, 20)),
    ]
  })
}
