import type { Test } from 'tap'
import type { User } from '../../broker/admission.ts'
import { type Broker, type BrokerOptions, createBroker } from '../../broker/broker.ts'
import { RawClient } from './mqtt-raw.ts'

/** One user per role of the fleet `demo` (two devices), with the password `{name}-secret`. */
export const users: ReadonlyMap<string, User> = new Map(
  (['d1', 'd2', 'bridge', 'aggregator', 'monitor', 'operator', 'root'] as const).map((id) => [
    id,
    { id, role: id === 'd1' || id === 'd2' ? 'device' : id, password: `${id}-secret` },
  ]),
)

/** Devices of tests of other things send as much as they like. */
const limits = { deviceShare: { messagesPerSecond: 1e6, bytesPerSecond: 1e9 } }

export const base: BrokerOptions = { fleet: 'demo', users, now: () => performance.now(), port: 0, limits }

/** A broker on a free port, closed with the test. */
export async function start(t: Test, options: Partial<BrokerOptions>): Promise<Broker> {
  const broker = await createBroker({ ...base, ...options, limits: { ...limits, ...options.limits } })
  t.teardown(() => broker.close())
  return broker
}

/** CONNECT options of the user `name`. */
export function as(name: string): { clientId: string; username: string; password: string } {
  return { clientId: name, username: name, password: `${name}-secret` }
}

/** A raw client admitted as the user `name`, closed with the test. */
export async function join(t: Test, broker: Broker, name: string): Promise<RawClient> {
  const { client, code } = await RawClient.connect(broker.port, as(name))
  t.teardown(() => client.destroy())
  t.equal(code, 0, `${name} is admitted`)
  return client
}
