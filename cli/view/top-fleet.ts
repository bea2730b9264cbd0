import { flagsOf } from '../../broker/alarms.ts'
import type { FleetState, Vehicle } from '../../broker/fleet.ts'
import { sortedVehicles } from '../fleet-report.ts'
import { sumReasons } from './progress.ts'
import { displayWidth, formatCount, formatValue, padEnd, padStart, printable, type Styles } from './text.ts'

/** One view below the head: lines that stay and lines that scroll. */
export interface Body {
  readonly head: readonly string[]
  readonly rows: readonly string[]
}

/** One row a vehicle, sorted by one of the columns. */
export function fleetBody(
  state: FleetState,
  nowMs: number,
  width: number,
  styles: Styles,
  { by, reversed }: { readonly by: number; readonly reversed: boolean },
): Body {
  const vehicles = sortedVehicles(state)
  const sort = columns[by] as Column
  vehicles.sort((a, b) => compare(sort.value(a), sort.value(b)) * (reversed ? -1 : 1))
  const idWidth = Math.max(8, ...vehicles.map(({ id }) => displayWidth(id) + 1))
  let shown = columns
  for (let rank = 7; rank > 0 && lengthOf(shown, idWidth) > width; rank--)
    shown = shown.filter((column) => column.rank < rank)
  const reasonRoom = width - lengthOf(shown, idWidth) - 2
  const cells = (cell: (column: Column) => string): string =>
    shown.map((column, i) => (i === 0 ? padEnd(cell(column), idWidth) : padStart(cell(column), column.width))).join('')
  const head = `  ALV ${cells(({ title }) => (title === sort.title ? `${title}${reversed ? '↑' : '↓'}` : title))}${reasonRoom > 12 ? '  last verdict' : ''}`
  const rows = vehicles.map((vehicle) => {
    const { alive, valid, onTime } = flagsOf(vehicle, nowMs)
    const flags = `${flag(alive, 'A', styles)}${flag(onTime, 'L', styles)}${flag(valid, 'V', styles)}`
    const text = cells(({ value, show }) => {
      const found = value(vehicle)
      if (typeof found === 'string') return printable(found)
      return found === undefined ? '–' : (show ?? String)(found)
    })
    const said = reasonRoom > 12 ? `  ${verdictText(vehicle, styles)}` : ''
    return `  ${flags} ${alive ? text : styles.dim(text)}${said}`
  })
  return { head: ['', styles.dim(head)], rows: rows.length > 0 ? rows : [styles.dim('  nobody has told a status yet')] }
}

interface Column {
  readonly title: string
  readonly width: number
  /** Columns with a higher number leave first when the terminal is narrow. */
  readonly rank: number
  /** Text is sorted by its letters, numbers by size. */
  readonly value: (vehicle: Vehicle) => number | string | undefined
  readonly show?: (value: number) => string
}

const told = (
  vehicle: Vehicle,
  name: 'Updates' | 'Samples' | 'Return' | 'ResidentMemory' | 'TickP99',
): number | undefined => vehicle.telemetry?.[`Vehicle.Private.Trustmix.${name}`]

const columns: readonly Column[] = [
  { title: 'vehicle', width: 0, rank: 0, value: ({ id }) => id },
  {
    title: 'km/h',
    width: 7,
    rank: 1,
    value: ({ telemetry }) => telemetry?.['Vehicle.Speed'],
    show: (v) => v.toFixed(1),
  },
  { title: 'return', width: 9, rank: 1, value: (v) => told(v, 'Return'), show: (v) => v.toFixed(3) },
  { title: 'samples', width: 8, rank: 5, value: (v) => told(v, 'Samples'), show: formatCount },
  { title: 'updates', width: 8, rank: 3, value: (v) => told(v, 'Updates'), show: formatCount },
  { title: 'mixed', width: 7, rank: 1, value: ({ accepted }) => accepted, show: formatCount },
  {
    title: 'refused',
    width: 8,
    rank: 2,
    value: ({ rejected }) => sumReasons(Object.fromEntries(rejected)),
    show: formatCount,
  },
  { title: 'missed', width: 7, rank: 4, value: ({ misses }) => misses, show: formatCount },
  { title: 'MiB', width: 6, rank: 6, value: (v) => told(v, 'ResidentMemory'), show: (v) => v.toFixed(0) },
  { title: 'tick p99', width: 10, rank: 4, value: (v) => told(v, 'TickP99'), show: (v) => `${v.toFixed(2)} ms` },
  { title: 'policy', width: 10, rank: 7, value: ({ status }) => status?.policyHash?.slice(0, 8) },
]

function lengthOf(shown: readonly Column[], idWidth: number): number {
  return 6 + idWidth + shown.reduce((sum, { width }) => sum + width, 0)
}

/** Alive, on time (L), valid: a letter where it holds, a red dot where it does not. */
function flag(holds: boolean, letter: string, styles: Styles): string {
  return holds ? styles.green(letter) : styles.red('·')
}

function verdictText({ verdict }: Vehicle, styles: Styles): string {
  if (!verdict) return ''
  const peer = printable(verdict.peerId ?? '–')
  const alpha = formatValue(verdict.alpha ?? undefined, 3)
  return verdict.accepted ? styles.green(`${peer} α ${alpha}`) : styles.dim(`${peer} ${verdict.reason}`)
}

function compare(a: number | string | undefined, b: number | string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  if (typeof a === 'string' || typeof b === 'string') return String(a) < String(b) ? -1 : 1
  return b - a
}

/** How many columns there are to sort by. */
export const columnCount = columns.length
