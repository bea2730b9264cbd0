import { type Box, type Chart, type ChartHead, horizontalAxis, line, small, verticalAxis } from './chart.ts'
import type { HistogramCounts } from './histogram.ts'
import { fill, stroke } from './palette.ts'
import { axisOf } from './scale.ts'
import { element, label } from './svg.ts'

/** Shares of values in bins, those over the last bin as a bar of their own, the median as a line. */
export function histogramChart(
  options: ChartHead & { readonly histogram: HistogramCounts; readonly xName: string },
): Chart {
  const { low, high, bins, above, count, quartiles } = options.histogram
  const box: Box = { left: 52, top: 34, width: 250, height: 150 }
  const shares = [...bins, above].map((found) => (count > 0 ? found / count : 0))
  const { y, drawn: left } = verticalAxis(box, axisOf([0, ...shares], 3), 'share')
  const { x, drawn: below } = horizontalAxis(box, axisOf([low, high], 5), options.xName)
  const step = (high - low) / bins.length
  const bars = bins.map((_, i) => bar(x(low + i * step), x(low + (i + 1) * step), y(shares[i]!), y(0)))
  const end = box.left + box.width
  if (above > 0) {
    bars.push(
      bar(end + 15, end + 29, y(shares.at(-1)!), y(0)),
      label({ ...small, x: end + 22, y: box.top + box.height + 17, 'text-anchor': 'middle' }, `>${high}`),
    )
  }
  const median = quartiles[1]
  const inside = Number.isFinite(median) && median <= high
  const marks = inside ? [line(x(median), box.top - 4, x(median), box.top + box.height, stroke('c2', 2))] : []
  const text = count > 0 ? `median ${median.toFixed(3)} of ${count}` : 'no values'
  marks.push(label({ ...small, x: end, y: box.top - 12, 'text-anchor': 'end' }, text))
  return { ...options, width: 340, height: box.top + box.height + 46, body: [...left, ...below, ...bars, ...marks] }
}

function bar(from: number, to: number, top: number, bottom: number): string {
  return element('rect', { x: from, y: top, width: Math.max(0.5, to - from - 1), height: bottom - top, ...fill('c1') })
}
