import type { Test } from 'tap'
import { createMqttBus, type MqttBus, type MqttBusOptions } from '../../device/bus/mqtt-bus.ts'
import type { Status } from '../../schemas/status.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import { as } from './broker-fixture.ts'

/** The fleet and the first device of `users`. */
export const fleet = 'demo'
export const d1 = { fleet, vehicle: 'd1' }

export const status: Status = { version: 1, state: 'online', boot: 1, connection: 1 }

/** Verdicts told apart by their step. */
export const verdict = (step: number): VerdictMessage => ({
  ...{ version: 1, vehicle: 'd1', epoch: 1, step, mode: 'wire', accepted: false, reason: 'missing', alpha: 0 },
  peerId: 'd2',
})

/** A bus to a broker on loopback as the user `name`, closed with the test. */
export function busTo(t: Test, port: number, name: string, more: Partial<MqttBusOptions> = {}): MqttBus {
  const bus = createMqttBus({ url: `mqtt://127.0.0.1:${port}`, ...as(name), jitter: () => 0.05, ...more })
  t.teardown(() => bus.close())
  return bus
}

/** Resolves at the next connection of the bus. */
export function nextConnection(bus: MqttBus): Promise<void> {
  const before = bus.connections
  return new Promise((resolve) => bus.onConnected(() => bus.connections > before && resolve()))
}

/** Resolves when the bus has noticed that its connection is gone. */
export async function disconnected(bus: MqttBus): Promise<void> {
  while (bus.connected) await new Promise((resolve) => setImmediate(resolve))
}
