import { type FleetView, mergeReasons, sortedReasons, sumReasons, type VehicleView } from './progress.ts'
import { displayWidth, fit, formatCount, formatValue, padEnd, padStart, printable, type Styles } from './text.ts'

/**
 * A head line, one line per device, for more than one their sum, and the fleet's reasons to refuse in full; no line
 * is wider than `width`.
 */
export function deviceLines(view: FleetView, width: number, styles: Styles): string[] {
  const longestId = Math.max(6, ...view.vehicles.map(({ id }) => displayWidth(printable(id))))
  const idWidth = Math.min(longestId, Math.max(6, width >> 2))
  const { columns, room } = chooseColumns(width - idWidth - 5)
  const line = (id: string, cell: (column: Column) => string) =>
    padEnd(printable(id), idWidth) + columns.map((column) => padStart(cell(column), column.width)).join('')
  const because = (rejected: VehicleView['rejected']) => (room > 0 ? `  ${reasonsText(rejected, room)}` : '')

  const lines = [styles.dim(`   ${line('device', ({ title }) => title)}${room > 0 ? '  because' : ''}`)]
  for (const vehicle of view.vehicles) {
    const text = line(vehicle.id, ({ value, show }) => show(value(vehicle)))
    if (vehicle.state === 'live') lines.push(` ${styles.green('●')} ${text}${styles.dim(because(vehicle.rejected))}`)
    else if (vehicle.state === 'offline')
      lines.push(` ${styles.red('○')} ${styles.dim(text)}  ${styles.red('offline')}`)
    else lines.push(` ${styles.yellow('◌')} ${styles.dim(text)}  ${styles.yellow('starting')}`)
  }
  if (view.vehicles.length > 1) {
    const sum = (value: Column['value']) => view.vehicles.reduce((total, vehicle) => total + value(vehicle), 0)
    const text = line('fleet', ({ value, show, totalled }) => (totalled ? show(sum(value)) : ''))
    lines.push(`   ${styles.bold(text)}`)
  }
  const all = mergeReasons(view.vehicles)
  if (sumReasons(all) > 0) lines.push(styles.dim(`   refused: ${reasonsText(all, width - 12)}`))
  return lines.map((text) => fit(text, width))
}

/**
 * `advantage 80, bound 12, +2` in at most `width` columns, most frequent first (`+2`: that many kinds more). The words
 * of a reason are shortened until at least two kinds are named; full names go first where they fit.
 */
export function reasonsText(counts: Readonly<Record<string, number>>, width: number): string {
  const sorted = sortedReasons(counts)
  const candidates = [Number.POSITIVE_INFINITY, 6, 4, 3].map((letters) => namedReasons(sorted, width, letters))
  const enough = candidates.find(({ named }) => named >= Math.min(2, sorted.length))
  return (enough ?? candidates.find(({ named }) => named > 0) ?? candidates[0])?.text ?? ''
}

/** As many reasons as fit when each word has at most `letters` letters; a single one may be cut. */
function namedReasons(sorted: [reason: string, count: number][], width: number, letters: number) {
  const short = sorted.map(([reason, count]) => {
    const words = printable(reason).split(/[-_ ]/)
    return { name: words.map((word) => word.slice(0, letters)).join('-'), count: formatCount(count) }
  })
  for (let named = short.length; named > 0; named--) {
    const items = short.slice(0, named).map(({ name, count }) => `${name} ${count}`)
    const text = [...items, ...(named < short.length ? [`+${short.length - named}`] : [])].join(', ')
    if (displayWidth(text) <= width) return { named, text }
  }
  const first = short[0]
  const text = first ? `${fit(first.name, width - first.count.length - 1)} ${first.count}` : ''
  return { named: 0, text: fit(text, width) }
}

type Column = {
  readonly title: string
  readonly width: number
  /** Columns with a higher number leave first when the terminal is narrow; 0 stays. */
  readonly rank: number
  readonly totalled: boolean
  readonly value: (vehicle: VehicleView) => number
  readonly show: (value: number) => string
}

const allColumns: readonly Column[] = [
  {
    title: 'every',
    width: 7,
    rank: 2,
    totalled: false,
    value: (v) => v.intervalS,
    show: (s) => `${formatValue(s, 1)} s`,
  },
  {
    title: 'return',
    width: 7,
    rank: 1,
    totalled: false,
    value: (v) => v.return,
    show: (value) => formatValue(value, 2),
  },
  { title: 'samples', width: 8, rank: 3, totalled: true, value: (v) => v.samples, show: formatCount },
  { title: 'updates', width: 8, rank: 4, totalled: true, value: (v) => v.updates, show: formatCount },
  { title: 'mixed', width: 6, rank: 0, totalled: true, value: (v) => v.accepted, show: formatCount },
  { title: 'refused', width: 8, rank: 0, totalled: true, value: (v) => sumReasons(v.rejected), show: formatCount },
]

/** The columns that leave room for the reasons in `width`; that room is 0 where even then there is too little. */
function chooseColumns(width: number): { columns: readonly Column[]; room: number } {
  let columns = allColumns
  const roomOf = () => width - columns.reduce((sum, column) => sum + column.width, 0)
  for (let rank = 4; rank > 0 && roomOf() < reasonsWidth; rank--) {
    columns = columns.filter((column) => column.rank !== rank)
  }
  return { columns, room: roomOf() < 8 ? 0 : roomOf() }
}

const reasonsWidth = 18
