import { readFileSync } from 'node:fs'
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
import { aggregatorId, type Channel, channelOf, channels, largestPayload } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { User } from './admission.ts'
import { createAggregator } from './aggregator.ts'
import { type Broker, createBroker } from './broker.ts'
import { createRefusalPrinter } from './refusal-printer.ts'

export interface BrokerContext extends CommandContext {
  readonly onListening: (port: number) => void
}

/** `trustmix broker`: the embedded broker, the averaging server, or both, until asked to stop. */
export async function runBroker(
  config: Config,
  context: BrokerContext,
): Promise<{ port: number | null; refused: Readonly<Record<string, number>> }> {
  const broker = config.aggregator === 'only' ? undefined : await listen(config, context)
  try {
    if (broker) context.onListening(broker.port)
    await (config.aggregator === 'none' ? context.stopped : runAggregator(config, broker, context))
  } finally {
    await broker?.close()
  }
  return { port: broker?.port ?? null, refused: broker?.counters ?? {} }
}

async function listen(config: Config, context: BrokerContext): Promise<Broker> {
  const { host, port } = config
  try {
    return await createBroker({
      fleet: config.fleet,
      users: readUsers(config.usersFile),
      host,
      port,
      anonymousMonitors: true,
      now: () => performance.now(),
      payloadLimit: (topic) => channelOf(topic)?.maxBytes ?? largestPayload,
      onRefused: createRefusalPrinter(context.print, () => performance.now()),
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL')
      throw new ExitError('usage', `cannot listen on ${host}:${port}: ${message}`)
    throw error
  }
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
    bus.publish(channels.status, { fleet, vehicle: aggregatorId }, aggregator.offline(bus.connections))
  } finally {
    clearInterval(timer)
    await bus.close()
  }
}

/** The users file: {version, users: name → {role, id, password}}. */
function readUsers(path: string | null): Map<string, User> {
  if (path === null) return new Map()
  let content: { version?: number; users?: Record<string, User> }
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ExitError('usage', `users file ${path}: ${(error as Error).message}`)
  }
  if (content.version !== formatVersion)
    throw new ExitError(
      'damaged',
      `unsupported-version: ${path} must have version ${formatVersion}, got ${content.version}`,
    )
  return new Map(Object.entries(content.users ?? {}))
}
