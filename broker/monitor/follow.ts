import type { Bus } from '../../device/bus/bus.ts'
import { channels } from '../../schemas/topics.ts'
import type { FleetState, Heard } from '../fleet.ts'
import { hear } from '../hear.ts'

/** Folds everything that a watcher of the fleet may hear into its state, then tells `onHeard`; `now` is a monotonic clock, ms. */
export function followFleet(
  bus: Bus,
  state: FleetState,
  now: () => number,
  onHeard: (heard: Heard) => void = () => {},
): void {
  follow(bus.subscribe, state.fleet, (heard) => {
    hear(state, heard, now())
    onHeard(heard)
  })
}

/** Subscribes to everything that a watcher of a fleet may hear. */
export function follow(subscribe: Bus['subscribe'], fleet: string, onHeard: (heard: Heard) => void): void {
  const at = { fleet }
  subscribe(channels.status, at, (message, { vehicle }) => onHeard({ channel: 'status', vehicle, message }))
  subscribe(channels.telemetry, at, (message, { vehicle }) => onHeard({ channel: 'telemetry', vehicle, message }))
  subscribe(channels.verdict, at, (message, { vehicle }) => onHeard({ channel: 'verdict', vehicle, message }))
  subscribe(channels.log, at, (message, { vehicle }) => onHeard({ channel: 'log', vehicle, message }))
  subscribe(channels.ack, at, (message, { vehicle, name }) => onHeard({ channel: 'ack', vehicle, name, message }))
  subscribe(
    channels.ann,
    at,
    (message, { vehicle, cell }) => onHeard({ channel: 'ann', vehicle, cell, message }),
    ({ vehicle, cell }) => onHeard({ channel: 'ann', vehicle, cell, message: 'cleared' }),
  )
  subscribe(
    channels.run,
    at,
    (message, { run }) => onHeard({ channel: 'run', run, message }),
    ({ run }) => onHeard({ channel: 'run', run, message: 'cleared' }),
  )
  subscribe(channels.world, at, (message, { run }) => onHeard({ channel: 'world', run, message }))
  subscribe(channels.health, at, (message) => onHeard({ channel: 'health', message }))
  subscribe(
    channels.alarm,
    at,
    (message, { id }) => onHeard({ channel: 'alarm', id, message }),
    ({ id }) => onHeard({ channel: 'alarm', id, message: 'cleared' }),
  )
}
