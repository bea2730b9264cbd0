import { type CurveLabel, labelColumn } from '../cli/view/curve-labels.ts'
import { extent } from '../cli/view/plot.ts'
import { linearScale, niceDomain, niceTicks } from '../cli/view/scale.ts'
import { element, escapeXml, pathData, textElement } from '../cli/view/svg.ts'

export interface Curve {
  readonly label: string
  readonly colour: string
  /** In order of x; the band reaches `halfWidth` to both sides of the mean. */
  readonly points: readonly { readonly x: number; readonly mean: number; readonly halfWidth: number }[]
}

export interface Comparison {
  readonly title: string
  readonly subtitle: string
  readonly curves: readonly Curve[]
  /** Horizontal lines to compare with. */
  readonly lines: readonly { readonly label: string; readonly value: number }[]
}

const figure = { width: 1040, height: 560 } as const
const box = { left: 64, top: 92, right: 760, bottom: 490 } as const
const font = 'Atkinson Hyperlegible, system-ui, Segoe UI, Helvetica, Arial, sans-serif'
const ink = '#1f2933'
const softInk = '#5b6470'

/** Curves with bands over decisions, as SVG text; the same input gives the same text. */
export function comparisonSvg({ title, subtitle, curves, lines }: Comparison): string {
  const points = curves.flatMap((curve) => curve.points)
  const ends = points.flatMap(({ mean, halfWidth }) => [mean - halfWidth, mean + halfWidth])
  const [low, high] = niceDomain(...extent([...ends, ...lines.map(({ value }) => value)]), 7)
  const [, last] = extent(points.map(({ x }) => x))
  const x = linearScale(0, last, box.left, box.right)
  const y = linearScale(low, high, box.bottom, box.top)
  const small = { 'font-size': 13, fill: softInk }
  const horizontal = (value: number, style: Readonly<Record<string, string | number>>): string =>
    element('line', { x1: box.left, x2: box.right, y1: y(value), y2: y(value), ...style })
  const yTicks = niceTicks(low, high, 7)
  const labels: CurveLabel[] = [
    ...curves.map(({ label, colour, points: of }) => labelOf(label, of.at(-1)?.mean ?? Number.NaN, colour, true)),
    ...lines.map(({ label, value }) => labelOf(label, value, softInk, false)),
  ]

  function labelOf(name: string, value: number, colour: string, bold: boolean): CurveLabel {
    return { name, value: value.toFixed(1), y: y(value), colour, bold }
  }

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${figure.width}" height="${figure.height}" viewBox="0 0 ${figure.width} ${figure.height}" role="img" font-family="${font}">`,
    `<title>${escapeXml(title)}</title>`,
    element('rect', { ...figure, fill: '#fcfcfa' }),
    textElement({ x: 24, y: 38, 'font-size': 22, 'font-weight': 700, fill: ink }, title),
    textElement({ x: 24, y: 61, 'font-size': 14, fill: softInk }, subtitle),
    ...yTicks.values.flatMap((value) => [
      horizontal(value, { stroke: value === low ? softInk : '#e4e6e3', 'stroke-width': 1 }),
      textElement(
        { ...small, x: box.left - 10, y: y(value) + 4.5, 'text-anchor': 'end' },
        value.toFixed(yTicks.decimals),
      ),
    ]),
    ...niceTicks(0, last, 8).values.map((value) =>
      textElement({ ...small, x: x(value), y: box.bottom + 22, 'text-anchor': 'middle' }, value.toLocaleString('en')),
    ),
    textElement({ ...small, x: (box.left + box.right) / 2, y: box.bottom + 46, 'text-anchor': 'middle' }, 'decisions'),
    ...lines.map(({ value }) => horizontal(value, { stroke: softInk, 'stroke-width': 1.5, 'stroke-dasharray': '6 4' })),
    ...curves.map(({ points: of, colour }) => {
      const upper = of.map((point) => [x(point.x), y(point.mean + point.halfWidth)] as const)
      const lower = of.map((point) => [x(point.x), y(point.mean - point.halfWidth)] as const)
      return element('path', { d: `${pathData([...upper, ...lower.reverse()])}Z`, fill: colour, opacity: 0.18 })
    }),
    ...curves.map(({ points: of, colour }) =>
      element('path', {
        d: pathData(of.map((point) => [x(point.x), y(point.mean)] as const)),
        ...{ fill: 'none', stroke: colour, 'stroke-width': 2.5, 'stroke-linejoin': 'round' },
      }),
    ),
    ...labelColumn(labels, box.right, box.top, box.bottom),
    '</svg>\n',
  ].join('\n')
}
