import { type Box, type Chart, type ChartHead, cut, horizontalAxis, line, plain, small } from './chart.ts'
import { type Colour, fill, stroke } from './palette.ts'
import { axisOf } from './scale.ts'
import { element, label } from './svg.ts'

export interface IntervalRow {
  readonly label: string
  /** One per panel. */
  readonly values: readonly IntervalMark[]
}

/** A point with its interval; a filled one says what its interval supports. */
export interface IntervalMark {
  readonly mean: number
  readonly lower: number
  readonly upper: number
  readonly strong: boolean
  readonly text: string
}

export interface IntervalChartOptions extends ChartHead {
  readonly panels: readonly string[]
  readonly xName: string
  readonly rows: readonly IntervalRow[]
  /** Where a vertical line stands in every panel. */
  readonly mark?: number
  /** All panels have one scale, which holds these. */
  readonly span?: readonly number[]
}

const rowHeight = 34

/** Rows of points with their 95 % intervals, a panel beside the other (a forest plot). */
export function intervalChart(options: IntervalChartOptions): Chart {
  const { rows, panels, mark, span = [] } = options
  const single = panels.length === 1
  const width = single ? 340 : 860
  const names = single ? 122 : 166
  const room = (width - names - 8) / panels.length
  const marks = rows.flatMap(({ values }) => values)
  const axis = axisOf([...span, ...(mark === undefined ? [] : [mark]), ...marks.flatMap(ends)], single ? 4 : 3)
  const height = rows.length * rowHeight + 8
  const body = rows.map(({ label: name }, i) =>
    label({ ...plain, x: names - 14, y: 34 + i * rowHeight + 25, 'text-anchor': 'end' }, cut(name, single ? 15 : 21)),
  )
  for (const [panel, title] of panels.entries()) {
    const box: Box = { left: names + panel * room + 8, top: 34, width: room - 40, height }
    const { x, drawn } = horizontalAxis(box, axis, panel === Math.floor((panels.length - 1) / 2) ? options.xName : '')
    body.push(...drawn, label({ ...plain, 'font-weight': 700, x: box.left, y: 22 }, title))
    if (mark !== undefined) body.push(line(x(mark), box.top, x(mark), box.top + height, stroke('soft', 1.5)))
    for (const [i, row] of rows.entries()) {
      const value = row.values[panel]
      if (value) body.push(...drawMark(value, x, box, box.top + i * rowHeight + 24))
    }
  }
  return { ...options, width, height: 34 + height + 46, body }
}

function ends({ mean, lower, upper }: IntervalMark): number[] {
  return [mean, lower, upper]
}

function drawMark(mark: IntervalMark, x: (value: number) => number, box: Box, y: number): string[] {
  if (!Number.isFinite(mark.mean)) return [label({ ...small, x: box.left + 4, y: y + 2 }, mark.text)]
  const colour: Colour = mark.strong ? 'c1' : 'soft'
  const from = Number.isFinite(mark.lower) ? x(mark.lower) : box.left
  const to = Number.isFinite(mark.upper) ? x(mark.upper) : box.left + box.width
  const at = x(mark.mean)
  // The name of the value stays inside its panel.
  const half = mark.text.length * 3.3 + 4
  const middle = Math.min(box.left + box.width - half, Math.max(box.left + half, at))
  return [
    line(from, y, to, y, stroke(colour, 2)),
    element('circle', {
      cx: at,
      cy: y,
      r: 4.5,
      ...stroke(colour, 2),
      ...fill(mark.strong ? colour : 'paper'),
      class: mark.strong ? `f-${colour} s-${colour}` : `f-paper s-${colour}`,
    }),
    label({ ...small, 'font-size': 12, x: middle, y: y - 9, 'text-anchor': 'middle' }, mark.text),
  ]
}
