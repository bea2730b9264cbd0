import type { Config } from '../../schemas/config.ts'
import type { RecordOf } from '../../schemas/record.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import { createClock } from '../clock.ts'
import type { Engine } from '../core/engine.ts'
import type { DeviceOptions } from '../device-options.ts'
import { emptySignature } from '../identity.ts'
import type { VehicleHandlers } from '../io.ts'
import type { Fed } from './feeding.ts'

export type Snapshot = RecordOf<'/snapshot'>

/** What becomes of what the device says to its ports. */
interface Taken {
  readonly now: () => number
  /** A handler of messages, connections or refusals, in the order in which the device names them. */
  readonly handle: (handler: Fed['handlers'][number]) => void
  readonly take: (handlers: VehicleHandlers) => void
}

/** Ports like those of the device that was recorded, with nothing behind them: the log has all that came through. */
export function portsOf(snapshot: Snapshot, config: Config, engine: Engine, taken: Taken): DeviceOptions {
  const had = (port: string): boolean => snapshot.ports.includes(port)
  return {
    ...{ config, setting: settingOf(config), vehicle: snapshot.vehicle, engine, boot: snapshot.boot },
    software: snapshot.software,
    bus: {
      ...{ connected: false, connections: 0, publish() {}, clear() {}, close: async () => {} },
      subscribe: (_, __, handle) => taken.handle(handle as Fed['handlers'][number]),
      onConnected: taken.handle,
      onRefused: (handle) => taken.handle(handle as Fed['handlers'][number]),
    },
    io: { start: taken.take },
    identity: {
      ...{ sign: () => emptySignature, verify: () => 'unknown-peer' },
      ...(had('isRevoked') && { isRevoked: () => false }),
    },
    ...(had('lastUpdate') && { lastUpdate: () => undefined }),
    ...(had('clock') && { clock: createClock(() => Number.NaN) }),
    ...(had('commands') && {
      commands: {
        operators: () => undefined,
        ...(had('keep') && { keep() {} }),
        ...(had('reload') && { reload: () => ({ config, take() {} }) }),
        ...(had('requestUpdate') && { requestUpdate() {} }),
      },
    }),
    store: { load: () => ({ state: undefined, notes: snapshot.loaded }), save() {} },
    now: taken.now,
    wallClock: () => '',
  }
}
