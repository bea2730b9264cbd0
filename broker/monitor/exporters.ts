import { brokerStreams, parseBrokerUrl } from '../../device/bus/broker-url.ts'
import { type CommandContext, readText, readTls, required } from '../../device/process.ts'
import type { Config } from '../../schemas/config.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { Broker } from '../broker.ts'
import type { Figure } from './figures.ts'
import { createHistory, type History } from './history.ts'
import { createPoints } from './history-points.ts'
import type { Metrics } from './metrics.ts'
import type { Sparkplug } from './sparkplug.ts'
import type { Watch } from './watch.ts'

/** What passes on what a monitor knows: metrics when asked; history and Sparkplug where they are configured. */
export interface Exporters {
  /** Undefined where prom-client is not installed. */
  readonly metrics: Metrics | undefined
  /** Rejects with ExitError 2 where a broker does not let Sparkplug in. */
  readonly failed: Promise<never>
  /** Call it a few times a second. */
  tick(): void
  close(): Promise<void>
}

export interface Surroundings {
  readonly context: CommandContext
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** The broker in the same process. */
  readonly broker: Broker | undefined
}

/**
 * Loads what the configuration asks for, and nothing else; what it gives starts with a watch that has heard nothing yet, so
 * that nothing is missed. ExitError 2 for options that contradict each other, 3 for a library that is not installed.
 */
export async function prepareExporters(config: Config, around: Surroundings): Promise<(watch: Watch) => Exporters> {
  const openHistory = await prepareHistory(config, around)
  const openSparkplug = await prepareSparkplug(config, around)
  const openMetrics = await prepareMetrics(config, around)
  return (watch) => {
    const history = openHistory?.(watch)
    const sparkplug = openSparkplug?.(watch)
    return {
      metrics: openMetrics?.(watch, [...(history?.figures ?? []), ...(sparkplug?.figures ?? [])]),
      failed: sparkplug?.failed ?? new Promise<never>(() => {}),
      tick() {
        history?.tick()
        sparkplug?.tick()
      },
      async close() {
        await Promise.all([history?.close(), sparkplug?.close()])
      },
    }
  }
}

async function prepareMetrics({ metricsVehicles: vehicles }: Config, { context, broker }: Surroundings) {
  try {
    const { createMetrics } = await import('./metrics.ts')
    return (watch: Watch, figures: readonly Figure[]): Metrics =>
      createMetrics({ watch, vehicles, figures, ...(broker && { broker }) })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    context.print(`no metrics: ${(error as Error).message}`)
    return undefined
  }
}

async function prepareHistory({ influxUrl, influxTokenFile, fleet }: Config, around: Surroundings) {
  if (influxUrl === null) {
    refuseUseless('influxUrl', { influxTokenFile })
    return undefined
  }
  const { now, wallClock, context } = around
  const { openInflux } = await import('./influx.ts')
  const store = await openInflux(
    influxUrl,
    influxTokenFile === null ? undefined : readText(influxTokenFile).trim(),
    wallClock,
  )
  return (watch: Watch): History => {
    const history = createHistory({ store, now, onTrouble: context.print })
    const pointOf = createPoints(fleet)
    watch.onHeard((heard) => {
      const point = pointOf(heard)
      if (point) history.add(store.line(point))
    })
    return history
  }
}

async function prepareSparkplug(config: Config, { context, now, wallClock }: Surroundings) {
  const { sparkplug: group, sparkplugBroker, sparkplugUsername, sparkplugPasswordFile, sparkplugCaFile } = config
  const elsewhere = { sparkplugUsername, sparkplugPasswordFile, sparkplugCaFile }
  if (group === null) {
    refuseUseless('sparkplug', { sparkplugBroker, ...elsewhere })
    return undefined
  }
  if (sparkplugBroker === null) refuseUseless('sparkplugBroker', elsewhere)
  // What the fleet's broker is shown is not for another one.
  const at: Config =
    sparkplugBroker === null
      ? config
      : {
          ...config,
          ...{ broker: sparkplugBroker, username: sparkplugUsername, passwordFile: sparkplugPasswordFile },
          ...{ caFile: sparkplugCaFile, certFile: null, keyFile: null },
        }
  const broker = required(at, 'broker')
  const { loadPayloads, openSparkplug } = await import('./sparkplug.ts')
  const options = {
    ...{ group, broker, now, wallClock, onTrouble: context.print },
    payloads: await loadPayloads(),
    open: await brokerStreams(parseBrokerUrl(broker), readTls(at)),
    clientId: `sparkplug-${process.pid}`,
    ...(at.username !== null && { username: at.username }),
    ...(at.passwordFile !== null && { password: readText(at.passwordFile).trim() }),
  }
  return (watch: Watch): Sparkplug => openSparkplug({ ...options, watch })
}

function refuseUseless(needed: string, given: Readonly<Record<string, string | null>>): void {
  for (const [key, value] of Object.entries(given))
    if (value !== null) throw new ExitError('usage', `${key} needs ${needed}, got ${value} without it`)
}
