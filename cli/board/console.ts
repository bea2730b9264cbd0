import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** What a board writes on its serial line, and QEMU on its own. */
export interface Console {
  /** Resolves with the first line, past ones included, that matches; rejects when the board is off before. */
  said(what: RegExp): Promise<string>
  lines(): readonly string[]
}

/** Most lines that are kept. */
const mostLines = 5_000

export function listenTo(child: ChildProcess, onLine: (line: string) => void = () => {}): Console {
  const lines: string[] = []
  const waiting = new Set<(line: string) => void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
      onLine(line)
      lines.push(line)
      if (lines.length > mostLines) lines.shift()
      for (const look of waiting) look(line)
    })
  return {
    lines: () => lines,
    said: (what) =>
      new Promise((resolve, reject) => {
        const look = (line: string): void => {
          if (!what.test(line)) return
          waiting.delete(look)
          resolve(line)
        }
        waiting.add(look)
        for (const line of lines) look(line)
        child.once('exit', () => reject(new Error(`the board was off before ${what}:\n${lines.join('\n')}`)))
      }),
  }
}
