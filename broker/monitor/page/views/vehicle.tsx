import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { flagsOf } from '../../../alarms.ts'
import type { Vehicle } from '../../../fleet.ts'
import { useTick, useTools } from '../hooks.ts'
import { placeOf } from '../model/fleet-rows.ts'
import { span } from '../model/format.ts'
import { type HeardVerdict, newestVerdicts } from '../model/verdicts.ts'
import { alarmWords } from '../model/words.ts'
import { Empty, Section } from '../parts.tsx'
import { Commands } from './commands.tsx'
import { Health } from './health.tsx'
import { VehicleLog } from './vehicle-log.tsx'
import { VehicleStatus, VehicleTelemetry } from './vehicle-status.tsx'
import { VerdictEvidence, VerdictTable } from './verdict-list.tsx'

/** Everything that is known of one vehicle, and what an operator can have it do. */
export function VehicleView({ id }: { readonly id: string }): JSX.Element {
  const { page } = useTools()
  const nowMs = useTick(250)
  const vehicle = page.fleet.vehicles.get(id)
  if (!vehicle)
    return (
      <>
        <h1>{id}</h1>
        <Empty title={`Nothing has been heard of ${id}`}>
          <p>
            It appears here when it connects. All others are in the <a href="#/fleet">fleet</a>.
          </p>
        </Empty>
      </>
    )
  const place = placeOf(vehicle)
  const alarms = [...page.fleet.alarms.values()].filter((alarm) => alarm.vehicle === id)
  return (
    <>
      <div class="view-head">
        <h1>{id}</h1>
        <Health row={{ place, flags: flagsOf(vehicle, nowMs) }} />
        <p class="view-note">{placeText(vehicle, nowMs)}</p>
      </div>
      {alarms.map(({ kind, text, advice }) => (
        <p key={kind} class="banner banner-bad">
          <strong>{alarmWords[kind]}:</strong> {text}. {advice}
        </p>
      ))}
      <div class="two-columns">
        <div class="column">
          <VehicleStatus vehicle={vehicle} />
          <VehicleTelemetry vehicle={vehicle} nowMs={nowMs} />
        </div>
        <Commands vehicle={vehicle} />
      </div>
      <Verdicts vehicle={vehicle} />
      <VehicleLog vehicle={vehicle} nowMs={nowMs} />
    </>
  )
}

function placeText(vehicle: Vehicle, nowMs: number): string {
  const since = span(nowMs - vehicle.statusAtMs)
  switch (placeOf(vehicle)) {
    case 'online':
      return 'Online'
    case 'left':
      return `Said goodbye ${since} ago`
    case 'lost':
      return `Offline for ${since}: its connection ended without a goodbye`
    case 'unknown':
      return 'Has not told its status'
  }
}

function Verdicts({ vehicle }: { readonly vehicle: Vehicle }): JSX.Element {
  const { page } = useTools()
  const [chosen, setChosen] = useState<HeardVerdict>()
  const verdicts = newestVerdicts(page.fleet, vehicle.id, undefined, 60)
  const shown = verdicts.find((verdict) => verdict === chosen) ?? verdicts[0]
  return (
    <Section title="Its verdicts" note="how it judged the policies of others">
      {shown ? (
        <div class="two-columns two-columns-inner">
          <VerdictTable verdicts={verdicts} shown={shown} onShow={setChosen} peers />
          <VerdictEvidence verdict={shown.message} />
        </div>
      ) : (
        <p class="none">It has judged nobody since this page was opened.</p>
      )}
    </Section>
  )
}
