import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { membersOf } from '../../../fleet.ts'
import { useTick, useTools } from '../hooks.ts'
import { type FleetFilter, type FleetRow, fleetColumns, fleetRows } from '../model/fleet-rows.ts'
import { whole } from '../model/format.ts'
import { vehicleHash } from '../model/route.ts'
import { Choice, Empty } from '../parts.tsx'
import { nextOrder, type TableColumn, VirtualTable } from '../virtual-table.tsx'
import { Alive, OnTime, Valid } from './health.tsx'
import { Sparkline } from './sparkline.tsx'

const widths: Readonly<Record<string, string>> = {
  ...{
    id: '7.5rem',
    alive: '4.2rem',
    valid: '4.2rem',
    onTime: '5.2rem',
    speed: '6.5rem',
    return: '10rem',
    samples: '5.8rem',
    updates: '5.8rem',
  },
  ...{ policy: '6.5rem', verdict: '12.5rem', memory: '6.8rem', tick: '6.8rem', software: '9rem' },
}

const columns: readonly TableColumn<FleetRow>[] = fleetColumns.map((column) => {
  const { key, title, unit, hint, numeric } = column
  const common = { key, title, unit, hint, numeric, width: widths[key] ?? '6rem' }
  if (key === 'id') return { ...common, cell: ({ vehicle: { id } }) => <a href={vehicleHash(id)}>{id}</a> }
  if (key === 'alive') return { ...common, cell: (row) => <Alive row={row} /> }
  if (key === 'valid') return { ...common, cell: (row) => <Valid row={row} /> }
  if (key === 'onTime') return { ...common, cell: (row) => <OnTime row={row} /> }
  if (key === 'return') return { ...common, cell: (row) => <Return row={row} text={column.text(row)} /> }
  if (key === 'policy') return { ...common, cell: (row) => <code>{column.text(row)}</code> }
  if (key === 'verdict') return { ...common, cell: (row) => <LastVerdict row={row} text={column.text(row)} /> }
  return { ...common, cell: (row) => column.text(row) }
})

/** One row a vehicle. */
export function FleetView(): JSX.Element {
  const { page } = useTools()
  const nowMs = useTick(250)
  const [order, setOrder] = useState({ key: 'id', descending: false })
  const [filter, setFilter] = useState<FleetFilter>('all')
  const [search, setSearch] = useState('')
  const total = membersOf(page.fleet).length
  const rows = fleetRows(page.fleet, nowMs, { order, filter, search })
  return (
    <>
      <div class="view-head">
        <h1>Fleet</h1>
        <p class="view-note" role="status">
          {total === 0
            ? ''
            : rows.length === total
              ? `${whole(total)} vehicles`
              : `${whole(rows.length)} of ${whole(total)} vehicles`}
          {page.fleet.leftOut > 0 && ' (more than can be shown)'}
        </p>
        <Choice
          name="Vehicles shown"
          value={filter}
          of={[
            ['all', 'All'],
            ['online', 'Online'],
            ['away', 'Away'],
            ['trouble', 'In trouble'],
          ]}
          onChoose={setFilter}
        />
        <input
          type="search"
          class="search"
          placeholder="Search id, policy, software"
          aria-label="Search vehicles by id, policy, software or last verdict"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      </div>
      {total === 0 ? (
        <Empty title="No vehicle has told its status yet">
          <p>
            Devices appear here when they connect. A whole fleet starts with <code>trustmix fleet</code>, one vehicle
            with <code>trustmix device</code>.
          </p>
        </Empty>
      ) : (
        <section class="card card-flush" aria-label="Vehicles">
          <VirtualTable
            caption="Vehicles of the fleet"
            columns={columns}
            rows={rows}
            rowKey={({ vehicle }) => vehicle.id}
            order={order}
            onOrder={(key) =>
              setOrder(nextOrder(order, key, fleetColumns.find((column) => column.key === key)?.numeric ?? false))
            }
            rowClass={({ place }) => (place === 'online' ? 'opens' : 'opens faint')}
            data={({ vehicle, place }) => ({ 'data-vehicle': vehicle.id, 'data-place': place })}
          />
          {rows.length === 0 && <p class="none">No vehicle matches.</p>}
        </section>
      )}
    </>
  )
}

function Return({ row, text }: { readonly row: FleetRow; readonly text: string }): JSX.Element {
  return (
    <>
      <Sparkline values={row.vehicle.returns.points().values.slice(-40)} />
      {text}
    </>
  )
}

function LastVerdict({ row, text }: { readonly row: FleetRow; readonly text: string }): JSX.Element {
  const { verdict } = row.vehicle
  if (!verdict) return <span class="soft">{text}</span>
  return (
    <span class={verdict.accepted ? 'verdict taken' : 'verdict'} title={text}>
      <span class="verdict-mark" aria-hidden="true" />
      {text}
    </span>
  )
}
