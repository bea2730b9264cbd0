import { onDark, scaleColour } from '../../schemas/colour-scale.ts'
import type { RoadShape } from '../../schemas/road-shape.ts'
import { nasSpeed } from '../../schemas/setting.ts'
import { sparkline } from './plot.ts'
import { type CarView, carGlyph, glyphOf, type PictureCell, roadPicture } from './road-picture.ts'
import { terminalColour } from './terminal-colour.ts'
import { displayWidth, fit, formatValue, justify, printable, type Styles } from './text.ts'

/** Everything that is shown of a world being watched. */
export interface WatchView {
  readonly title: string
  /** Right of the title: epoch, pace. */
  readonly state: string
  readonly shape: RoadShape
  /** s since the epoch's start */
  readonly time: number
  readonly cars: readonly CarView[]
  /** Mean speeds of this epoch so far, m/s, oldest first. */
  readonly speeds: readonly number[]
  /** Means over this epoch so far, where they are known. */
  readonly epoch?: { readonly nas: number; readonly meanSpeed: number }
  /** The same with all cars driven by their drivers; over a whole epoch where `epoch` is not known. */
  readonly baseline?: { readonly nas: number; readonly meanSpeed: number }
  /** Speed at the end of the colour scale, m/s. */
  readonly topSpeed: number
  /** The last line, e.g. which keys there are. */
  readonly foot: string
}

/** Paints text in the colour of `share` of the fastest speed. */
export type SpeedPaint = (text: string, share: number) => string

/** How much colour a terminal has. */
export type ColourDepth = 'none' | '256' | 'true'

/** Depth from the environment; `coloured` as `wantsColour` says. */
export function colourDepth(env: Readonly<Record<string, string | undefined>>, coloured: boolean): ColourDepth {
  if (!coloured) return 'none'
  return /^(truecolor|24bit)$/.test(env.COLORTERM ?? '') ? 'true' : '256'
}

export function createSpeedPaint(depth: ColourDepth): SpeedPaint {
  if (depth === 'none') return (text) => text
  return (text, share) => {
    const colour = scaleColour(share, onDark)
    const code = depth === 'true' ? `2;${colour.join(';')}` : `5;${terminalColour(colour)}`
    return `${esc}[38;${code}m${text}${esc}[39m`
  }
}

/** The picture with its head and legend as at most `height` lines of at most `width` columns. */
export function renderWatch(
  view: WatchView,
  width: number,
  height: number,
  styles: Styles,
  paint: SpeedPaint,
): string[] {
  const head = [titleLine(view, width, styles), speedLine(view, width, styles), sparkLine(view, width, styles)]
  const foot = [orderLine(view, width, paint), legendLine(view, width, paint), styles.dim(` ${printable(view.foot)}`)]
  // In a low terminal the picture is worth more than what explains it.
  while (foot.length > 0 && height - head.length - foot.length < lowestPicture) foot.pop()
  while (head.length > 1 && height - head.length - foot.length < lowestPicture) head.pop()
  const rows = Math.max(1, height - head.length - foot.length)
  const picture = roadPicture(view.shape, view.cars, width, rows)
  const lines = [...head, ...picture.map((cells) => paintRow(cells, view.topSpeed, styles, paint)), ...foot]
  return lines.slice(0, Math.max(1, height)).map((line) => fit(line, width))
}

const lowestPicture = 12
const esc = '\u001b'

function titleLine({ title, state, time }: WatchView, width: number, styles: Styles): string {
  return justify(` ${styles.bold(printable(title))}`, `${printable(state)}  ${time.toFixed(1).padStart(5)} s `, width)
}

function speedLine({ cars, epoch, baseline }: WatchView, width: number, styles: Styles): string {
  const mean = meanOf(cars.map(({ speed }) => speed))
  const ratio = epoch && baseline && baseline.meanSpeed > 0 ? epoch.meanSpeed / baseline.meanSpeed : undefined
  const parts = [
    ` mean speed ${styles.bold(formatValue(mean, 2))} m/s`,
    ...(epoch ? [`epoch ${styles.bold(formatValue(epoch.meanSpeed, 2))}`] : []),
    ...(baseline ? [styles.dim(`drivers ${baseline.meanSpeed.toFixed(2)}`)] : []),
    ...(ratio === undefined ? [] : [(ratio >= 1 ? styles.green : styles.yellow)(`×${ratio.toFixed(2)}`)]),
    `NAS ${styles.bold(formatValue(epoch?.nas ?? mean / nasSpeed, 3))}`,
    ...(baseline ? [styles.dim(`drivers ${baseline.nas.toFixed(3)}`)] : []),
  ]
  return fit(parts.join('  '), width)
}

function sparkLine({ speeds }: WatchView, width: number, styles: Styles): string {
  if (speeds.length < 2) return ''
  const span = ` ${Math.min(...speeds).toFixed(1)} … ${Math.max(...speeds).toFixed(1)} m/s`
  return ` ${styles.cyan(sparkline(speeds, width - displayWidth(span) - 2))}${styles.dim(span)}`
}

/** All cars from the loop's start on, each with its speed as a bar: what the colours say, for eyes and terminals without. */
function orderLine({ cars, topSpeed }: WatchView, width: number, paint: SpeedPaint): string {
  const sorted = [...cars].sort((a, b) => a.position - b.position)
  const label = ' in order '
  const withGlyph = label.length + 2 * sorted.length <= width
  const shown = sorted.map((car) =>
    paint(
      `${withGlyph ? glyphOf(car) : ''}${bars[Math.round(share(car.speed, topSpeed) * 7)]}`,
      share(car.speed, topSpeed),
    ),
  )
  return `${label}${shown.join('')}`
}

function legendLine({ topSpeed }: WatchView, width: number, paint: SpeedPaint): string {
  const { driver, learner, forced } = carGlyph
  const names = ` ${driver} driver  ${learner} learner  ${forced} forced to brake`
  const scale = Array.from({ length: 12 }, (_, i) =>
    paint(bars[Math.min(7, Math.floor((i * 8) / 12))]!, (i + 0.5) / 12),
  )
  return justify(names, `0 ${scale.join('')} ${topSpeed} m/s `, width)
}

function paintRow(cells: readonly PictureCell[], topSpeed: number, styles: Styles, paint: SpeedPaint): string {
  let line = ''
  let road = ''
  for (const { glyph, car } of cells) {
    if (!car) {
      road += glyph
      continue
    }
    line += styles.dim(road) + paint(styles.bold(glyph), share(car.speed, topSpeed))
    road = ''
  }
  return line + (road.trimEnd() === '' ? '' : styles.dim(road.trimEnd()))
}

const bars = '▁▂▃▄▅▆▇█'

function share(speed: number, topSpeed: number): number {
  return Math.min(1, Math.max(0, speed / topSpeed))
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
