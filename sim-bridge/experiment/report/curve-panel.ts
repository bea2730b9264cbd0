import { type Box, band, type Chart, type ChartHead, horizontalAxis, line, verticalAxis } from './chart.ts'
import type { Series } from './line-chart.ts'
import { fill, stroke } from './palette.ts'
import { axisOf } from './scale.ts'
import { element, pathData } from './svg.ts'

export interface CurvePanelOptions extends ChartHead {
  readonly xName: string
  readonly yName: string
  /** The one that is shown with its band, and all that are shown as thin lines behind it. */
  readonly shown: Series
  readonly all: readonly Series[]
  readonly lines: readonly number[]
}

/** One curve with its band before all others; panels of equal `all` and `lines` have equal axes. */
export function curvePanel(options: CurvePanelOptions): Chart {
  const { shown, all, lines } = options
  const box: Box = { left: 48, top: 30, width: 276, height: 150 }
  const points = all.flatMap((series) => series.points)
  const spans = points.flatMap(({ mean, lower, upper }) => [mean, lower, upper])
  const { x, drawn: below } = horizontalAxis(box, axisOf([0, ...points.map((point) => point.x)], 5), options.xName)
  const { y, drawn: left } = verticalAxis(box, axisOf([...spans, ...lines], 4), options.yName)
  const curve = (series: Series) => pathData(series.points.map((point) => [x(point.x), y(point.mean)]))
  const area = band(shown.points.map((point) => [x(point.x), y(point.lower), y(point.upper)]))
  const others = all.filter((series) => series !== shown)
  return {
    ...options,
    width: 340,
    height: box.top + box.height + 46,
    body: [
      ...below,
      ...left,
      ...lines.map((at) =>
        line(box.left, y(at), box.left + box.width, y(at), { ...stroke('soft'), 'stroke-dasharray': '1 4' }),
      ),
      ...others.map((series) => element('path', { d: curve(series), ...stroke('soft', 0.7), 'stroke-opacity': 0.45 })),
      ...(area ? [element('path', { d: area, ...fill('c1'), 'fill-opacity': 0.28 })] : []),
      element('path', { d: curve(shown), ...stroke('c1', 2.2) }),
    ],
  }
}
