import type { ComponentChildren, JSX } from 'preact'
import type { Vehicle } from '../../../fleet.ts'
import { updatesOf } from '../model/fleet-rows.ts'
import { fixed, shortHash, span, unknown, whole } from '../model/format.ts'
import { Figure, Section } from '../parts.tsx'

/** What a vehicle says of itself. */
export function VehicleStatus({ vehicle }: { readonly vehicle: Vehicle }): JSX.Element {
  const { status, announcement } = vehicle
  const rows: readonly (readonly [string, ComponentChildren])[] = [
    ['Run', status?.run ?? unknown],
    ['Software', status?.software ?? unknown],
    ['Engine', status?.engine ?? unknown],
    ['Boot, connection', status ? `${whole(status.boot)}, ${whole(status.connection)}` : unknown],
    ['Clock', clockWords[status?.clock ?? 'unknown']],
    ['Learning', status?.paused ? <span class="tag tag-warn">paused</span> : status ? 'under way' : unknown],
    ['Gate mode', status?.gateMode ?? 'none'],
    ['Policy', <Hash key="policy" hash={status?.policyHash} />],
    ['Last good policy', <Hash key="good" hash={status?.lastGood} />],
    ['Rollbacks', whole(status?.rollbacks ?? (status ? 0 : undefined))],
    ['Offers', announcement ? `${whole(announcement.size)} bytes in cell ${announcement.cell}` : unknown],
  ]
  const notes = status?.notes ?? []
  return (
    <Section title="Status">
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {notes.length > 0 && (
        <>
          <h3>Notes</h3>
          <ul class="notes">
            {notes.map((note, i) => (
              <li key={`${i} ${note}`}>{note}</li>
            ))}
          </ul>
        </>
      )}
    </Section>
  )
}

const clockWords = { synchronised: 'synchronised', 'not-synchronised': 'not synchronised', unknown: 'unknown' } as const

/** What a vehicle measures. */
export function VehicleTelemetry({
  vehicle,
  nowMs,
}: {
  readonly vehicle: Vehicle
  readonly nowMs: number
}): JSX.Element {
  const { telemetry, telemetryAtMs, misses } = vehicle
  const own = (name: 'Epoch' | 'Samples' | 'Return' | 'Fallbacks' | 'TickP99' | 'ResidentMemory') =>
    telemetry?.[`Vehicle.Private.Trustmix.${name}`]
  return (
    <Section title="Telemetry" note={telemetry ? `${span(nowMs - telemetryAtMs)} ago` : 'none yet'}>
      <dl class="figures figures-small">
        <Figure name="Speed" value={fixed(telemetry?.['Vehicle.Speed'], 1)} unit="km/h" />
        <Figure name="Return" value={fixed(own('Return'), 3)} hint="of the last round" />
        <Figure name="Samples" value={whole(own('Samples'))} hint="closed so far" />
        <Figure name="Updates" value={whole(updatesOf(vehicle))} />
        <Figure name="Epoch" value={whole(own('Epoch'))} />
        <Figure name="Fallbacks" value={whole(own('Fallbacks'))} hint="actions replaced by the safe one" />
        <Figure name="Missed" value={whole(misses)} unit="deadlines" hint="in this run" />
        <Figure name="Tick p99" value={fixed(own('TickP99'), 1)} unit="ms" hint="from observation to action" />
        <Figure name="Memory" value={fixed(own('ResidentMemory'))} unit="MiB" />
      </dl>
    </Section>
  )
}

function Hash({ hash }: { readonly hash: string | undefined }): JSX.Element {
  return hash ? <code title={hash}>{shortHash(hash)}</code> : <span class="soft">{unknown}</span>
}
