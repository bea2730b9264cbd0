import { hexOf, onLight, scaleColour } from '../../schemas/colour-scale.ts'
import { linearScale, niceTicks, type Scale } from './scale.ts'
import { type Attributes, element, escapeXml, textElement } from './svg.ts'
import { fit } from './text.ts'

/** Colours and font of all figures. */
export const fontFamily = 'Atkinson Hyperlegible, system-ui, Segoe UI, Helvetica, Arial, sans-serif'
export const background = '#fcfcfa'
export const ink = '#1f2933'
export const softInk = '#5b6470'
export const gridColour = '#e4e6e3'

/** A plotted area, pixels. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export interface FigureHead {
  readonly title: string
  readonly subtitle: string
}

/** An SVG document of `body` under a title and a subtitle; the same input gives the same text. */
export function figure(width: number, height: number, head: FigureHead, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${fontFamily}">`,
    `<title>${escapeXml(head.title)}</title>`,
    element('rect', { width, height, fill: background }),
    textElement({ x: 24, y: 38, 'font-size': 22, 'font-weight': 700, fill: ink }, fit(head.title, 90)),
    textElement({ x: 24, y: 61, 'font-size': 14, fill: softInk }, fit(head.subtitle, 150)),
    ...body,
    '</svg>\n',
  ].join('\n')
}

export const small: Attributes = { 'font-size': 13, fill: softInk }

/** The time axis under a box: ticks at round seconds, named where `named`. */
export function timeAxis(box: Box, seconds: number, named = true): { x: Scale; drawn: string[] } {
  const { left, top, width, height } = box
  const x = linearScale(0, seconds, left, left + width)
  const bottom = top + height
  const drawn = niceTicks(0, seconds, 12).values.flatMap((value) => [
    line(x(value), top, x(value), bottom, { stroke: gridColour, 'stroke-width': 1 }),
    ...(named ? [textElement({ ...small, x: x(value), y: bottom + 20, 'text-anchor': 'middle' }, String(value))] : []),
  ])
  if (named)
    drawn.push(textElement({ ...small, x: left + width / 2, y: bottom + 42, 'text-anchor': 'middle' }, 'time (s)'))
  return { x, drawn }
}

/** The value axis left of a box, from `low` at its bottom to `high` at its top, its name above. */
export function valueAxis(box: Box, low: number, high: number, name: string): { y: Scale; drawn: string[] } {
  const { left, top, width, height } = box
  const y = linearScale(low, high, top + height, top)
  const ticks = niceTicks(low, high, Math.max(2, Math.round(height / 50)))
  const drawn = ticks.values.flatMap((value) => [
    line(left, y(value), left + width, y(value), {
      stroke: value === low ? softInk : gridColour,
      'stroke-width': 1,
    }),
    textElement({ ...small, x: left - 10, y: y(value) + 4.5, 'text-anchor': 'end' }, value.toFixed(ticks.decimals)),
  ])
  drawn.push(textElement({ ...small, x: left - 44, y: top - 14 }, name))
  return { y, drawn }
}

/** The colour scale of speeds from 0 to `top` m/s, right-aligned at `right`, its bar at height `y`. */
export function speedLegend(right: number, y: number, top: number): string[] {
  const width = 220
  const left = right - width
  const parts = 44
  const bars = Array.from({ length: parts }, (_, i) =>
    element('rect', {
      x: left + (i * width) / parts,
      y,
      // Overlapping by half a pixel leaves no light seams between the parts.
      width: width / parts + (i + 1 < parts ? 0.5 : 0),
      height: 10,
      fill: speedColour((i + 0.5) / parts),
    }),
  )
  const x = linearScale(0, top, left, right)
  const labels = niceTicks(0, top, 5).values.map((value) =>
    textElement({ 'font-size': 12, fill: softInk, x: x(value), y: y + 24, 'text-anchor': 'middle' }, String(value)),
  )
  return [
    textElement({ ...small, x: left - 14, y: y + 10, 'text-anchor': 'end' }, 'colour: speed (m/s)'),
    ...bars,
    ...labels,
  ]
}

/** Colour of `share` of the fastest speed on the figures' background. */
export function speedColour(share: number): string {
  return hexOf(scaleColour(share, onLight))
}

export function line(x1: number, y1: number, x2: number, y2: number, style: Attributes): string {
  return element('line', { x1, y1, x2, y2, ...style })
}
