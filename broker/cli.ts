import { createFeatures } from '../device/features.ts'
import {
  type CommandContext,
  configuredArchitecture,
  connectBus,
  nextBoot,
  openRosterStore,
  reach,
  readIdentity,
  required,
} from '../device/process.ts'
import { followRoster } from '../device/trust/roster-store.ts'
import type { Config } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { aggregatorId, type Channel, channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { createAggregator } from './aggregator.ts'
import type { Broker } from './broker.ts'
import { listen } from './listen.ts'
import type { Monitor } from './monitor/monitor.ts'

export interface BrokerContext extends CommandContext {
  /** Told the ports of the plain listener and, where they are asked for, of TLS and of WebSocket over TLS. */
  readonly onListening: (port: number, tlsPort?: number, wsPort?: number) => void
  /** Told where the monitor is, if there is one. */
  readonly onMonitor: (url: string) => void
}

/** `trustmix broker`: the embedded broker, the averaging server, or both, until asked to stop. */
export async function runBroker(
  config: Config,
  context: BrokerContext,
): Promise<{ port: number | null; refused: Readonly<Record<string, number>> }> {
  const { monitorPort, influxUrl } = config
  if (influxUrl !== null && (typeof monitorPort !== 'number' || config.aggregator === 'only'))
    throw new ExitError('usage', `--influx-url needs the monitor (--monitor-port), got ${influxUrl} without it`)
  const listening = config.aggregator === 'only' ? undefined : await listen(config, context)
  const broker = listening?.broker
  let monitor: Monitor | undefined
  try {
    if (listening) context.onListening(listening.broker.port, listening.tlsPort, listening.wsPort)
    if (broker && typeof monitorPort === 'number') {
      const { startMonitor } = await import('./monitor/monitor.ts')
      monitor = await startMonitor({ ...config, monitorPort }, context, broker)
      context.onMonitor(monitor.server.url)
    }
    await (config.aggregator === 'none' ? context.stopped : runAggregator(config, broker, context))
  } finally {
    await monitor?.close()
    await listening?.close()
  }
  return { port: broker?.port ?? null, refused: broker?.counters ?? {} }
}

/** The averaging server, until it is asked to stop. */
async function runAggregator(config: Config, broker: Broker | undefined, context: BrokerContext): Promise<void> {
  const { fleet } = config
  const setting = settingOf(config)
  const scales = { preset: config.preset, loopLength: 1, speedLimit: 1, accelerationLimit: 1 }
  const { observationNames, actionNames } = createFeatures(setting, scales)
  const architecture = configuredArchitecture(config)
  const boot = nextBoot(required(config, 'stateDir'))
  const roster = openRosterStore(config, context.print)
  const url = broker ? `mqtt://127.0.0.1:${broker.port}` : required(config, 'broker')
  const status = { version: formatVersion, state: 'offline', boot } as const
  const bus = connectBus({ ...config, broker: url }, aggregatorId, context, (connection) => ({
    channel: channels.status as unknown as Channel<string, unknown>,
    address: { fleet, vehicle: aggregatorId },
    message: { ...status, connection },
  }))
  if (roster) followRoster(bus, fleet, roster)
  const aggregator = createAggregator({
    bus,
    fleet,
    cell: config.cell,
    run: required(config, 'run'),
    kind: { architecture, observationNames, actionNames },
    identity: readIdentity(config, roster),
    boot,
    software: context.software,
    now: () => performance.now(),
    wallClock: () => new Date().toISOString(),
  })
  const timer = setInterval(() => aggregator.tick(), 250)
  try {
    await reach(bus, config, context)
    await context.stopped
    bus.publish(
      channels.status,
      { fleet, vehicle: aggregatorId },
      { ...aggregator.offline(bus.connections), leaving: true },
    )
  } finally {
    clearInterval(timer)
    await bus.close()
  }
}
