/** What stands where nothing is known. */
export const unknown = '–'

/** A number that may not be known. */
export type Maybe = number | null | undefined

/** With so many decimals, as `4.20`; a dash where it is not known or not finite. */
export function fixed(value: Maybe, decimals = 0): string {
  if (!isKnown(value)) return unknown
  const text = Math.abs(value).toFixed(decimals)
  return value < 0 && Number(text) !== 0 ? `${minus}${text}` : text
}

/** With so many significant digits, as `0.0123` or `1.23 × 10⁻⁷`. */
export function significant(value: Maybe, digits = 3): string {
  if (!isKnown(value)) return unknown
  if (value === 0) return '0'
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  if (exponent >= -4 && exponent < 6) {
    const text = Math.abs(value).toPrecision(digits)
    // `toPrecision` writes 12345 to three digits as 1.23e+4.
    return `${value < 0 ? minus : ''}${text.includes('e') ? Math.abs(value).toFixed(0) : text}`
  }
  const [mantissa = '', power = ''] = Math.abs(value)
    .toExponential(digits - 1)
    .split('e')
  const raised = [...power.replace('+', '')].map((letter) => superscripts[letter] ?? letter).join('')
  return `${value < 0 ? minus : ''}${mantissa} × 10${raised}`
}

/** A count, its thousands apart: `12 345`. */
export function whole(value: Maybe): string {
  if (!isKnown(value)) return unknown
  return fixed(value).replace(/\B(?=(\d{3})+$)/g, thin)
}

/** A share in per cent: `12 %`. */
export function percent(share: Maybe, decimals = 0): string {
  return isKnown(share) ? `${fixed(100 * share, decimals)}${thin}%` : unknown
}

/** Number and unit, which stay together; only a dash where the number is not known. */
export function withUnit(text: string, unit: string): string {
  return text === unknown ? text : `${text}${thin}${unit}`
}

/** A span of time in its two largest units: `now`, `42 s`, `3 min`, `2 h 10 min`, `3 d 4 h`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds}${thin}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}${thin}min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}${thin}h${rest(minutes % 60, 'min')}`
  return `${Math.floor(hours / 24)}${thin}d${rest(hours % 24, 'h')}`
}

/** The first eight digits of a hash. */
export function shortHash(hash: string | null | undefined): string {
  return hash ? hash.slice(0, 8) : unknown
}

function rest(count: number, unit: string): string {
  return count === 0 ? '' : ` ${count}${thin}${unit}`
}

function isKnown(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

const minus = '−'
/** A narrow space at which no line breaks. */
const thin = '\u202f'
const superscripts: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...'⁰¹²³⁴⁵⁶⁷⁸⁹'].map((letter, digit) => [String(digit), letter])),
  '-': '⁻',
}
