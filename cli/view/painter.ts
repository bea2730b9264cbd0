import { renderLiveView } from './live-view.ts'
import { type FleetView, progressLine } from './progress.ts'
import { createScreen, type Terminal } from './screen.ts'
import { createStyles, wantsColour } from './text.ts'

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
  const screen = createScreen(terminal)
  let view: FleetView | undefined
  let paintedAt = Number.NEGATIVE_INFINITY
  let cancel: (() => void) | undefined
  let stopped = false

  const paint = () => {
    cancel?.()
    cancel = undefined
    if (!view) return
    const { width, height } = screen.size()
    screen.paint(renderLiveView(view, width, height, styles))
    paintedAt = now()
  }
  const request = () => {
    const wait = paintedAt + repaintMs - now()
    if (wait <= 0) paint()
    else cancel ??= after(wait, paint)
  }
  terminal.on('resize', request)

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
      screen.close()
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
