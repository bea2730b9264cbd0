import { renderLiveView } from './live-view.ts'
import { type FleetView, progressLine } from './progress.ts'
import { createStyles, displayWidth, wantsColour } from './text.ts'

/** What the painter needs of `process.stderr`. */
export type Terminal = {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

export type PainterOptions = {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Calls back once after `ms` unless the returned function is called first. */
  readonly after: (ms: number, callback: () => void) => () => void
  /** Least milliseconds between two repaints, 100 unless given. */
  readonly repaintMs?: number
  /** Least milliseconds between two lines when there is no terminal, 3000 unless given. */
  readonly lineMs?: number
}

export type Painter = {
  /** Shows `view` now or, when the last paint is too recent, as soon as it may. */
  update(view: FleetView): void
  /** Shows the last view for good and gives the cursor back; further calls do nothing. */
  stop(): void
}

/** A live view on a terminal, repainted in place; on anything else (pipe, log, dumb terminal) one line now and then. */
export function createPainter(options: PainterOptions): Painter {
  const { terminal, env } = options
  return terminal.isTTY === true && env.TERM !== 'dumb' ? createTerminalPainter(options) : createLinePainter(options)
}

/** The options of a painter on this process's stderr. */
export function stderrPainterOptions(): PainterOptions {
  return {
    terminal: process.stderr,
    env: process.env,
    now: () => performance.now(),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms)
      timer.unref()
      return () => clearTimeout(timer)
    },
  }
}

function createTerminalPainter({ terminal, env, now, after, repaintMs = 100 }: PainterOptions): Painter {
  const styles = createStyles(wantsColour(env, true))
  let view: FleetView | undefined
  let painted: string[] = []
  let paintedAt = Number.NEGATIVE_INFINITY
  let cancel: (() => void) | undefined
  let stopped = false

  const paint = () => {
    cancel?.()
    cancel = undefined
    if (!view) return
    const columns = terminal.columns || 80
    const rows = terminal.rows || 24
    // a narrowed terminal has wrapped the old lines: go up by the rows that they take now
    const up = painted.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0)
    // the last row stays free for the cursor, or the view would scroll
    const lines = renderLiveView(view, columns, rows - 1, styles)
    const back = up > 0 ? `\r${csi}${Math.min(up, rows - 1)}A` : ''
    // a full line must not be followed by "erase to its end": the cursor still stands on its last character
    const text = lines.map((line) => `${line}${displayWidth(line) < columns ? eraseLine : ''}\r\n`).join('')
    terminal.write(`${beginFrame}${hideCursor}${back}${text}${eraseBelow}${endFrame}`)
    painted = lines
    paintedAt = now()
  }
  const request = () => {
    const wait = paintedAt + repaintMs - now()
    if (wait <= 0) paint()
    else cancel ??= after(wait, paint)
  }
  const giveCursorBack = () => terminal.write(showCursor)
  terminal.on('resize', request)
  process.on('exit', giveCursorBack)

  return {
    update(next) {
      if (stopped) return
      view = next
      request()
    },
    stop() {
      if (stopped) return
      stopped = true
      paint()
      terminal.off('resize', request)
      process.off('exit', giveCursorBack)
      giveCursorBack()
    },
  }
}

function createLinePainter({ terminal, now, lineMs = 3000 }: PainterOptions): Painter {
  let view: FleetView | undefined
  let epoch = 0
  let printedAt = Number.NEGATIVE_INFINITY
  let stopped = false

  const print = () => {
    if (!view || view.epoch === epoch) return
    epoch = view.epoch
    printedAt = now()
    terminal.write(`${progressLine(view)}\n`)
  }
  return {
    update(next) {
      if (stopped) return
      view = next
      if (now() - printedAt >= lineMs || next.epoch >= next.epochs) print()
    },
    stop() {
      if (stopped) return
      stopped = true
      print()
    },
  }
}

const csi = '\u001b['
const eraseLine = `${csi}K`
const eraseBelow = `${csi}J`
const hideCursor = `${csi}?25l`
const showCursor = `${csi}?25h`
// synchronised output: terminals that know it show the frame at once, the others ignore it
const beginFrame = `${csi}?2026h`
const endFrame = `${csi}?2026l`
