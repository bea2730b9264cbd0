import type { Bus } from '../../device/bus/bus.ts'
import type { Health } from '../../schemas/health.ts'
import { channels } from '../../schemas/topics.ts'
import { alarmMessage, alarmsAt, healthOf, published, type Standing } from '../alarms.ts'
import { createFleetState, type FleetState, type Heard, trouble, vehicleOf } from '../fleet.ts'
import { followFleet } from './follow.ts'

/** What only the broker itself knows of its clients. */
export interface BrokerFacts {
  readonly health: () => NonNullable<Health['broker']>
  /** Messages shed since the last call, by client id. */
  readonly shed: () => ReadonlyMap<string, number>
}

export interface WatchOptions {
  readonly bus: Bus
  readonly fleet: string
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** Undefined beside a broker of others. */
  readonly broker?: BrokerFacts
}

/** Watches one fleet over MQTT and publishes its health and its alarms. */
export interface Watch {
  readonly state: FleetState
  /** What stands now, those without a topic of their own included. */
  readonly alarms: readonly Standing[]
  readonly health: Health
  /** Whether the connection to the broker stands: without it the state is what it was. */
  readonly connected: boolean
  /** Calls `handler` for every message, once it is part of the state. */
  onHeard(handler: (heard: Heard) => void): void
  /** Call it a few times a second. */
  tick(): void
}

export function createWatch({ bus, fleet, now, wallClock, broker }: WatchOptions): Watch {
  const state = createFleetState(fleet)
  const handlers: ((heard: Heard) => void)[] = []
  followFleet(bus, state, now, (heard) => {
    for (const handler of handlers) handler(heard)
  })
  const startedAt = now()
  const sent = new Map<string, string>()
  let alarms: readonly Standing[] = []
  let rate = 0
  let counted = { atMs: now(), heard: 0 }
  let health = healthAt(now())

  function healthAt(nowMs: number): Health {
    return healthOf(state, alarms, nowMs, { messagesPerSecond: rate, broker: broker?.health() ?? null })
  }

  const isoOf = (ms: number): string => new Date(wallClock() - (now() - ms)).toISOString()

  /** Alarms that were not there are published, those that are over emptied; also those of a monitor that has died. */
  const publishAlarms = (): void => {
    const standing = new Map(published(alarms).map((alarm) => [alarm.id, alarm]))
    for (const [id, alarm] of standing) {
      // What an alarm says may change while it stands; when it began does not.
      if (sent.get(id) === alarm.text) continue
      sent.set(id, alarm.text)
      bus.publish(channels.alarm, { fleet, id }, alarmMessage(alarm, isoOf))
    }
    const left = now() - startedAt > graceMs ? state.alarms.keys() : []
    for (const id of new Set([...sent.keys(), ...left])) {
      if (standing.has(id)) continue
      sent.delete(id)
      state.alarms.delete(id)
      bus.clear(channels.alarm, { fleet, id })
    }
  }

  // A broker that has restarted knows none of them.
  bus.onConnected(() => sent.clear())

  return {
    state,
    get alarms() {
      return alarms
    },
    get health() {
      return health
    },
    get connected() {
      return bus.connected
    },
    onHeard: (handler) => void handlers.push(handler),
    tick() {
      const nowMs = now()
      for (const [id, count] of broker?.shed() ?? []) {
        const vehicle = vehicleOf(state, id)
        if (vehicle) trouble(vehicle, 'shed', 'messages beyond its share were dropped', nowMs, count)
      }
      alarms = alarmsAt(state, nowMs)
      if (!bus.connected) return
      publishAlarms()
      if (nowMs - counted.atMs < healthEveryMs) return
      rate = Math.round((1_000 * (state.heard - counted.heard)) / (nowMs - counted.atMs))
      counted = { atMs: nowMs, heard: state.heard }
      health = healthAt(nowMs)
      bus.publish(channels.health, { fleet }, health)
    },
  }
}

const healthEveryMs = 1_000
/** Retained statuses come within that, so that an alarm of before is not taken for one that is over. */
const graceMs = 5_000
