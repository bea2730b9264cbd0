import { linearScale, niceDomain, niceTicks } from '../cli/view/scale.ts'
import { element, escapeXml, pathData, textElement } from '../cli/view/svg.ts'
import type { ScalingPoint } from './sim.ts'

const size = { width: 720, height: 420 } as const
const box = { left: 80, top: 90, width: 600, height: 260 } as const
const ink = '#1f2933'
const softInk = '#5b6470'
const colour = '#1d4ed8'

/** Cost of one car-step over the number of cars (logarithmic axis) as SVG text. */
export function scalingPlot(points: readonly ScalingPoint[], subtitle: string): string {
  const { left, top, width, height } = box
  const [low, high] = niceDomain(0, Math.max(...points.map(({ nanoseconds }) => nanoseconds)), 6)
  const y = linearScale(low, high, top + height, top)
  const x = linearScale(1, 4, left, left + width)
  const at = points.map(({ cars, nanoseconds }) => [x(Math.log10(cars)), y(nanoseconds)] as const)
  const small = { 'font-size': 13, fill: softInk }
  const ticks = niceTicks(low, high, 6)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" role="img" font-family="Atkinson Hyperlegible, system-ui, Segoe UI, Helvetica, Arial, sans-serif">`,
    `<title>${escapeXml('Cost of one car-step of the embedded simulator')}</title>`,
    element('rect', { ...size, fill: '#fcfcfa' }),
    textElement({ x: 24, y: 36, 'font-size': 20, 'font-weight': 700, fill: ink }, 'Cost of one car-step'),
    textElement({ x: 24, y: 58, 'font-size': 13, fill: softInk }, subtitle),
    textElement({ ...small, x: 24, y: top - 12 }, 'ns'),
    ...ticks.values.flatMap((value) => [
      element('line', { x1: left, x2: left + width, y1: y(value), y2: y(value), stroke: '#e4e6e3' }),
      textElement({ ...small, x: left - 10, y: y(value) + 4.5, 'text-anchor': 'end' }, value.toFixed(ticks.decimals)),
    ]),
    ...[10, 100, 1000, 10_000].flatMap((cars) => {
      const place = x(Math.log10(cars))
      const bottom = top + height
      return [
        element('line', { x1: place, x2: place, y1: bottom, y2: bottom + 5, stroke: softInk }),
        textElement({ ...small, x: place, y: bottom + 22, 'text-anchor': 'middle' }, cars.toLocaleString('en')),
      ]
    }),
    textElement({ ...small, x: left + width / 2, y: top + height + 46, 'text-anchor': 'middle' }, 'cars'),
    element('path', { d: pathData(at), fill: 'none', stroke: colour, 'stroke-width': 2 }),
    ...at.flatMap(([cx, cy], index) => [
      element('circle', { cx, cy, r: 4, fill: colour }),
      textElement(
        { 'font-size': 13, fill: ink, x: cx, y: cy - 12, 'text-anchor': 'middle' },
        points[index]!.nanoseconds.toFixed(0),
      ),
    ]),
    '</svg>',
  ].join('\n')}\n`
}
