import type { JSX } from 'preact'
import type { Vehicle } from '../../../fleet.ts'
import { span } from '../model/format.ts'
import { Section } from '../parts.tsx'

/** Lines of a vehicle's log, and its answers to commands, the newest first. */
export function VehicleLog({ vehicle, nowMs }: { readonly vehicle: Vehicle; readonly nowMs: number }): JSX.Element {
  const lines = [...vehicle.log].reverse()
  const answers = [...vehicle.acknowledgements].reverse()
  return (
    <div class="two-columns">
      <Section title="Log" note="the newest fifty lines">
        {lines.length === 0 ? (
          <p class="none">It has logged nothing since this page was opened.</p>
        ) : (
          <ol class="log">
            {lines.map(({ atMs, message: { level, event, text } }) => (
              <li key={`${atMs} ${event} ${text}`} class={`log-${level}`}>
                <span class="log-when">{span(nowMs - atMs)}</span>
                <span class="log-event">{level === 'info' ? event : `${level} · ${event}`}</span>
                <span class="log-text">{text}</span>
              </li>
            ))}
          </ol>
        )}
      </Section>
      <Section title="Answers to commands" note="of every operator">
        {answers.length === 0 ? (
          <p class="none">It has answered no command since this page was opened.</p>
        ) : (
          <ol class="log">
            {answers.map(({ atMs, name, message: { operator, result, reason, detail } }) => (
              <li key={`${atMs} ${name}`} class={result === 'done' ? 'log-info' : 'log-warning'}>
                <span class="log-when">{span(nowMs - atMs)}</span>
                <span class="log-event">
                  {name} of {operator}
                </span>
                <span class="log-text">
                  {result === 'done' ? 'done' : `refused: ${reason}${detail ? `, ${detail}` : ''}`}
                </span>
              </li>
            ))}
          </ol>
        )}
      </Section>
    </div>
  )
}
