/** A string with one of these is more than its characters, or no string. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them unescaped
const needsParser = /[\\\u0000-\u001f]/
const delimiters = ' \n\r\t,:[]{}"'

/**
 * JSON text as Maps, arrays and scalars. Unlike `JSON.parse` it refuses an object with the same key twice, of which two
 * readers could keep different ones, and a Map has no prototype to pollute. Throws an Error with the position.
 */
export function parseStrictJson(text: string, maxDepth = 16): unknown {
  let at = 0
  const value = parseValue(0)
  skipSpace()
  if (at !== text.length) throw wrong('the end')
  return value

  function parseValue(depth: number): unknown {
    if (depth > maxDepth) throw new Error(`JSON must nest at most ${maxDepth} deep, got more at ${at}`)
    skipSpace()
    const first = text[at]
    if (first === '{') return parseObject(depth)
    if (first === '[') return parseArray(depth)
    if (first === '"') return parseString()
    return parseScalar()
  }

  function parseObject(depth: number): Map<string, unknown> {
    const object = new Map<string, unknown>()
    at += 1
    skipSpace()
    if (text[at] === '}') {
      at += 1
      return object
    }
    for (;;) {
      skipSpace()
      if (text[at] !== '"') throw wrong('a key')
      const key = parseString()
      if (object.has(key)) throw new Error(`keys must differ, got ${JSON.stringify(key)} twice`)
      skipSpace()
      expect(':')
      object.set(key, parseValue(depth + 1))
      skipSpace()
      if (text[at] === '}') break
      expect(',')
    }
    at += 1
    return object
  }

  function parseArray(depth: number): unknown[] {
    const array: unknown[] = []
    at += 1
    skipSpace()
    if (text[at] === ']') {
      at += 1
      return array
    }
    for (;;) {
      array.push(parseValue(depth + 1))
      skipSpace()
      if (text[at] === ']') break
      expect(',')
    }
    at += 1
    return array
  }

  function parseString(): string {
    const start = at
    const quote = text.indexOf('"', start + 1)
    const plain = text.slice(start + 1, quote)
    if (quote > start && !needsParser.test(plain)) {
      at = quote + 1
      return plain
    }
    at += 1
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    at += 1
    const parsed = parsePart(start, 'a string')
    if (typeof parsed !== 'string') throw wrong('a string')
    return parsed
  }

  function parseScalar(): unknown {
    const start = at
    while (at < text.length && !delimiters.includes(text[at]!)) at += 1
    return parsePart(start, 'a value')
  }

  /** Escapes, numbers and literals are left to `JSON.parse`, which can't meet a key here. */
  function parsePart(start: number, what: string): unknown {
    try {
      return JSON.parse(text.slice(start, at))
    } catch {
      at = start
      throw wrong(what)
    }
  }

  function expect(character: string): void {
    if (text[at] !== character) throw wrong(`"${character}"`)
    at += 1
  }

  function skipSpace(): void {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  }

  function wrong(expected: string): Error {
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 12)) : 'the end'
    return new Error(`JSON must have ${expected} at ${at}, got ${found}`)
  }
}
