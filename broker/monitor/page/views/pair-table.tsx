import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Pair } from '../../../fleet.ts'
import { percent, significant, whole } from '../model/format.ts'
import { acceptedShare } from '../model/verdicts.ts'
import { reasonWords } from '../model/words.ts'
import { nextOrder, type TableColumn, VirtualTable } from '../virtual-table.tsx'
import type { Chosen } from './collaboration.tsx'

const values: Readonly<Record<string, (pair: Pair) => number | string>> = {
  own: ({ own }) => own,
  peer: ({ peer }) => peer,
  verdicts: ({ accepted, rejected }) => accepted + rejected,
  accepted: acceptedShare,
  alpha: ({ last }) => last.alpha ?? -1,
  reason: ({ last }) => last.reason,
}

/** Every pair in a row. */
export function PairTable(props: {
  readonly pairs: ReadonlyMap<string, Pair>
  readonly chosen: Chosen | undefined
  readonly onChoose: (chosen: Chosen) => void
}): JSX.Element {
  const { pairs, chosen, onChoose } = props
  const [order, setOrder] = useState({ key: 'verdicts', descending: true })
  const value = values[order.key] ?? (() => 0)
  const sign = order.descending ? -1 : 1
  const rows = [...pairs.values()]
    .map((pair) => ({ pair, value: value(pair) }))
    .sort((a, b) => (a.value < b.value ? -sign : a.value > b.value ? sign : keyOf(a.pair) < keyOf(b.pair) ? -1 : 1))
    .map(({ pair }) => pair)
  const columns: readonly TableColumn<Pair>[] = [
    {
      ...{ key: 'own', title: 'Vehicle', width: '7rem' },
      cell: ({ own, peer }) => (
        <button
          type="button"
          class="link"
          aria-label={`Verdicts of ${own} about ${peer}`}
          onClick={() => onChoose({ own, peer })}
        >
          {own}
        </button>
      ),
    },
    { key: 'peer', title: 'judged', width: '7rem', cell: ({ peer }) => peer },
    {
      key: 'verdicts',
      title: 'Verdicts',
      width: '6rem',
      numeric: true,
      cell: ({ accepted, rejected }) => whole(accepted + rejected),
    },
    { key: 'accepted', title: 'Accepted', width: '6rem', numeric: true, cell: (pair) => percent(acceptedShare(pair)) },
    { key: 'alpha', title: 'Last α', width: '6rem', numeric: true, cell: ({ last }) => significant(last.alpha) },
    { key: 'reason', title: 'Last outcome', width: '11rem', cell: ({ last }) => reasonWords[last.reason].short },
  ]
  return (
    <VirtualTable
      caption="Pairs of vehicles with their verdicts"
      columns={columns}
      rows={rows}
      rowKey={keyOf}
      order={order}
      onOrder={(key) => setOrder(nextOrder(order, key, !['own', 'peer', 'reason'].includes(key)))}
      rowClass={({ own, peer }) => (own === chosen?.own && peer === chosen.peer ? 'marked' : undefined)}
      data={({ own, peer }) => ({ 'data-own': own, 'data-peer': peer })}
      maxRows={12}
    />
  )
}

function keyOf({ own, peer }: Pair): string {
  return `${own}>${peer}`
}
