import { sortedReasons, sumReasons, type VehicleView } from './progress.ts'
import { displayWidth, fit, formatCount, formatValue, padEnd, padStart, printable } from './text.ts'

/** A vehicle at the end of a run; `policyHash` is the hexadecimal digest of its parameters. */
export type FinalVehicle = Pick<VehicleView, 'id' | 'intervalS' | 'samples' | 'updates' | 'accepted' | 'rejected'> & {
  readonly policyHash: string
}

/** One row per vehicle and their sum, as plain text of at most `width` columns. */
export function vehicleTable(vehicles: readonly FinalVehicle[], width = 80): string {
  const idWidth = idColumn(
    vehicles.map(({ id }) => id),
    width,
  )
  const line = (...cells: string[]) => {
    const [id = '', interval = '', samples = '', updates = '', accepted = '', rejected = '', policy = ''] = cells
    const counts = [samples, updates, accepted, rejected].map((cell) => padStart(cell, 10)).join('')
    return fit(`${padEnd(printable(id), idWidth)}${padStart(interval, 10)}${counts}  ${policy}`.trimEnd(), width)
  }
  const rows = vehicles.map((vehicle) =>
    line(
      vehicle.id,
      `${formatValue(vehicle.intervalS, 1)} s`,
      formatCount(vehicle.samples),
      formatCount(vehicle.updates),
      formatCount(vehicle.accepted),
      formatCount(sumReasons(vehicle.rejected)),
      printable(vehicle.policyHash).slice(0, 12),
    ),
  )
  const sum = (value: (vehicle: FinalVehicle) => number) =>
    formatCount(vehicles.reduce((total, vehicle) => total + value(vehicle), 0))
  const counts = [
    sum((v) => v.samples),
    sum((v) => v.updates),
    sum((v) => v.accepted),
    sum((v) => sumReasons(v.rejected)),
  ]
  const head = line('vehicle', 'interval', 'samples', 'updates', 'accepted', 'rejected', 'policy')
  return joined([head, rule(head, rows), ...rows, rule(head, rows), line('all', '', ...counts, '')])
}

/**
 * The matrix of accepted mixes: row i column j is how often vehicle i took parameters of vehicle j (`accepted[i][j]`),
 * shaded in four steps of the largest. The widest of four cell layouts that stays inside `width` columns is used.
 */
export function mixMatrix(ids: readonly string[], accepted: readonly (readonly number[])[], width = 80): string {
  const count = (row: number, column: number) => accepted[row]?.[column] ?? 0
  const largest = Math.max(
    0,
    ...ids.flatMap((_, row) => ids.map((__, column) => (row === column ? 0 : count(row, column)))),
  )
  const shade = (value: number) => (value <= 0 ? ' ' : shades[Math.min(3, Math.ceil((value / largest) * 4) - 1)]!)
  const names = ids.map(printable)
  const rowWidth = idColumn(names, width)
  const digits = formatCount(largest).length
  const layouts = [
    { cell: digits + 5, text: (value: number) => ` ${shade(value).repeat(2)} ${padStart(number(value), digits)} ` },
    { cell: digits + 3, text: (value: number) => ` ${shade(value)}${padStart(number(value), digits)} ` },
    { cell: digits + 1, text: (value: number) => ` ${padStart(number(value), digits)}` },
    { cell: 1, text: shade },
  ]
  const fits = layouts.filter(({ cell }) => rowWidth + 1 + cell * ids.length <= width)
  const { cell, text } = fits[0] ?? layouts[3]!
  const lines = names.map((name, row) => {
    const cells = names.map((_, column) =>
      row === column ? padStart('·', cell - (cell > 2 ? 1 : 0)) : text(count(row, column)),
    )
    return `${padEnd(name, rowWidth)} ${cells.map((content) => padEnd(content, cell)).join('')}`.trimEnd()
  })
  const heads = columnHeads(names, cell).map(
    (head) => padStart(head, cell > 3 ? cell - 1 : cell) + (cell > 3 ? ' ' : ''),
  )
  const head = cell < 2 ? [] : [`${padEnd('takes from', rowWidth)} ${heads.join('')}`.trimEnd()]
  const legend = largest > 0 ? [`${shades.join(' ')}  up to ¼ ½ ¾ 1 of ${formatCount(largest)}`] : []
  return joined([...head, ...lines, ...legend].map((content) => fit(content, width)))
}

/** Verdicts counted by reason, most frequent first, with bars and shares; `accepted` may be one of the reasons. */
export function verdictTable(counts: Readonly<Record<string, number>>, width = 80): string {
  const sorted = sortedReasons(counts)
  const all = sumReasons(counts)
  if (sorted.length === 0) return 'no verdicts\n'
  const names = sorted.map(([reason]) => printable(reason))
  const nameWidth = Math.min(Math.max(12, ...names.map(displayWidth)), width >> 1)
  const barWidth = Math.min(40, width - nameWidth - 20)
  const lines = sorted.map(([, count], index) => {
    const bar = barWidth > 3 ? horizontalBar(count / sorted[0]![1], barWidth) : ''
    const share = `${((100 * count) / all).toFixed(1)} %`
    return fit(
      `${padEnd(names[index]!, nameWidth)}${padStart(formatCount(count), 8)}${padStart(share, 9)}  ${bar}`.trimEnd(),
      width,
    )
  })
  return joined([...lines, fit(`${padEnd('all verdicts', nameWidth)}${padStart(formatCount(all), 8)}`, width)])
}

const shades = ['░', '▒', '▓', '█']
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

function horizontalBar(share: number, width: number): string {
  const steps = Math.max(1, Math.round(share * width * 8))
  return '█'.repeat(steps >> 3) + eighths[steps & 7]!
}

/** Names for narrow columns: what tells them apart, i.e. without the letters that all begin with. */
function columnHeads(names: readonly string[], cell: number): string[] {
  if (names.every((name) => displayWidth(name) < cell)) return [...names]
  let common = 0
  const first = names[0] ?? ''
  while (common < first.length && names.every((name) => name.length > common + 1 && name[common] === first[common]))
    common++
  return names.map((name) => fit(name.slice(common), Math.max(1, cell - 1)))
}

function idColumn(ids: readonly string[], width: number): number {
  return Math.min(Math.max(10, ...ids.map((id) => displayWidth(printable(id)))), Math.max(10, width >> 2))
}

function number(value: number): string {
  return value > 0 ? formatCount(value) : '0'
}

function rule(...lines: readonly (string | readonly string[])[]): string {
  return '─'.repeat(Math.max(...lines.flat().map(displayWidth)))
}

function joined(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}
