import { type CurveLabel, labelColumn } from './curve-labels.ts'
import { background, fontFamily, gridColour, ink, softInk } from './figure.ts'
import { extent } from './plot.ts'
import type { EpochPoint } from './progress.ts'
import { linearScale, niceDomain, niceTicks, type Scale } from './scale.ts'
import { type Attributes, element, escapeXml, pathData, textElement } from './svg.ts'
import { fit } from './text.ts'

/** A horizontal line of the figure, e.g. the drivers or the best hand policy, in m/s. */
export type CurveBaseline = { readonly label: string; readonly meanSpeed: number }

export type CurveOptions = {
  readonly title: string
  readonly subtitle?: string
  /** Finished epochs in order; a value that is not finite leaves a gap. */
  readonly history: readonly EpochPoint[]
  readonly baselines?: readonly CurveBaseline[]
  /** The speed in m/s at which NAS is 1; 20 unless given. */
  readonly nasSpeed?: number
  /** Name of the curve, `fleet` unless given. */
  readonly label?: string
}

/** The plotted area in pixels of the figure. */
export const plotBox = { left: 64, top: 104, width: 700, height: 380 } as const
/** Size of the figure in pixels. */
export const figureSize = { width: 1040, height: 560 } as const

/**
 * The learning curve as SVG text: mean speed over epochs on the left axis, NAS on the right one, a labelled line per
 * baseline. NAS has its own curve only where collisions part it from the speed. The same options give the same text.
 */
export function learningCurve(options: CurveOptions): string {
  const { title, subtitle, history, baselines = [], nasSpeed = 20, label = 'fleet' } = options
  const { x, y, speedLow, speedHigh, nasDiffers } = curveScales(options)
  const { width, height } = figureSize
  const smoothing = smoothingWindow(history.length)
  const speeds = history.map((point) => point.meanSpeed)
  const nas = history.map((point) => point.nas * nasSpeed)
  const tail = Math.max(1, Math.round(history.length / 10))
  const tailName = tail > 1 ? `${label}, last 10 %` : label

  const labels: CurveLabel[] = [
    ...(history.length > 0 ? [curveLabel(tailName, mean(speeds.slice(-tail)), fleetColour, y, 2)] : []),
    ...(nasDiffers
      ? [
          {
            ...curveLabel(
              tail > 1 ? 'NAS, last 10 %' : 'NAS',
              mean(nas.slice(-tail)) / nasSpeed,
              nasColour,
              (v) => y(v * nasSpeed),
              3,
            ),
          },
        ]
      : []),
  ]
  const lines = baselines.filter(({ meanSpeed }) => Number.isFinite(meanSpeed))
  const drawn = lines.map((baseline, index) => {
    const colour = baselineColours[index % baselineColours.length]!
    const at = y(baseline.meanSpeed)
    // lines on the same height share it dash by dash
    const shared = lines.filter(({ meanSpeed }) => Math.abs(y(meanSpeed) - at) < 1.5)
    const dash = shared.length === 1 ? '6 4' : `6 ${6 * (shared.length - 1)}`
    const offset = -6 * shared.indexOf(baseline)
    labels.push({ ...curveLabel(baseline.label, baseline.meanSpeed, colour, y, 2), bold: false })
    const style = { stroke: colour, 'stroke-width': 1.5, 'stroke-dasharray': dash, 'stroke-dashoffset': offset }
    return horizontal(at, style)
  })

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${fontFamily}">`,
    `<title>${escapeXml(title)}</title>`,
    element('rect', { width, height, fill: background }),
    textElement({ x: 24, y: 38, 'font-size': 22, 'font-weight': 700, fill: ink }, fit(title, 80)),
    ...(subtitle ? [textElement({ x: 24, y: 61, 'font-size': 14, fill: softInk }, fit(subtitle, 140))] : []),
    ...axes(x, y, speedLow, speedHigh, nasSpeed, history),
    ...drawn,
    ...(nasDiffers ? [curve(history, smooth(nas, smoothing), x, y, { stroke: nasColour, 'stroke-width': 1.5 })] : []),
    ...(smoothing > 1 ? [curve(history, speeds, x, y, { stroke: fleetColour, 'stroke-width': 1, opacity: 0.35 })] : []),
    curve(history, smooth(speeds, smoothing), x, y, { stroke: fleetColour, 'stroke-width': 2.5 }),
    ...(history.length <= 24 ? dots(history, speeds, x, y) : []),
    ...labelColumn(labels, plotBox.left + plotBox.width, plotBox.top, plotBox.top + plotBox.height),
    ...(smoothing > 1 ? [caption(`thin: each epoch · thick: mean of ${smoothing} epochs`)] : []),
    ...(history.length === 0 ? [caption('no finished epoch')] : []),
    '</svg>\n',
  ].join('\n')
}

/** The scales of the figure: `x` takes an epoch, `y` a speed in m/s, both give pixels. */
export function curveScales(options: CurveOptions): {
  x: Scale
  y: Scale
  speedLow: number
  speedHigh: number
  nasDiffers: boolean
} {
  const { history, baselines = [], nasSpeed = 20 } = options
  const [first, last] = extent(history.map(({ epoch }) => epoch))
  const speeds = [...history.map(({ meanSpeed }) => meanSpeed), ...baselines.map(({ meanSpeed }) => meanSpeed)]
  const nas = history.map((point) => point.nas * nasSpeed)
  const nasDiffers = history.some(({ meanSpeed }, index) => Math.abs(nas[index]! - meanSpeed) > 0.02 * meanSpeed)
  const [low, high] = extent(nasDiffers ? [...speeds, ...nas] : speeds)
  const [speedLow, speedHigh] = niceDomain(low, high, 7)
  const { left, top, width, height } = plotBox
  return {
    x: linearScale(first, last, left, left + width),
    y: linearScale(speedLow, speedHigh, top + height, top),
    speedLow,
    speedHigh,
    nasDiffers,
  }
}

const fleetColour = '#1d4ed8'
const nasColour = '#0e9488'
const baselineColours = ['#4b5563', '#c2620a', '#8b6bb1', '#15803d', '#be185d', '#7a5c00']

function curveLabel(name: string, value: number, colour: string, y: Scale, digits: number): CurveLabel {
  return { name, value: value.toFixed(digits), y: y(value), colour, bold: true }
}

function axes(
  x: Scale,
  y: Scale,
  low: number,
  high: number,
  nasSpeed: number,
  history: readonly EpochPoint[],
): string[] {
  const { left, top, width, height } = plotBox
  const right = left + width
  const bottom = top + height
  const ticks = niceTicks(low, high, 7)
  const nasDecimals = Math.max(2, -Math.floor(Math.log10(ticks.step / nasSpeed) + 1e-9))
  const small: Attributes = { 'font-size': 13, fill: softInk }
  const out = [
    textElement({ ...small, x: left - 40, y: top - 16 }, 'mean speed (m/s)'),
    textElement({ ...small, x: right + 8, y: top - 16 }, 'NAS'),
    textElement({ ...small, x: left + width / 2, y: bottom + 46, 'text-anchor': 'middle' }, 'epoch'),
  ]
  for (const value of ticks.values) {
    const at = y(value)
    out.push(horizontal(at, { stroke: value === low ? softInk : gridColour, 'stroke-width': 1 }))
    const speed = value.toFixed(ticks.decimals)
    out.push(textElement({ ...small, x: left - 10, y: at + 4.5, 'text-anchor': 'end' }, speed))
    out.push(textElement({ ...small, x: right + 8, y: at + 4.5 }, (value / nasSpeed).toFixed(nasDecimals)))
  }
  for (const epoch of epochTicks(history)) {
    const tick = { x1: x(epoch), x2: x(epoch), y1: bottom, y2: bottom + 5, stroke: softInk, 'stroke-width': 1 }
    out.push(element('line', tick))
    out.push(textElement({ ...small, x: x(epoch), y: bottom + 22, 'text-anchor': 'middle' }, String(epoch)))
  }
  return out
}

/** Whole epochs for the axis: every one of a few, else round numbers and the first. */
function epochTicks(history: readonly EpochPoint[]): number[] {
  if (history.length === 0) return []
  const [first, last] = extent(history.map(({ epoch }) => epoch))
  if (last - first < 16) return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  const { values, step } = niceTicks(first, last, 10)
  return values[0] !== undefined && values[0] - first > step / 2 ? [first, ...values] : [...values]
}

function horizontal(at: number, style: Attributes): string {
  return element('line', { x1: plotBox.left, x2: plotBox.left + plotBox.width, y1: at, y2: at, ...style })
}

function curve(history: readonly EpochPoint[], values: readonly number[], x: Scale, y: Scale, style: Attributes) {
  const points = history.map(({ epoch }, index) => [x(epoch), y(values[index]!)] as const)
  return element('path', { d: pathData(points), fill: 'none', 'stroke-linejoin': 'round', ...style })
}

function dots(history: readonly EpochPoint[], values: readonly number[], x: Scale, y: Scale): string[] {
  return history.flatMap(({ epoch }, index) => {
    const value = values[index]!
    return Number.isFinite(value) ? [element('circle', { cx: x(epoch), cy: y(value), r: 4, fill: fleetColour })] : []
  })
}

function caption(content: string): string {
  const right = plotBox.left + plotBox.width
  const place = { x: right, y: plotBox.top + plotBox.height + 46, 'text-anchor': 'end' }
  return textElement({ ...place, 'font-size': 13, fill: softInk }, content)
}

/** An odd window of about a twentieth of the epochs; 1 (no smoothing) for short runs. */
function smoothingWindow(length: number): number {
  return length < 40 ? 1 : 2 * Math.round(length / 40) + 1
}

/** Centred moving mean; at the ends over the part of the window that exists. */
function smooth(values: readonly number[], window: number): number[] {
  const half = (window - 1) / 2
  return values.map((_, index) => mean(values.slice(Math.max(0, index - half), index + half + 1)))
}

function mean(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite)
  return finite.reduce((sum, value) => sum + value, 0) / finite.length
}
