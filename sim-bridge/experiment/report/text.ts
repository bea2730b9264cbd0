/** `5.740`; a dash for what is not finite. A true minus sign, so that columns align. */
export function fixed(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–'
  const text = value.toFixed(digits)
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '−')
}

/** `+0.185`. */
export function signed(value: number, digits = 3): string {
  const text = fixed(value, digits)
  return Number.isFinite(value) && !text.startsWith('−') ? `+${text}` : text
}

/** `5.740 ± 0.064`: a mean and half its interval; the mean alone where the interval is not finite. */
export function meanText(interval: { readonly mean: number; readonly upper: number }, digits = 3): string {
  const half = interval.upper - interval.mean
  return Number.isFinite(half)
    ? `${fixed(interval.mean, digits)} ± ${fixed(half, digits)}`
    : fixed(interval.mean, digits)
}

/** `[+0.121, +0.249]`. */
export function rangeText(
  { lower, upper }: { readonly lower: number; readonly upper: number },
  number: (value: number) => string = (value) => signed(value),
): string {
  return `[${number(lower)}, ${number(upper)}]`
}

/** `0.0123`, `< 0.0001`. */
export function pText(p: number): string {
  if (Number.isNaN(p)) return '–'
  return p < 0.0001 ? '<\u00a00.0001' : p.toFixed(4)
}

/** `93 %`. */
export function percent(share: number, digits = 0): string {
  const text = fixed(100 * share, digits)
  return text === '–' ? text : `${text} %`
}

/** `12 345` with narrow spaces, as SI writes it. */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

/** `1 seed`, `2 seeds`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** `text` in lines of at most `width` characters, each after `indent`, the first one after `first`. */
export function wrap(text: string, width: number, first = '', indent = first): string[] {
  const lines: string[] = []
  let line = first
  let empty = true
  for (const word of text.split(' ').flatMap((part) => pieces(part, width - indent.length))) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = indent
      empty = true
    }
    line += empty ? word : ` ${word}`
    empty = false
  }
  return [...lines, line]
}

function pieces(word: string, width: number): string[] {
  const found: string[] = []
  for (let from = 0; from < word.length; from += width) found.push(word.slice(from, from + width))
  return found
}
