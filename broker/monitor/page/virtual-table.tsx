import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useSize } from './hooks.ts'

export interface TableColumn<T> {
  readonly key: string
  readonly title: string
  readonly unit?: string | undefined
  readonly hint?: string | undefined
  readonly numeric?: boolean
  /** CSS width. */
  readonly width: string
  cell(row: T): ComponentChildren
}

export interface TableProps<T> {
  /** What the table holds. */
  readonly caption: string
  readonly columns: readonly TableColumn<T>[]
  readonly rows: readonly T[]
  rowKey(row: T): string
  readonly order?: { readonly key: string; readonly descending: boolean }
  /** A press on a column's title; titles are plain text without it. */
  readonly onOrder?: (key: string) => void
  readonly rowClass?: (row: T) => string | undefined
  readonly onHover?: (row: T | undefined) => void
  /** Attributes of a row that can be read from outside. */
  readonly data?: (row: T) => Readonly<Record<`data-${string}`, string>>
  /** Most rows that are seen at once; more scroll. */
  readonly maxRows?: number
}

/** CSS pixels, as in the style sheet. */
const rowHeight = 34
/** Rows made above and below what is seen. */
const beyond = 6

/** A table of which only the rows in sight are made, so that a thousand cost what thirty do. */
export function VirtualTable<T>(props: TableProps<T>): JSX.Element {
  const { caption, columns, rows, order, onOrder, onHover, maxRows = 24 } = props
  const { ref, height } = useSize<HTMLDivElement>()
  const [scrollTop, setScrollTop] = useState(0)
  const first = Math.max(0, Math.min(rows.length - 1, Math.floor(scrollTop / rowHeight)) - beyond)
  const last = Math.min(rows.length, first + Math.ceil(height / rowHeight) + 2 * beyond)
  return (
    <div
      class="table-frame"
      ref={ref}
      style={{ maxHeight: `${(maxRows + 1) * rowHeight + 2}px` }}
      onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={rows.length + 1}>
        <caption class="unseen">{caption}</caption>
        <colgroup>
          {columns.map(({ key, width }) => (
            <col key={key} style={{ width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <ColumnTitle key={column.key} column={column} order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody onPointerLeave={onHover && (() => onHover(undefined))}>
          <Spacer rows={first} columns={columns.length} />
          {rows.slice(first, last).map((row, i) => (
            <tr
              key={props.rowKey(row)}
              class={props.rowClass?.(row)}
              aria-rowindex={first + i + 2}
              onPointerEnter={onHover && (() => onHover(row))}
              onFocusCapture={onHover && (() => onHover(row))}
              {...props.data?.(row)}
            >
              {columns.map((column, k) =>
                k === 0 ? (
                  <th key={column.key} scope="row">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.key} class={column.numeric ? 'numeric' : undefined}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
          <Spacer rows={rows.length - last} columns={columns.length} />
        </tbody>
      </table>
    </div>
  )
}

function ColumnTitle<T>(props: {
  readonly column: TableColumn<T>
  readonly order: TableProps<T>['order']
  readonly onOrder: TableProps<T>['onOrder']
}): JSX.Element {
  const { column, order, onOrder } = props
  const { key, title, unit, hint, numeric } = column
  const sorted = order?.key === key ? (order.descending ? 'descending' : 'ascending') : undefined
  const text = (
    <>
      {title}
      {unit && <span class="unit"> {unit}</span>}
    </>
  )
  return (
    <th
      scope="col"
      class={numeric ? 'numeric' : undefined}
      aria-sort={onOrder ? (sorted ?? 'none') : undefined}
      title={hint}
    >
      {onOrder ? (
        <button type="button" class="sort" onClick={() => onOrder(key)}>
          {text}
          <span class={`arrow ${sorted ?? ''}`} aria-hidden="true" />
        </button>
      ) : (
        text
      )}
    </th>
  )
}

/** Stands for rows that are not made. */
function Spacer({ rows, columns }: { readonly rows: number; readonly columns: number }): JSX.Element | null {
  if (rows <= 0) return null
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus
    <tr class="spacer" aria-hidden="true" style={{ height: `${rows * rowHeight}px` }}>
      <td colSpan={columns} />
    </tr>
  )
}

/** The order after a press on a column: the other way round where it is in force, else largest figures first. */
export function nextOrder(
  before: { readonly key: string; readonly descending: boolean },
  key: string,
  numeric: boolean,
): { readonly key: string; readonly descending: boolean } {
  return before.key === key ? { key, descending: !before.descending } : { key, descending: numeric }
}
