import type { JSX } from 'preact'
import type { Alarm } from '../../../../schemas/health.ts'
import { useTick, useTools } from '../hooks.ts'
import { span, whole } from '../model/format.ts'
import type { ClearedAlarm } from '../model/page-state.ts'
import { vehicleHash } from '../model/route.ts'
import { alarmWords } from '../model/words.ts'
import { Empty, Figure, Section, Sign } from '../parts.tsx'
import { type TableColumn, VirtualTable } from '../virtual-table.tsx'

/** What stands, what to do about it, and what is over. */
export function AlarmsView(): JSX.Element {
  const { page } = useTools()
  useTick(250)
  const wallMs = Date.now()
  const { alarms, health } = page.fleet
  const standing = [...alarms.values()].sort((a, b) =>
    a.since < b.since ? 1 : a.since > b.since ? -1 : a.vehicle < b.vehicle ? -1 : 1,
  )
  const cleared = [...page.cleared].reverse()
  const counts = health?.message.alarms
  const total = counts && Object.values(counts).reduce((sum, count) => sum + count, 0)
  return (
    <>
      <div class="view-head">
        <h1>Alarms</h1>
        <p class="view-note">
          {standing.length === 0 ? 'Nothing stands' : `${whole(standing.length)} standing`}
          {total !== undefined &&
            total > standing.length &&
            ` of ${whole(total)}: the others have no topic of their own`}
        </p>
      </div>
      {counts && Object.keys(counts).length > 0 && (
        <dl class="figures">
          {Object.entries(counts).map(([kind, count]) => (
            <Figure key={kind} name={alarmWords[kind as Alarm['kind']]} value={whole(count)} />
          ))}
        </dl>
      )}
      {standing.length === 0 ? (
        <Empty title="No alarm stands">
          <p>
            {health
              ? 'Vehicles that go away without a goodbye, miss deadlines, send what is not finite or report a fault are named here, with what to do.'
              : 'No monitor has reported yet. Alarms come from a broker that was started with a monitor.'}
          </p>
        </Empty>
      ) : (
        <ul class="alarms">
          {standing.slice(0, maxShown).map((alarm) => (
            <Standing key={`${alarm.kind} ${alarm.vehicle}`} alarm={alarm} wallMs={wallMs} />
          ))}
        </ul>
      )}
      {standing.length > maxShown && <p class="none">and {whole(standing.length - maxShown)} more</p>}
      {cleared.length > 0 && (
        <Section title="Over" note="since this page was opened">
          <VirtualTable
            caption="Alarms that are over"
            columns={clearedColumns}
            rows={cleared}
            rowKey={({ alarm, atMs }) => `${alarm.kind} ${alarm.vehicle} ${atMs}`}
          />
        </Section>
      )}
    </>
  )
}

/** Alarms without a topic of their own are counted above; so many of the others fit a page. */
const maxShown = 100

function Standing({ alarm, wallMs }: { readonly alarm: Alarm; readonly wallMs: number }): JSX.Element {
  const { kind, vehicle, since, text, advice } = alarm
  return (
    <li class="card alarm" data-alarm={kind} data-vehicle={vehicle}>
      <Sign kind={kind === 'offline' || kind === 'fault' || kind === 'refused' ? 'bad' : 'warn'} text="alarm" />
      <div>
        <p class="alarm-title">
          <a href={vehicleHash(vehicle)}>{vehicle}</a> <strong>{alarmWords[kind]}</strong>
          <span class="soft"> for {span(wallMs - Date.parse(since))}</span>
        </p>
        <p class="alarm-text">{text}</p>
        <p class="alarm-advice">{advice}</p>
      </div>
    </li>
  )
}

const clearedColumns: readonly TableColumn<ClearedAlarm>[] = [
  {
    ...{ key: 'vehicle', title: 'Vehicle', width: '8rem' },
    cell: ({ alarm }) => <a href={vehicleHash(alarm.vehicle)}>{alarm.vehicle}</a>,
  },
  { key: 'kind', title: 'Alarm', width: '11rem', cell: ({ alarm }) => alarmWords[alarm.kind] },
  {
    ...{ key: 'over', title: 'Over since', width: '8rem', numeric: true },
    cell: ({ atMs }) => span(performance.now() - atMs),
  },
  {
    key: 'text',
    title: 'What was seen',
    width: '24rem',
    cell: ({ alarm }) => <span title={alarm.text}>{alarm.text}</span>,
  },
]
