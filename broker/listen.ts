import { readFileSync } from 'node:fs'
import { type CommandContext, openRosterStore } from '../device/process.ts'
import type { RosterStore } from '../device/trust/roster-store.ts'
import type { Config } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { channelOf, channels, largestPayload, topicOf } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { User } from './admission.ts'
import { type Broker, type BrokerOptions, createBroker } from './broker.ts'
import { changesOf, readMaterial } from './material.ts'
import { createRefusalPrinter } from './refusal-printer.ts'
import type { TlsListener } from './tls-listeners.ts'

/** How often files of TLS and the roster are looked at, ms: a new roster must act within 5 s. */
const watchEveryMs = 1_000

export interface Listening {
  readonly broker: Broker
  readonly tlsPort?: number
  readonly wsPort?: number
  close(): Promise<void>
}

/**
 * The broker with the listeners, users and roster of the configuration; it keeps its files of TLS and its roster at what lies
 * on disk. ExitError 2 for what it cannot listen on.
 */
export async function listen(config: Config, context: CommandContext): Promise<Listening> {
  const { fleet, tlsPort, wsPort, wsOrigins: origins, rosterFile } = config
  const secured = tlsPort !== null || wsPort !== null
  // Off loopback there is TLS or passwords, not both.
  const host = secured ? '127.0.0.1' : config.host
  const store = openRosterStore(config, context.print)
  const broker = await orUsage(`${host}:${config.port}`, () =>
    createBroker({
      ...{ fleet, host, port: config.port, users: readUsers(config.usersFile), anonymousMonitors: true },
      now: () => performance.now(),
      payloadLimit: (topic) => channelOf(topic)?.maxBytes ?? largestPayload,
      limits: { deviceShare: { messagesPerSecond: config.deviceMessages, bytesPerSecond: config.deviceBytes } },
      onRefused: createRefusalPrinter(context.print, () => performance.now()),
      ...(store && rosterRules(store)),
    }),
  )
  const listeners: TlsListener[] = []
  let timer: NodeJS.Timeout | undefined
  const close = async (): Promise<void> => {
    clearInterval(timer)
    await Promise.all([broker.close(), ...listeners.map((listener) => listener.close())])
  }
  try {
    const open = async (port: number | null, start: (port: number) => Promise<TlsListener>) => {
      if (port === null) return undefined
      const listener = await orUsage(`${config.host}:${port}`, () => start(port))
      listeners.push(listener)
      return listener.port
    }
    const common = { broker, fleet, host: config.host }
    const tls = await open(tlsPort, async (port) =>
      (await import('./tls-listeners.ts')).listenTls({ ...common, port, material: readMaterial(config) }),
    )
    const ws = await open(wsPort, async (port) =>
      (await import('./tls-listeners.ts')).listenWebSocket({
        ...common,
        port,
        material: readMaterial(config),
        origins,
      }),
    )
    const publish = (): void => {
      if (store?.current)
        broker.publishRetained(topicOf(channels.roster, { fleet }), JSON.stringify(store.current.message))
    }
    publish()
    store?.onTaken(() => {
      for (const id of broker.endRevoked()) context.print(`${id} was revoked: its connection is closed`)
    })
    const materialChanged = changesOf([config.certFile, config.keyFile, config.caFile, config.crlFile])
    const rosterChanged = changesOf([rosterFile])
    timer = setInterval(() => {
      if (materialChanged()) renew(listeners, config, context)
      if (!store || rosterFile === null || !rosterChanged()) return
      const before = store.current
      store.takeFile(rosterFile)
      if (store.current !== before) publish()
    }, watchEveryMs)
    return { broker, close, ...(tls !== undefined && { tlsPort: tls }), ...(ws !== undefined && { wsPort: ws }) }
  } catch (error) {
    await close()
    throw error
  }
}

/** What a roster decides at the broker. */
function rosterRules(store: RosterStore): Pick<BrokerOptions, 'isRevoked' | 'onRoster'> {
  return {
    isRevoked: (id, serial) =>
      store.current !== undefined &&
      (store.current.isRevoked(id) || (serial !== undefined && store.current.isRevokedSerial(serial))),
    onRoster(payload) {
      let value: unknown
      try {
        value = JSON.parse(payload.toString())
      } catch {
        return false
      }
      // The present one may be published again, byte for byte as it is.
      return store.take(value).ok || JSON.stringify(value) === JSON.stringify(store.current?.message)
    },
  }
}

function renew(listeners: readonly TlsListener[], config: Config, context: CommandContext): void {
  try {
    const material = readMaterial(config)
    for (const listener of listeners) listener.renew(material)
    context.print('the files of TLS were read again')
  } catch (error) {
    // Half-written, or not certificates: those in use stay.
    context.print(`the files of TLS were not taken: ${(error as Error).message}`)
  }
}

/** ExitError 2 where an address cannot be listened on or the files of TLS are none. */
async function orUsage<T>(address: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL' || code?.startsWith('ERR_OSSL'))
      throw new ExitError('usage', `cannot listen on ${address}: ${message}`)
    throw error
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
