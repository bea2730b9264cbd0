/** `values` as one line of `width` block characters at most, lowest ▁, highest █; a longer series is averaged down. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = resample(values, Math.min(width, values.length))
  const [low, high] = extent(shown)
  return shown.map((value) => (Number.isFinite(value) ? blocks[level(value, low, high, 7)] : ' ')).join('')
}

/** A braille picture: per character row the cells, each with whether the curve (not only the reference line) is in it. */
export type BrailleChart = {
  readonly rows: readonly (readonly { readonly glyph: string; readonly curve: boolean }[])[]
  /** Values of the top and the bottom dot row. */
  readonly high: number
  readonly low: number
  /** Character row of the reference line, if it was given. */
  readonly referenceRow: number | undefined
}

/**
 * The curve of `values` over `width` × `height` characters of 2 × 4 dots; `share` of the width is used by the values,
 * `reference` is a dotted horizontal line that is always inside the picture.
 */
export function brailleChart(
  values: readonly number[],
  width: number,
  height: number,
  share: number,
  reference?: number,
): BrailleChart {
  const columns = width * 2
  const lines = height * 4
  const used = Math.max(1, Math.min(columns, Math.round(columns * share)))
  const curve = values.length > used ? resample(values, used) : stretch(values, used)
  const [low, high] = extent(reference === undefined ? curve : [...curve, reference])
  const lineOf = (value: number) => lines - 1 - level(value, low, high, lines - 1)
  const dots = new Uint8Array(width * height)
  const isCurve = new Uint8Array(width * height)
  const set = (column: number, line: number) => {
    const cell = (line >> 2) * width + (column >> 1)
    dots[cell] = dots[cell]! | brailleDots[(line & 3) * 2 + (column & 1)]!
    return cell
  }
  let previous: number | undefined
  for (let column = 0; column < curve.length; column++) {
    const value = curve[column]!
    if (!Number.isFinite(value)) {
      previous = undefined
      continue
    }
    const line = lineOf(value)
    const joined = previous === undefined ? line : previous + Math.sign(line - previous)
    // a steep step is closed by a vertical stroke in its own column
    for (let dot = Math.min(line, joined); dot <= Math.max(line, joined); dot++) isCurve[set(column, dot)] = 1
    previous = line
  }
  const referenceLine = reference === undefined ? undefined : lineOf(reference)
  if (referenceLine !== undefined) {
    // only in cells without the curve: a cell has one colour
    for (let cell = 0; cell < width; cell++) {
      if (isCurve[(referenceLine >> 2) * width + cell] === 0) set(cell * 2, referenceLine)
    }
  }
  const rows = Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) => {
      const cell = row * width + column
      return { glyph: dots[cell] === 0 ? ' ' : String.fromCharCode(0x2800 + dots[cell]!), curve: isCurve[cell] === 1 }
    }),
  )
  return { rows, low, high, referenceRow: referenceLine === undefined ? undefined : referenceLine >> 2 }
}

/** Smallest and largest finite value; [0, 0] without any. */
export function extent(values: readonly number[]): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return low <= high ? [low, high] : [0, 0]
}

const blocks = '▁▂▃▄▅▆▇█'
// bit of each dot in U+2800 …, row by row, left and right
const brailleDots = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]

/** The step 0 … steps on which `value` falls between `low` and `high`; a flat series sits on the middle one. */
function level(value: number, low: number, high: number, steps: number): number {
  return high > low ? Math.round(((value - low) / (high - low)) * steps) : steps >> 1
}

/** `values` averaged into `length` equal parts (length ≤ values.length); values that are not finite are left out. */
function resample(values: readonly number[], length: number): number[] {
  return Array.from({ length }, (_, part) => {
    const from = Math.floor((part * values.length) / length)
    const to = Math.max(from + 1, Math.floor(((part + 1) * values.length) / length))
    const finite = values.slice(from, to).filter(Number.isFinite)
    return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length
  })
}

/** `values` interpolated linearly to `length` points (length ≥ values.length). */
function stretch(values: readonly number[], length: number): number[] {
  if (values.length < 2) return [...values]
  return Array.from({ length }, (_, index) => {
    const position = (index * (values.length - 1)) / (length - 1)
    const left = Math.floor(position)
    const right = Math.min(values.length - 1, left + 1)
    return position === left ? values[left]! : values[left]! + (position - left) * (values[right]! - values[left]!)
  })
}
