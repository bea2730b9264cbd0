import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { WorldMessage } from '../../../../schemas/run.ts'
import { useColours } from '../hooks.ts'
import { fixed } from '../model/format.ts'
import { vehicleHash } from '../model/route.ts'
import { Section } from '../parts.tsx'
import { nextOrder, type TableColumn, VirtualTable } from '../virtual-table.tsx'
import { colourTop } from './speed-legend.tsx'

type Car = WorldMessage['cars'][string] & { readonly id: string }

/** Every car with its numbers: what the picture shows, to be read, and searched by keyboard. */
export function CarTable(props: {
  readonly cars: WorldMessage['cars']
  readonly marked: string | undefined
  readonly onMark: (id: string | undefined) => void
}): JSX.Element {
  const { cars, marked, onMark } = props
  const { speeds } = useColours()
  const [order, setOrder] = useState({ key: 'id', descending: false })
  const rows = Object.entries(cars).map(([id, car]) => ({ id, ...car }))
  rows.sort((a, b) => compare(a, b, order.key) * (order.descending ? -1 : 1) || (a.id < b.id ? -1 : 1))
  const columns: readonly TableColumn<Car>[] = [
    {
      ...{ key: 'id', title: 'Car', width: '6.2rem' },
      cell: ({ id, kind, v }) => (
        <>
          <span
            class={kind === 'learner' ? 'dot' : 'dot dot-hollow'}
            style={{ color: speeds.of(v / colourTop) }}
            aria-hidden="true"
          />
          {kind === 'learner' ? <a href={vehicleHash(id)}>{id}</a> : id}
        </>
      ),
    },
    { key: 'kind', title: 'Kind', width: '4.4rem', cell: ({ kind }) => (kind === 'learner' ? 'learner' : 'driver') },
    { key: 'v', title: 'Speed', unit: 'm/s', width: '5rem', numeric: true, cell: ({ v }) => fixed(v, 1) },
    { key: 's', title: 'Position', unit: 'm', width: '5.6rem', numeric: true, cell: ({ s }) => fixed(s, 1) },
    {
      ...{ key: 'braking', title: 'Safety', width: '4.8rem', hint: 'Safety lowers its command' },
      cell: ({ kind, braking }) => (kind === 'learner' && braking ? <span class="tag tag-bad">brakes</span> : ''),
    },
  ]
  return (
    <Section title="Cars" class="car-table">
      <VirtualTable
        caption="Cars with speed and position"
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        order={order}
        onOrder={(key) => setOrder(nextOrder(order, key, key === 'v' || key === 's'))}
        rowClass={({ id }) => (id === marked ? 'marked' : undefined)}
        onHover={(row) => onMark(row?.id)}
        data={({ id, s, v }) => ({ 'data-car': id, 'data-s': String(s), 'data-v': String(v) })}
      />
    </Section>
  )
}

function compare(a: Car, b: Car, key: string): number {
  if (key === 'v') return a.v - b.v
  if (key === 's') return a.s - b.s
  if (key === 'kind') return a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0
  if (key === 'braking') return +b.braking - +a.braking
  return 0
}
