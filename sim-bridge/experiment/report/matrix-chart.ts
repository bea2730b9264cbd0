import { type Chart, type ChartHead, plain, small } from './chart.ts'
import { fill, stroke } from './palette.ts'
import { element, label } from './svg.ts'

export interface MatrixChartOptions extends ChartHead {
  /** Square; the diagonal is not drawn. */
  readonly values: readonly (readonly number[])[]
  /** Written right of each row, under `rowName`. */
  readonly rowTexts: readonly string[]
  readonly rowName: string
  readonly rowsAre: string
  readonly columnsAre: string
  readonly digits: number
}

/** A square of shaded cells with their numbers; agents are counted from 1. */
export function matrixChart(options: MatrixChartOptions): Chart {
  const { values, rowTexts, rowName, rowsAre, columnsAre, digits } = options
  const agents = values.length
  const cell = agents <= 8 ? 38 : Math.max(14, 300 / agents)
  const left = 44
  const top = 52
  const side = agents * cell
  const largest = Math.max(
    1e-12,
    ...values.flatMap((row, i) => row.filter((value, j) => i !== j && Number.isFinite(value))),
  )
  const body = [
    label({ ...small, x: left, y: 18 }, columnsAre),
    label(
      { ...small, x: 16, y: top + side / 2, 'text-anchor': 'middle', transform: `rotate(-90 16 ${top + side / 2})` },
      rowsAre,
    ),
    label({ ...small, x: left + side + 10, y: 40 }, rowName),
  ]
  for (const [i, row] of values.entries()) {
    const y = top + i * cell
    const named = agents <= 14 || i % 5 === 4 || i === 0
    if (named) {
      body.push(
        label({ ...plain, x: left - 6, y: y + cell / 2 + 4.5, 'text-anchor': 'end' }, String(i + 1)),
        label({ ...plain, x: left + (i + 0.5) * cell, y: top - 8, 'text-anchor': 'middle' }, String(i + 1)),
        label({ ...small, x: left + side + 10, y: y + cell / 2 + 4.5 }, rowTexts[i] ?? ''),
      )
    }
    for (const [j, value] of row.entries()) {
      const square = { x: left + j * cell, y, width: cell - 1, height: cell - 1 }
      if (i === j || !Number.isFinite(value)) {
        body.push(element('rect', { ...square, ...stroke('grid') }))
        continue
      }
      body.push(element('rect', { ...square, ...fill('c1'), 'fill-opacity': 0.04 + (0.66 * value) / largest }))
      if (cell >= 34) {
        const at = { x: left + (j + 0.5) * cell, y: y + cell / 2 + 4.5, 'text-anchor': 'middle' }
        body.push(label({ ...plain, 'font-size': 12, ...at }, value.toFixed(largest >= 1000 ? 0 : digits)))
      }
    }
  }
  return { ...options, width: Math.max(360, left + side + 96), height: top + side + 10, body }
}
