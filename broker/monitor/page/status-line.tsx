import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { membersOf } from '../../fleet.ts'
import { useTick, useTools } from './hooks.ts'
import { placeOf } from './model/fleet-rows.ts'
import { fixed, span, unknown, whole } from './model/format.ts'
import { Rate } from './model/rate.ts'

/** The run and the fleet in one line, whatever view is shown. */
export function StatusLine(): JSX.Element {
  const { page, connection } = useTools()
  const nowMs = useTick(500)
  const rate = useRef(new Rate()).current
  const { run, health } = page.fleet
  const message = run?.message
  const known = membersOf(page.fleet).filter(({ status }) => status !== undefined)
  const online = known.filter((vehicle) => placeOf(vehicle) === 'online').length
  const perSecond = rate.at(nowMs, page.fleet.heard)
  const broker = health?.message.broker
  const { denied, trouble, phase } = connection.state
  return (
    <section class="status-line" aria-label="Run and fleet">
      <dl>
        <div class="status-run">
          <dt>Run</dt>
          <dd>
            {message ? (
              <>
                {message.method} · {message.setting} · {message.preset}
                {run?.ended && <span class="tag">ended</span>}
              </>
            ) : (
              'none yet'
            )}
          </dd>
        </div>
        {message && (
          <div>
            <dt>Epoch</dt>
            <dd>
              {whole(message.epoch)} <span class="unit">of {whole(message.epochs)}</span>
              <progress
                aria-label="Epochs done"
                max={Math.max(1, message.epochs)}
                value={Math.min(message.epoch, message.epochs)}
              />
            </dd>
          </div>
        )}
        {message && (
          <div title="Mean speed of all cars divided by 20 m/s, 0 in a step with a collision">
            <dt>Last NAS</dt>
            <dd>{fixed(message.history.at(-1), 3)}</dd>
          </div>
        )}
        <div>
          <dt>Online</dt>
          <dd>
            {known.length === 0 ? unknown : whole(online)}
            {known.length > 0 && <span class="unit"> of {whole(known.length)}</span>}
          </dd>
        </div>
        <div title="Messages that this page hears">
          <dt>Messages</dt>
          <dd>
            {perSecond === undefined ? unknown : whole(perSecond)}
            {perSecond !== undefined && <span class="unit"> per s</span>}
          </dd>
        </div>
        <div title="Connections that the broker has open; only the embedded broker says so">
          <dt>Broker</dt>
          <dd>
            {broker ? (
              <>
                {whole(broker.connections)} <span class="unit">connections</span>
              </>
            ) : (
              <span class="soft">not available</span>
            )}
          </dd>
        </div>
        {health && nowMs - health.atMs > staleMs && (
          <div>
            <dt>Monitor</dt>
            <dd>silent for {span(nowMs - health.atMs)}</dd>
          </div>
        )}
      </dl>
      {trouble !== undefined && phase !== 'connected' && <p class="banner">{trouble}</p>}
      {denied.length > 0 && <p class="banner">The broker does not let this page read: {denied.join(', ')}</p>}
    </section>
  )
}

/** Health comes once a second. */
const staleMs = 5_000
