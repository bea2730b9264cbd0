import { displayWidth } from './text.ts'

/** What a screen needs of `process.stdout` or `process.stderr`. */
export type Terminal = {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

/** Lines that are repainted in place, below what the terminal shows already. */
export type Screen = {
  /** Columns, and rows less the one that stays free for the cursor, or the view would scroll. */
  size(): { readonly width: number; readonly height: number }
  /** Replaces the lines that are shown. */
  paint(lines: readonly string[]): void
  /** Leaves the last lines on the terminal and gives the cursor back; further calls do nothing. */
  close(): void
}

/** A screen on a terminal; the cursor comes back however the process ends. */
export function createScreen(terminal: Terminal): Screen {
  let painted: readonly string[] = []
  let closed = false
  const giveCursorBack = () => terminal.write(showCursor)
  process.on('exit', giveCursorBack)
  return {
    size: () => ({ width: terminal.columns || 80, height: (terminal.rows || 24) - 1 }),
    paint(lines) {
      if (closed) return
      const { width, height } = this.size()
      // a narrowed terminal has wrapped the old lines: go up by the rows that they take now
      const up = painted.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / width)), 0)
      const back = up > 0 ? `\r${csi}${Math.min(up, height)}A` : ''
      // a full line must not be followed by "erase to its end": the cursor still stands on its last character
      const text = lines.map((line) => `${line}${displayWidth(line) < width ? eraseLine : ''}\r\n`).join('')
      terminal.write(`${beginFrame}${hideCursor}${back}${text}${eraseBelow}${endFrame}`)
      painted = lines
    },
    close() {
      if (closed) return
      closed = true
      process.off('exit', giveCursorBack)
      giveCursorBack()
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
