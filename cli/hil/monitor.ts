import { connectBus } from '../../device/process.ts'
import { channels } from '../../schemas/topics.ts'
import type { UnitRecord } from '../../sim-bridge/hil/unit-record.ts'
import type { CommandIo } from '../command.ts'
import type { HilConfig } from './hil.ts'

/**
 * Listens to what the unit says of itself, on a connection of its own: a bridge may not read telemetry. No run depends on it;
 * without it the report lacks memory and log. At a broker that wants certificates nothing is tried without one.
 */
export function watchUnit(
  config: HilConfig,
  record: UnitRecord,
  { print, ...io }: CommandIo,
): { close(): Promise<void> } {
  const { fleet, vehicle, monitorUsername, monitorPasswordFile, monitorCertFile, monitorKeyFile } = config
  if (config.certFile !== null && monitorCertFile === null) {
    print(`memory and log of ${vehicle} stay unknown without --monitor-cert-file`)
    return { close: async () => {} }
  }
  const login = {
    ...{ username: monitorUsername, passwordFile: monitorPasswordFile },
    ...{ certFile: monitorCertFile, keyFile: monitorKeyFile },
  }
  const told = { ...io, print: (line: string) => print(`telemetry of ${vehicle}: ${line}`) }
  const bus = connectBus({ ...config, ...login }, `hil-${process.pid}`, told)
  bus.subscribe(channels.telemetry, { fleet, vehicle }, record.telemetry)
  bus.subscribe(channels.log, { fleet, vehicle }, record.log)
  return bus
}
