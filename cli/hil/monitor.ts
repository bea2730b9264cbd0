import type { MqttBus } from '../../device/bus/mqtt-bus.ts'
import { connectBus } from '../../device/process.ts'
import { channels } from '../../schemas/topics.ts'
import type { UnitRecord } from '../../sim-bridge/hil/unit-record.ts'
import type { CommandIo } from '../command.ts'
import type { HilConfig } from './hil.ts'

/**
 * Listens to what the unit says of itself, on a connection of its own: a bridge may not read telemetry. No run depends on it;
 * without it the report lacks memory and log.
 */
export function watchUnit(config: HilConfig, record: UnitRecord, { print, ...io }: CommandIo): MqttBus {
  const { fleet, vehicle, monitorUsername, monitorPasswordFile, monitorCertFile, monitorKeyFile } = config
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
