import { exitCodes } from '../../schemas/exit.ts'
import type { CommandIo } from '../command.ts'
import { openKeyboard } from '../keyboard.ts'
import { createScreen } from './screen.ts'
import { wantsColour } from './text.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

/** Something that is shown frame after frame. */
export interface Shown {
  frame(size: Size, colour: boolean): string[]
  /** A key other than q and Ctrl-C. */
  key(key: string): void
  /** Lets `ms` of real time go by before the next frame. */
  pass(ms: number): Promise<void>
  /** Milliseconds between two frames on a terminal. */
  readonly frameMs: number
}

/** Milliseconds between two frames on anything else. */
const printMs = 10_000

/** Shows frame after frame until q or Ctrl-C; returns the exit code. */
export async function showFrames(shown: Shown, io: CommandIo): Promise<number> {
  const terminal = process.stdout
  const live = terminal.isTTY === true && process.env.TERM !== 'dumb'
  const screen = live ? createScreen(terminal) : undefined
  const colour = wantsColour(process.env, terminal.isTTY)
  let code: number | undefined
  let wake: () => void = () => {}
  const end = (next: number): void => {
    code ??= next
    wake()
  }
  io.stopped.then(() => end(exitCodes.interrupted))
  const keyboard = live
    ? openKeyboard(process.stdin, (key) => {
        if (key === 'q') end(exitCodes.ok)
        else if (key === 'interrupt') end(exitCodes.interrupted)
        else {
          shown.key(key)
          wake()
        }
      })
    : undefined
  try {
    for (let passed = 0; code === undefined; ) {
      const began = performance.now()
      await shown.pass(passed)
      if (screen) screen.paint(shown.frame(screen.size(), colour))
      else io.output(`${shown.frame(sizeOf(terminal), colour).join('\n')}\n\n`)
      const rest = (live ? shown.frameMs : printMs) - (performance.now() - began)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, rest))
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        if (code !== undefined) wake()
      })
      passed = performance.now() - began
    }
    return code
  } finally {
    keyboard?.close()
    screen?.close()
  }
}

/** Of a terminal, or as COLUMNS and LINES say, or 80 × 24; one row stays free. */
export function sizeOf(terminal: NodeJS.WriteStream): Size {
  const width = terminal.columns ?? (Number(process.env.COLUMNS) || 80)
  return { width, height: (terminal.rows ?? (Number(process.env.LINES) || 24)) - 1 }
}
