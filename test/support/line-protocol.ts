/** One line of InfluxDB's line protocol. */
export interface Line {
  readonly measurement: string
  readonly tags: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, number | boolean | string>>
  /** In the precision of the request. */
  readonly timestamp: number
}

/**
 * The line protocol (InfluxDB 2, reference), strictly: throws for an unescaped character, an empty key or value, a field of
 * no type, tags out of order, a key that comes twice, a timestamp that is none. A newline may stand within a string.
 */
export function parseLines(text: string): Line[] {
  const lines: Line[] = []
  let at = 0
  const fail = (what: string): never => {
    throw new Error(`${what} at ${at}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 20))}`)
  }
  /** Up to an unescaped stop, with escapes of it resolved. */
  const word = (stops: string): string => {
    let value = ''
    while (at < text.length && !stops.includes(text[at] as string)) {
      if (text[at] === '\n') fail('a line ends within a key')
      if (text[at] === '\\' && stops.includes(text[at + 1] ?? '')) at++
      value += text[at++]
    }
    if (value === '') fail('an empty key or value')
    return value
  }
  const literal = (): number | boolean | string => {
    if (text[at] === '"') {
      let value = ''
      for (at++; text[at] !== '"'; at++) {
        if (at >= text.length) fail('a string without an end')
        if (text[at] === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\')) at++
        value += text[at]
      }
      at++
      return value
    }
    const value = word(', \n')
    if (/^(t|T|true|True|TRUE)$/.test(value)) return true
    if (/^(f|F|false|False|FALSE)$/.test(value)) return false
    if (/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) || /^-?\d+i$/.test(value)) return Number.parseFloat(value)
    return fail(`no field value: ${value}`)
  }
  const pairs = <T>(read: () => T): Record<string, T> => {
    const entries: Record<string, T> = {}
    do {
      at++
      const key = word('=, ')
      if (text[at] !== '=') fail('a key without a value')
      if (Object.hasOwn(entries, key)) fail(`${key} comes twice`)
      at++
      entries[key] = read()
    } while (text[at] === ',')
    return entries
  }
  while (at < text.length) {
    const measurement = word(', ')
    const tags = text[at] === ',' ? pairs(() => word(', ')) : {}
    const names = Object.keys(tags)
    if (names.join() !== [...names].sort().join()) fail('tags out of order')
    if (text[at] !== ' ') fail('no fields')
    const fields = pairs(literal)
    if (text[at] !== ' ') fail('no timestamp')
    at++
    const timestamp = word(' \n')
    if (!/^\d{16}$/.test(timestamp)) fail(`no timestamp in microseconds: ${timestamp}`)
    lines.push({ measurement, tags, fields, timestamp: Number(timestamp) })
    if (at < text.length && text[at++] !== '\n') fail('something after a timestamp')
  }
  return lines
}
