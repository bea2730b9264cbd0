/** Columns that a terminal spends on `text`: colour codes and combining marks 0, CJK and emoji 2, the rest 1. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text.replace(colourCode, '')) width += characterWidth(character)
  return width
}

/** `line` cut to at most `width` columns with `…` as the last of them; colour codes survive and are closed. */
export function fit(line: string, width: number): string {
  if (width <= 0) return ''
  if (displayWidth(line) <= width) return line
  let used = 0
  let cut = ''
  for (const token of line.split(colourCodeKept)) {
    if (token.match(colourCode)) {
      cut += token
      continue
    }
    for (const character of token) {
      const next = used + characterWidth(character)
      if (next > width - 1) return `${cut}…${line.match(colourCode) ? reset : ''}`
      cut += character
      used = next
    }
  }
  return cut
}

/** `text` cut and filled with spaces to exactly `width` columns, aligned left. */
export function padEnd(text: string, width: number): string {
  const cut = fit(text, width)
  return cut + ' '.repeat(Math.max(0, width - displayWidth(cut)))
}

/** `text` cut and filled with spaces to exactly `width` columns, aligned right. */
export function padStart(text: string, width: number): string {
  const cut = fit(text, width)
  return ' '.repeat(Math.max(0, width - displayWidth(cut))) + cut
}

/** `left` and `right` at the two ends of `width` columns; `right` goes first when there is no room for both. */
export function justify(left: string, right: string, width: number): string {
  const room = width - displayWidth(right)
  return room < displayWidth(left) + 2 ? fit(left, width) : padEnd(left, room) + right
}

/** Text from outside without what could move the cursor or reorder the line: control, format and separator characters. */
export function printable(text: string): string {
  return text
    .replace(/\p{Cf}|\p{Variation_Selector}/gu, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
    .trim()
}

/** Milliseconds as `0.4 s`, `45 s`, `1 m 40 s`, `2 h 05 m` or `3 d 04 h`; `–` when unknown. */
export function formatDuration(ms: number): string {
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) return '–'
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${twoDigits(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} m`
  const hours = Math.round(minutes / 60)
  return `${Math.floor(hours / 24)} d ${twoDigits(hours % 24)} h`
}

/** A count in at most six columns: `12345`, `123.5k`, `1.2M`. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return '–'
  const rounded = Math.round(count)
  if (Math.abs(rounded) < 100_000) return String(rounded)
  if (Math.abs(rounded) < 999_950) return `${(rounded / 1e3).toFixed(1)}k`
  return Math.abs(rounded) < 999.95e6 ? `${(rounded / 1e6).toFixed(1)}M` : `${(rounded / 1e9).toFixed(1)}G`
}

/** A measured value with `digits` decimals, `–` where there is none yet. */
export function formatValue(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits)
}

export type Styles = Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', (text: string) => string>

/** The few styles of the views; without `colour` they return the text unchanged. */
export function createStyles(colour: boolean): Styles {
  const style = (open: number, close: number) => (text: string) =>
    colour && text !== '' ? `${esc}[${open}m${text}${esc}[${close}m` : text
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  }
}

/** Whether to colour: only a terminal that is not dumb, and never when NO_COLOR is set (https://no-color.org). */
export function wantsColour(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  return isTty && !env.NO_COLOR && env.TERM !== 'dumb'
}

const esc = '\u001b'
const reset = `${esc}[0m`
const colourCode = /\p{Cc}\[[\d;]*m/gu
const colourCodeKept = /(\p{Cc}\[[\d;]*m)/u
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]$/u
// East Asian Wide and Fullwidth blocks of UAX 11, to the precision that ids and notes need
const doubleWidth =
  /^[\p{Emoji_Presentation}\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]$/u

function characterWidth(character: string): number {
  if (character >= ' ' && character <= '~') return 1
  if (zeroWidth.test(character)) return 0
  return doubleWidth.test(character) ? 2 : 1
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
