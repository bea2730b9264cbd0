import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { Vehicle } from '../../../fleet.ts'
import { axis, Chart } from '../chart.tsx'
import type { Palette } from '../draw/palette.ts'
import { useColours, useTools } from '../hooks.ts'
import { fixed, significant, whole } from '../model/format.ts'
import { vehicleHash } from '../model/route.ts'
import { seriesStyle } from '../model/series-style.ts'
import { nextOrder, type TableColumn, VirtualTable } from '../virtual-table.tsx'
import { timeAxis, untilNow } from './time-axis.ts'

/** Fleets up to this size have a curve each; larger ones are drawn as median and deciles, with chosen vehicles on top. */
const curvesAtMost = 16

/** Returns over time, and the same as a table in which vehicles can be picked out. */
export function ReturnChart({ learners }: { readonly learners: readonly Vehicle[] }): JSX.Element {
  const { page } = useTools()
  const { palette } = useColours()
  const [picked, setPicked] = useState<readonly string[]>([])
  const [order, setOrder] = useState({ key: 'id', descending: false })
  const sorted = [...learners].sort((a, b) => (a.id < b.id ? -1 : 1))
  const many = sorted.length > curvesAtMost
  const drawn = many ? sorted.filter(({ id }) => picked.includes(id)) : sorted
  const version = `${many} ${drawn.map(({ id }) => id).join(' ')} ${picked.join(' ')}`
  const styleOf = (n: number, of: Palette): uPlot.Series => {
    const { stroke, dash } = seriesStyle(n, of.dark)
    const faint = !many && picked.length > 0 && !picked.includes(drawn[n]?.id ?? '')
    return { stroke: faint ? of.edge : stroke, dash, width: faint ? 1 : 1.8, spanGaps: true, points: { show: false } }
  }
  const pick = (id: string): void =>
    setPicked(picked.includes(id) ? picked.filter((other) => other !== id) : [...picked.slice(-7), id])
  const rows = order.key === 'id' ? sorted : [...sorted].sort((a, b) => compare(a, b, order.key))
  if (order.descending) rows.reverse()
  return (
    <>
      <Chart
        label={`Return of ${sorted.length} vehicles over time; the table Returns below holds the newest`}
        height={260}
        everyMs={1_000}
        version={version}
        options={(palette) => ({
          scales: { x: { time: false, range: untilNow } },
          axes: [timeAxis(palette), axis(palette, { size: 56 })],
          ...(many && { bands: [{ series: [3, 1], fill: `color-mix(in srgb, ${palette.accent} 18%, transparent)` }] }),
          series: [
            {},
            ...(many ? [1, 2.4, 1].map((width) => ({ stroke: palette.accent, width, points: { show: false } })) : []),
            ...drawn.map((_, n) => styleOf(n, palette)),
          ],
        })}
        data={() => {
          const nowMs = performance.now()
          const seconds = (times: readonly number[]): number[] => times.map((ms) => (ms - nowMs) / 1_000)
          const tables: uPlot.AlignedData[] = []
          if (many) {
            page.returns.close(nowMs)
            const { bins } = page.returns
            const of = (name: 'low' | 'median' | 'high'): number[] => bins.map((bin) => bin[name])
            tables.push([seconds(bins.map(({ atMs }) => atMs)), of('low'), of('median'), of('high')])
          }
          for (const { returns } of drawn) {
            const { times, values } = returns.points()
            tables.push([seconds(times), values])
          }
          return tables.length === 0 ? [[]] : uPlot.join(tables)
        }}
      />
      {many && (
        <p class="note">
          The line is the median of the fleet, the band holds eight of ten. Pick vehicles in the table to see their
          curves.
        </p>
      )}
      <VirtualTable
        caption="Returns: newest, and mean of the last rounds"
        columns={columnsOf(pick, picked, drawn, palette)}
        rows={rows}
        rowKey={({ id }) => id}
        order={order}
        onOrder={(key) => setOrder(nextOrder(order, key, key !== 'id'))}
        maxRows={10}
      />
    </>
  )
}

function columnsOf(
  pick: (id: string) => void,
  picked: readonly string[],
  drawn: readonly Vehicle[],
  palette: Palette,
): readonly TableColumn<Vehicle>[] {
  return [
    {
      ...{ key: 'id', title: 'Vehicle', width: '8rem' },
      cell: ({ id }) => (
        <>
          <span class="dot" style={{ color: colourOf(id, drawn, palette) }} aria-hidden="true" />
          <a href={vehicleHash(id)}>{id}</a>
        </>
      ),
    },
    { key: 'last', title: 'Newest', width: '6rem', numeric: true, cell: ({ returns }) => fixed(returns.last, 3) },
    {
      key: 'mean',
      title: 'Mean of ten',
      width: '7.5rem',
      numeric: true,
      cell: (vehicle) => significant(meanOf(vehicle), 3),
    },
    {
      key: 'rounds',
      title: 'Rounds heard',
      width: '8rem',
      numeric: true,
      cell: ({ returns }) => whole(returns.length),
    },
    {
      ...{ key: 'pick', title: 'Curve', width: '6rem' },
      cell: ({ id }) => (
        <button
          type="button"
          class="link"
          aria-pressed={picked.includes(id)}
          aria-label={`Pick out the curve of ${id}`}
          onClick={() => pick(id)}
        >
          {picked.includes(id) ? 'picked' : 'pick'}
        </button>
      ),
    },
  ]
}

function colourOf(id: string, drawn: readonly Vehicle[], palette: Palette): string {
  const at = drawn.findIndex((vehicle) => vehicle.id === id)
  return at < 0 ? palette.edge : seriesStyle(at, palette.dark).stroke
}

function meanOf({ returns }: Vehicle): number {
  const newest = returns.points().values.slice(-10)
  return newest.reduce((sum, value) => sum + value, 0) / newest.length
}

function compare(a: Vehicle, b: Vehicle, key: string): number {
  if (key === 'rounds') return a.returns.length - b.returns.length
  if (key === 'mean') return meanOf(a) - meanOf(b)
  if (key === 'last') return (a.returns.last ?? 0) - (b.returns.last ?? 0)
  return 0
}
