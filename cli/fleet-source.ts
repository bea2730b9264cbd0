import type { MqttBus } from '../device/bus/mqtt-bus.ts'
import { connectBus } from '../device/process.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import type { CommandIo } from './command.ts'

/** Options of the tools that listen to a fleet. */
export const fleetSourceSpec = {
  broker: { kind: 'text', placeholder: 'URL', description: 'broker of the fleet, mqtt://HOST:PORT' },
  fleet: { kind: 'text', placeholder: 'NAME', default: 'demo', description: 'which fleet' },
  username: { kind: 'text', placeholder: 'TEXT', description: 'user name at the broker' },
  'password-file': { kind: 'text', description: 'file that holds the password' },
  'ca-file': { kind: 'text', description: "certificate of the fleet's authority, for mqtts:// and wss://" },
  'cert-file': { kind: 'text', description: 'own certificate, of role monitor or operator' },
  'key-file': { kind: 'text', description: 'key of the own certificate' },
} as const

/** How long those wait that need nothing but the broker. */
export const waitSpec = {
  wait: {
    kind: 'number',
    placeholder: 'S',
    default: 10,
    minimum: 0.1,
    description: 'longest wait for the broker',
    unit: 's',
  },
} as const

/** Where a fleet is listened to; user and password where anonymous clients may not. */
export interface FleetSource {
  readonly broker: string
  readonly fleet: string
  readonly username: string | undefined
  readonly 'password-file': string | undefined
  readonly 'ca-file': string | undefined
  readonly 'cert-file': string | undefined
  readonly 'key-file': string | undefined
}

/** A connection that only listens, and the configuration that it was made with; `waitMs` is the longest wait for the broker. */
export function listenTo(
  source: FleetSource,
  name: string,
  waitMs: number,
  io: CommandIo,
): { bus: MqttBus; config: Config } {
  const config: Config = {
    ...defaultConfig,
    ...{ broker: source.broker, fleet: source.fleet, maxBackoffMs: 5_000, connectTimeoutMs: waitMs },
    ...{ username: source.username ?? null, passwordFile: source['password-file'] ?? null },
    ...{
      caFile: source['ca-file'] ?? null,
      certFile: source['cert-file'] ?? null,
      keyFile: source['key-file'] ?? null,
    },
  }
  return { bus: connectBus(config, `${name}-${process.pid}`, io), config }
}
