import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, type TLSSocket } from 'node:tls'
import { brokerStreams, parseBrokerUrl } from '../../device/bus/broker-url.ts'
import { type CommandContext, connectBus, readTls } from '../../device/process.ts'
import type { Config } from '../../schemas/config.ts'
import { ExitError } from '../../schemas/exit.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { Broker } from '../broker.ts'
import { certifiedOf } from '../certificate.ts'
import { changesOf, readMaterial } from '../material.ts'
import type { TlsMaterial } from '../tls-listeners.ts'
import { prepareExporters } from './exporters.ts'
import { createMonitorServer, type MonitorServer } from './server.ts'
import { type BrokerFacts, createWatch, type Watch } from './watch.ts'

/** The monitor of a fleet: it watches over MQTT, publishes health and alarms, and serves the page and metrics. */
export interface Monitor {
  readonly watch: Watch
  readonly server: MonitorServer
  /** Rejects with ExitError 2 where a broker or store that it was given turns out to be none for it. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

/**
 * Starts a monitor inside the process of `broker`, or beside the one of `config.broker`. It listens on loopback, or with
 * TLS where the configuration has a certificate. ExitError 2 for what it cannot listen on.
 */
export async function startMonitor(
  config: Config & { readonly monitorPort: number },
  context: CommandContext,
  broker?: Broker,
): Promise<Monitor> {
  const { fleet, websocket, monitorPort: port } = config
  const clocks = { now: () => performance.now(), wallClock: () => Date.now() }
  const openExporters = await prepareExporters(config, { context, broker, ...clocks })
  const onStream = broker ? ownStreams(broker, fleet) : await relay(config)
  const listener = listenerOf(config, broker !== undefined)
  const { host } = listener
  const own = broker && { broker: `mqtt://127.0.0.1:${broker.port}`, ...anonymous, maxBackoffMs: 1_000 }
  const bus = connectBus({ ...config, ...own }, `monitor-${process.pid}`, context)
  const watch = createWatch({ bus, fleet, ...clocks, ...(broker && { broker: factsOf(broker) }) })
  const exporters = openExporters(watch)
  const closeRest = async (): Promise<void> => {
    await exporters.close()
    await bus.close()
  }
  const server = await createMonitorServer({
    ...{ host, port, isHost: (name) => listener.isHost(name) },
    ...(listener.material && { tls: listener.material }),
    page: { version: formatVersion, fleet, software: context.software, websocket },
    metrics: exporters.metrics,
    unready: () => (bus.connected ? undefined : 'no connection to the broker'),
    onStream,
    onRefused: (reason, address) => broker?.refused({ reason, address }),
  }).catch(async (error: NodeJS.ErrnoException) => {
    await closeRest()
    if (error.code === undefined) throw error
    throw new ExitError('usage', `the monitor cannot listen on ${host}:${port}: ${error.message}`)
  })
  const timer = setInterval(() => {
    watch.tick()
    exporters.tick()
    const material = listener.changed()
    if (material) server.renew(material)
  }, tickMs)
  return {
    watch,
    server,
    failed: exporters.failed,
    async close() {
      clearInterval(timer)
      await server.close()
      await closeRest()
    },
  }
}

const tickMs = 250

/** Loopback clients without a name are monitors at the own broker. */
const anonymous = { username: null, passwordFile: null, caFile: null, certFile: null, keyFile: null } as const

function factsOf(broker: Broker): BrokerFacts {
  return {
    health: () => ({
      connections: broker.connections,
      refused: Object.fromEntries(Object.entries(broker.counters).filter(([, count]) => count > 0)),
    }),
    shed: () => broker.takeShed(),
  }
}

/** Where and as whom the monitor listens. */
interface Listener {
  readonly host: string
  isHost(name: string): boolean
  readonly material?: TlsMaterial
  /** The certificate and its key where they have been renewed since the last call. */
  changed(): TlsMaterial | undefined
}

/** Off loopback the page comes over TLS, under a name of the certificate; without one the monitor stays on loopback. */
function listenerOf(config: Config, embedded: boolean): Listener {
  const { certFile, keyFile, caFile, crlFile } = config
  if (!embedded || certFile === null) return { host: '127.0.0.1', isHost: isLoopbackName, changed: () => undefined }
  const material = readMaterial(config)
  const written = changesOf([certFile, keyFile, caFile, crlFile])
  let names = new X509Certificate(material.cert)
  return {
    host: config.host,
    material,
    isHost: (name) => (isIP(name) ? names.checkIP(name) : names.checkHost(name)) !== undefined,
    changed() {
      if (!written()) return undefined
      try {
        const renewed = readMaterial(config)
        names = new X509Certificate(renewed.cert)
        createSecureContext(renewed)
        return renewed
      } catch {
        // Half-written: those in use stay, and the broker's listeners say so.
        return undefined
      }
    },
  }
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '127.0.0.1' || host === '::1'
}

/** A page's MQTT goes to this very broker, by the same rules as every other connection. */
function ownStreams(broker: Broker, fleet: string) {
  return (stream: Duplex, socket: Duplex): void => {
    const { remoteAddress = '', encrypted, authorized } = socket as Partial<TLSSocket>
    const address = remoteAddress.replace(/^::ffff:/, '')
    if (!encrypted) {
      broker.handle(stream, { address, loopback: true })
      return
    }
    const { raw } = (socket as TLSSocket).getPeerCertificate()
    const certified = raw && authorized ? certifiedOf(raw, fleet) : undefined
    // Who shows a certificate is who it says, or nobody.
    if (raw && !certified) {
      broker.refused({ reason: 'certificate', address })
      stream.destroy()
    } else broker.handle(stream, { address, loopback: false, ...(certified && { certified }) })
  }
}

/** Beside another broker a page's bytes are passed on as they are: it logs in there itself. */
async function relay(config: Config) {
  const open = await brokerStreams(parseBrokerUrl(config.broker ?? ''), readTls(config))
  return (stream: Duplex): void => {
    const there = open()
    const end = (): void => {
      stream.destroy()
      there.destroy()
    }
    for (const side of [stream, there]) side.on('error', end).on('close', end)
    stream.pipe(there).pipe(stream)
  }
}
