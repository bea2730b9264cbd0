import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkUsers, type User } from './admission.ts'
import { closeAedes, createAedes } from './aedes.ts'
import type { Certified } from './certificate.ts'
import { type Connection, Connections } from './connections.ts'
import { AddressCount, defaultFraming, type FramingLimits, guardStream, type Rates } from './guard.ts'
import { Policy } from './policy.ts'
import { type Counters, type Refusal, Refusals } from './refusals.ts'
import { Shares } from './shares.ts'

export interface BrokerOptions {
  /** The fleet whose topics users may publish; monitors and operators may read others. */
  readonly fleet: string
  /** By user name; read at every CONNECT. */
  readonly users: ReadonlyMap<string, User>
  /** Monotonic clock, ms. */
  readonly now: () => number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 1883; 0 takes a free one. */
  readonly port?: number
  /** Clients without a user name on loopback are monitors; default false. Wrong behind a proxy on the same host. */
  readonly anonymousMonitors?: boolean
  /** Largest payload of a topic, bytes; default: whatever fits a packet. */
  readonly payloadLimit?: (topic: string) => number
  readonly limits?: Partial<BrokerLimits>
  /** Whom the roster has put out, by id or by serial number of the certificate; asked at every CONNECT. */
  readonly isRevoked?: (id: string, serial: string | undefined) => boolean
  /** Judges what is published as the fleet's roster; false drops it. */
  readonly onRoster?: (payload: Buffer | string) => boolean
  /** Called for every refusal; the caller limits how much it logs. */
  readonly onRefused?: (refusal: Refusal) => void
}

export interface BrokerLimits extends FramingLimits {
  /** Rates of the bridge and the aggregator. */
  readonly serverRates: Rates
  /** What a device may publish besides its answers to the bridge. */
  readonly deviceShare: Rates
  readonly connections: number
  readonly connectionsPerAddress: number
  /** From the first byte to a complete CONNECT. */
  readonly connectTimeoutMs: number
  /** How long a receiver that does not read may hold up the publishers of its topics. */
  readonly drainTimeoutMs: number
  /** Bytes waiting for one receiver before it is closed. */
  readonly queuedBytes: number
  readonly maxSubscriptions: number
  /** Retained topics per user. */
  readonly maxRetained: number
}

export const defaultLimits: BrokerLimits = {
  ...defaultFraming,
  serverRates: { messagesPerSecond: 1_000_000, bytesPerSecond: 1_000_000_000 },
  deviceShare: { messagesPerSecond: 50, bytesPerSecond: 262_144 },
  connections: 10_000,
  connectionsPerAddress: 2_048,
  connectTimeoutMs: 5_000,
  drainTimeoutMs: 10_000,
  queuedBytes: 33_554_432,
  maxSubscriptions: 256,
  maxRetained: 256,
}

/**
 * Buffer of a stream's reading and writing half, bytes; for every listener. With Node's 16 KiB, one slow reader of 40 kB
 * parameters holds its publishers up.
 */
export const highWaterMark = 1_048_576

export interface Broker {
  /** The port listened on. */
  readonly port: number
  readonly counters: Counters
  /** Connections open, admitted or not. */
  readonly connections: number
  /** Takes over a stream from another listener (TLS, WebSocket, in process): same guard, same rules; give it `highWaterMark`. */
  handle(stream: Duplex, peer: Peer): void
  /** Ends the live connection of a client id; false if there is none. */
  disconnect(clientId: string): boolean
  /** Ends the connections of all that are revoked by now; returns their client ids. */
  endRevoked(): string[]
  /** Publishes a retained message of the broker's own. */
  publishRetained(topic: string, payload: string): void
  /** Messages of devices that were shed since the last call, by client id. */
  takeShed(): ReadonlyMap<string, number>
  /** Counts a refusal of another listener. */
  refused(refusal: Refusal): void
  /** Stops listening and ends every connection. */
  close(): Promise<void>
}

/** Where a stream comes from: `loopback` admits anonymous clients, a certificate stands for user name and password. */
export interface Peer {
  readonly address: string
  readonly loopback: boolean
  readonly certified?: Certified
}

/** Starts the MQTT 3.1.1 broker; rejects if it cannot listen or the users are inconsistent. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  checkUsers(options.users)
  const { fleet, users, now } = options
  const limits: BrokerLimits = { ...defaultLimits, ...options.limits }
  const refusals = new Refusals(options.onRefused)
  const payloadLimit = options.payloadLimit ?? (() => limits.packetBytes)
  const anonymousMonitors = options.anonymousMonitors ?? false
  const { isRevoked = () => false, onRoster = () => true } = options
  const rules = { fleet, users, anonymousMonitors, payloadLimit, isRevoked, onRoster, now }
  const shares = new Shares(limits.deviceShare)
  const connections = new Connections((clientId) => shares.leave(clientId))
  const policy = new Policy({ ...limits, ...rules, shares }, connections, refusals)
  const addresses = new AddressCount(limits.connectionsPerAddress)
  const open = new Set<Duplex>()
  const aedes = await createAedes(policy, connections, refusals, limits)

  function handle(stream: Duplex, peer: Peer): void {
    stream.on('error', ignore)
    if (!addresses.enter(peer.address)) {
      refusals.count({ reason: 'connections-per-address', address: peer.address })
      stream.destroy()
      return
    }
    open.add(stream)
    stream.once('close', () => {
      open.delete(stream)
      addresses.leave(peer.address)
    })
    const framing = guardStream(stream, limits, now, (reason) => policy.end(connection, reason))
    const connection: Connection = { stream, ...peer, framing, filters: new Set(), refused: false }
    connections.add(connection)
    aedes.handle(stream)
  }

  const server = createServer({ noDelay: true, keepAlive: true, highWaterMark }, (socket) =>
    handle(socket, peerOf(socket)),
  )
  server.maxConnections = limits.connections
  server.on('drop', (drop) => {
    refusals.count({ reason: 'connections', ...(drop?.remoteAddress && { address: drop.remoteAddress }) })
  })
  const port = await listen(server, options.port ?? 1883, options.host ?? '127.0.0.1').catch(async (error: unknown) => {
    await closeAedes(aedes)
    throw error
  })
  server.on('error', (error) => refusals.count({ reason: 'internal-error', detail: error.message }))

  return {
    port,
    counters: refusals.counters,
    get connections() {
      return open.size
    },
    handle,
    disconnect(clientId) {
      const connection = connections.live(clientId)
      connection?.stream.destroy()
      return connection !== undefined
    },
    endRevoked() {
      const revoked = connections.revoked(isRevoked)
      for (const connection of revoked) {
        policy.end(connection, 'revoked')
        connection.stream.destroy()
      }
      return revoked.map(({ clientId = '' }) => clientId)
    },
    publishRetained(topic, payload) {
      const packet = { cmd: 'publish', qos: 1, dup: false, retain: true, topic, payload } as const
      aedes.publish(packet, (error) => {
        if (error) refusals.count({ reason: 'internal-error', detail: error.message })
      })
    },
    takeShed: () => shares.takeShed(),
    refused: (refusal) => refusals.count(refusal),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await closeAedes(aedes)
      for (const stream of open) stream.destroy()
      await closed
    },
  }
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`the broker must listen on TCP, got ${address}`)
  return address.port
}

function peerOf(socket: Socket): Peer {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  return { address, loopback: address === '::1' || address.startsWith('127.') }
}

function ignore(): void {}
