/** A place in a JSON value, what is expected there and what was found. */
export interface Differing {
  /** e.g. `command.timeGap`, empty for the whole. */
  readonly field: string
  readonly expected: string
  readonly found: string
}

/** Where two JSON values differ first, in the order of the keys expected; undefined where they are equal. */
export function firstDifference(expected: unknown, found: unknown, field = ''): Differing | undefined {
  if (Object.is(expected, found)) return undefined
  if (!(isObject(expected) && isObject(found))) return { field, expected: shown(expected), found: shown(found) }
  for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const inner = firstDifference(expected[key], found[key], field === '' ? key : `${field}.${key}`)
    if (inner) return inner
  }
  return undefined
}

const maxShown = 120

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > maxShown ? `${text.slice(0, maxShown - 1)}…` : text
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
