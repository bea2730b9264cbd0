import { darkStyle, fill, stroke } from './palette.ts'
import { type Axis, linearScale, type Scale } from './scale.ts'
import { type Attributes, element, escapeText, label, pathData } from './svg.ts'

/** What a drawing says of itself; `id` must be unique on its page. */
export interface ChartHead {
  readonly id: string
  readonly title: string
  readonly description: string
}

/** A drawing: `inline` for a page that carries the colours, `file` with its own. Equal input gives equal text. */
export interface Chart extends ChartHead {
  readonly width: number
  readonly height: number
  readonly body: readonly string[]
}

export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const fontFamily = 'Atkinson Hyperlegible, system-ui, Segoe UI, Helvetica, Arial, sans-serif'
export const fontSize = 13
/** Attributes of small text. */
export const small: Attributes = { 'font-size': fontSize, ...fill('soft') }
export const plain: Attributes = { 'font-size': fontSize, ...fill('ink') }

/** The drawing as an element of a page. */
export function inlineChart(chart: Chart): string {
  const { id, width, height } = chart
  const attributes = { id, viewBox: `0 0 ${width} ${height}`, width, height, ...described(chart) }
  return element('svg', attributes, ...told(chart), ...chart.body)
}

/** The drawing as an SVG file with title, light and dark. */
export function chartFile(chart: Chart): string {
  const { width, title, body } = chart
  const head = 40
  const height = chart.height + head
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    ...described(chart),
  }
  return `${element(
    'svg',
    attributes,
    ...told(chart),
    element('style', {}, darkStyle()),
    element('rect', { width, height, ...fill('paper') }),
    label({ x: 16, y: 27, 'font-size': 17, 'font-weight': 700, ...fill('ink') }, cut(title, (width - 32) / 9)),
    element('g', { transform: `translate(0 ${head})` }, ...body),
  ).replaceAll('><', '>\n<')}\n`
}

function described({ id }: Chart): Attributes {
  return { role: 'img', 'aria-labelledby': `${id}-title ${id}-desc`, 'font-family': fontFamily }
}

function told({ id, title, description }: Chart): string[] {
  return [
    element('title', { id: `${id}-title` }, escapeText(title)),
    element('desc', { id: `${id}-desc` }, escapeText(description)),
  ]
}

/** `text` with at most `length` characters, the last of them an ellipsis where it was longer. */
export function cut(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, Math.max(0, Math.floor(length) - 1)).join('')}…`
}

export function line(x1: number, y1: number, x2: number, y2: number, style: Attributes): string {
  return element('line', { x1, y1, x2, y2, ...style })
}

/** The horizontal axis under a box, its name below. */
export function horizontalAxis(box: Box, axis: Axis, name: string): { x: Scale; drawn: string[] } {
  const x = linearScale(axis.low, axis.high, box.left, box.left + box.width)
  const bottom = box.top + box.height
  const drawn = axis.ticks.flatMap((tick) => [
    line(x(tick), box.top, x(tick), bottom, stroke('grid')),
    label({ ...small, x: x(tick), y: bottom + 17, 'text-anchor': 'middle' }, number(tick, axis.decimals)),
  ])
  drawn.push(label({ ...small, x: box.left + box.width / 2, y: bottom + 36, 'text-anchor': 'middle' }, name))
  return { x, drawn }
}

/** The vertical axis left of a box, its name above. */
export function verticalAxis(box: Box, axis: Axis, name: string): { y: Scale; drawn: string[] } {
  const y = linearScale(axis.low, axis.high, box.top + box.height, box.top)
  const drawn = axis.ticks.flatMap((tick) => [
    line(box.left, y(tick), box.left + box.width, y(tick), stroke('grid')),
    label({ ...small, x: box.left - 8, y: y(tick) + 4.5, 'text-anchor': 'end' }, number(tick, axis.decimals)),
  ])
  drawn.push(label({ ...small, x: Math.max(4, box.left - 44), y: box.top - 12 }, name))
  return { y, drawn }
}

/** A band between two curves; points that are not finite are left out. */
export function band(points: readonly (readonly [x: number, lower: number, upper: number])[]): string {
  const known = points.filter((point) => point.every((value) => Number.isFinite(value)))
  if (known.length < 2) return ''
  const there = known.map(([x, , upper]) => [x, upper] as const)
  const back = known.map(([x, lower]) => [x, lower] as const).reverse()
  return `${pathData([...there, ...back])}Z`
}

function number(value: number, decimals: number): string {
  return value.toFixed(decimals).replace('-', '−')
}
