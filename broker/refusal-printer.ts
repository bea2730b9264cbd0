import type { Refusal } from './refusals.ts'

/** Milliseconds between two lines on the same reason. */
const everyMs = 5_000

/**
 * Prints refusals, at most one line per reason in five seconds, with the number since the last one: a flood must not become
 * a flood of lines. What came from outside is cut and freed of control characters.
 */
export function createRefusalPrinter(print: (line: string) => void, now: () => number): (refusal: Refusal) => void {
  const counts = new Map<string, { since: number; printedAt: number }>()
  return ({ reason, ...about }) => {
    const entry = counts.get(reason) ?? { since: 0, printedAt: Number.NEGATIVE_INFINITY }
    counts.set(reason, entry)
    entry.since++
    if (now() - entry.printedAt < everyMs) return
    const times = entry.since > 1 ? ` (${entry.since} times)` : ''
    entry.since = 0
    entry.printedAt = now()
    print(`refused: ${reason}${times} ${printable(JSON.stringify(about)).slice(0, 200)}`)
  }
}

function printable(text: string): string {
  return text.replace(/[\u007f-\u009f\u2028-\u202e]/g, '?')
}
