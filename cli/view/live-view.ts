import { deviceLines } from './device-lines.ts'
import { brailleChart, sparkline } from './plot.ts'
import { type FleetView, latestPoint, progressShare, remainingMs, speedRatio } from './progress.ts'
import {
  displayWidth,
  fit,
  formatCount,
  formatDuration,
  formatValue,
  justify,
  padStart,
  printable,
  type Styles,
} from './text.ts'

/**
 * The running fleet as at most `height` lines of at most `width` columns: head, progress, speed curve, one row per
 * device, newest notes. What does not fit goes in the order curve, notes, last devices.
 */
export function renderLiveView(view: FleetView, width: number, height: number, styles: Styles): string[] {
  const head = [...headLines(view, width, styles), '', ...speedLines(view, width, styles)]
  const notes = view.notes.slice(-notesShown).map((note) => styles.dim(` ${printable(note)}`))
  const devices = deviceLines(view, width, styles)
  const room = height - head.length - devices.length - 1
  const notesRoom = Math.max(0, Math.min(notes.length, room))
  const chartRoom = room - notesRoom - (notesRoom > 0 ? 1 : 0)
  const chart = chartLines(view, width, Math.min(6 + Math.max(0, Math.min(6, (height - 24) >> 1)), chartRoom), styles)
  const lines = [...head, ...chart, '', ...devices]
  if (notesRoom > 0) lines.push(...(lines.length + notesRoom < height ? [''] : []), ...notes.slice(-notesRoom))
  return lines.slice(0, Math.max(0, height)).map((line) => fit(line, width))
}

const notesShown = 3

function headLines(view: FleetView, width: number, styles: Styles): string[] {
  const speedUp = view.elapsedMs > 0 ? (view.simTime * 1000) / view.elapsedMs : 0
  const pace = speedUp >= 2 ? ` (×${formatCount(speedUp)})` : ''
  const elapsed = formatDuration(view.elapsedMs)
  const simulated = `${elapsed} · ${formatDuration(view.simTime * 1000)} simulated`
  const title = ` ${styles.bold(printable(view.title))}`
  const times = [`${simulated}${pace}`, simulated, elapsed]
  const time = times.find((text) => displayWidth(title) + 2 + displayWidth(text) <= width) ?? ''
  const count = ` epoch ${String(view.epoch).padStart(String(view.epochs).length)}/${view.epochs} `
  const share = progressShare(view)
  const left = view.epoch >= view.epochs ? 'done' : `${formatDuration(remainingMs(view))} left`
  const percent = ` ${String(Math.floor(share * 100)).padStart(3)} %  ${padStart(left, Math.max(12, left.length))}`
  const room = Math.max(0, width - displayWidth(count) - displayWidth(percent))
  const filled = Math.round(room * share)
  const bar = styles.green('━'.repeat(filled)) + styles.dim('─'.repeat(room - filled))
  return [
    justify(title, styles.dim(time), width),
    room < 5 ? justify(count, percent.trimStart(), width) : count + bar + percent,
  ]
}

/** Speed and NAS beside the drivers', wrapped into two lines where one is too narrow. */
function speedLines(view: FleetView, width: number, styles: Styles): string[] {
  const point = latestPoint(view)
  const ratio = speedRatio(view)
  const { baseline } = view
  const colour = ratio === undefined ? (text: string) => text : ratio >= 1 ? styles.green : styles.yellow
  const speed = ` mean speed ${styles.bold(formatValue(point?.meanSpeed, 2))} m/s`
  const drivers = baseline ? styles.dim(` drivers ${baseline.meanSpeed.toFixed(2)}`) : ''
  const times = ratio === undefined ? '' : `  ${colour(`×${ratio.toFixed(2)}`)}`
  const nas = ` NAS ${styles.bold(formatValue(point?.nas, 3))}`
  const nasDrivers = baseline ? styles.dim(` drivers ${baseline.nas.toFixed(3)}`) : ''
  const best = view.history.reduce((max, { meanSpeed }) => Math.max(meanSpeed, max), Number.NEGATIVE_INFINITY)
  const bestText = Number.isFinite(best) ? `   best ${best.toFixed(2)} m/s` : ''
  const speedPart = `${speed}${times} ${drivers}`.trimEnd()
  const one = `${speedPart}    ${nas.trimStart()} ${nasDrivers}`.trimEnd()
  if (displayWidth(one) > width) return [speedPart, `${nas} ${nasDrivers}`.trimEnd()]
  return [displayWidth(one + bestText) <= width ? one + bestText : one]
}

/** The speed history with an axis in m/s: braille where there are rows for it, else a sparkline. */
function chartLines(view: FleetView, width: number, height: number, styles: Styles): string[] {
  const speeds = view.history.map(({ meanSpeed }) => meanSpeed)
  if (speeds.length === 0 || height < 1 || width < 24) return []
  const first = view.history[0]!.epoch
  const last = view.history.at(-1)!.epoch
  if (height < 3) return [` ${styles.cyan(sparkline(speeds, width - 2))}`]
  const axis = 7
  // the first epochs do not stretch over the whole width: a curve that only gets denser is easier to follow
  const share = Math.min(1, last / Math.max(1, Math.min(view.epochs, 40)))
  const rows = height - 1
  const chart = brailleChart(speeds, width - axis - 2, rows, share, view.baseline?.meanSpeed)
  const lines = chart.rows.map((cells, row) => {
    const end = row === 0 ? chart.high : row === rows - 1 ? chart.low : undefined
    // the drivers' name gives way to the value at an end of the axis, unless they are that end
    const named = row === chart.referenceRow && (end === undefined || end === view.baseline?.meanSpeed)
    const label = named ? 'drivers' : end === undefined ? '' : formatValue(end, 2)
    return `${styles.dim(`${padStart(label, axis)} ${label === '' ? '│' : '┤'}`)}${paintCells(cells, styles)}`
  })
  const end = first === last ? '' : `epoch ${last}`
  const span = Math.max(Math.round((width - axis - 2) * share), `${first}`.length + end.length + 1)
  lines.push(styles.dim(' '.repeat(axis + 2) + justify(String(first), end, span)))
  return lines
}

function paintCells(cells: readonly { glyph: string; curve: boolean }[], styles: Styles): string {
  let text = ''
  for (let start = 0; start < cells.length; ) {
    let end = start
    while (end < cells.length && cells[end]!.curve === cells[start]!.curve) end++
    const run = cells.slice(start, end).map(({ glyph }) => glyph)
    text += cells[start]!.curve ? styles.cyan(run.join('')) : styles.dim(run.join(''))
    start = end
  }
  return text.trimEnd()
}
