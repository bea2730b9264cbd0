import type { JSX } from 'preact'
import type { FleetRow } from '../model/fleet-rows.ts'
import { Sign } from '../parts.tsx'

type Known = Pick<FleetRow, 'place' | 'flags'>

/** Three signs: alive, valid, on time. */
export function Health({ row }: { readonly row: Known }): JSX.Element {
  return (
    <span class="signs">
      <Alive row={row} />
      <Valid row={row} />
      <OnTime row={row} />
    </span>
  )
}

export function Alive({ row: { place } }: { readonly row: Known }): JSX.Element {
  if (place === 'online') return <Sign kind="good" text="alive" />
  if (place === 'lost') return <Sign kind="bad" text="offline: the connection ended without a goodbye" />
  if (place === 'left') return <Sign kind="off" text="offline: it said goodbye" />
  return <Sign kind="unknown" text="has not told its status" />
}

export function Valid({ row: { flags } }: { readonly row: Known }): JSX.Element {
  return flags.valid ? (
    <Sign kind="good" text="valid" />
  ) : (
    <Sign kind="bad" text="not valid: something was not finite" />
  )
}

export function OnTime({ row: { flags } }: { readonly row: Known }): JSX.Element {
  return flags.onTime ? <Sign kind="good" text="on time" /> : <Sign kind="warn" text="late: deadlines missed" />
}
