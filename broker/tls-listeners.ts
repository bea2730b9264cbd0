import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { isIP, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import { type Broker, defaultLimits, highWaterMark } from './broker.ts'
import { certifiedOf } from './certificate.ts'
import { acceptWebSockets } from './web-sockets.ts'

/** The broker's own certificate and whom it admits, PEM. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly ca: string
  readonly crl?: string
}

export interface TlsListenerOptions {
  readonly broker: Broker
  readonly fleet: string
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly material: TlsMaterial
}

export interface TlsListener {
  readonly port: number
  /** Uses other files for connections from now on; throws where they are no certificates. */
  renew(material: TlsMaterial): void
  close(): Promise<void>
}

/** Listens for MQTT over TLS 1.3 with client certificates. Rejects where it cannot listen or the files are no certificates. */
export async function listenTls(options: TlsListenerOptions): Promise<TlsListener> {
  const { broker, fleet } = options
  const server = createServer({ ...contextOf(options.material), ...handshake, noDelay: true }, (socket) => {
    const peer = peerOf(socket, fleet)
    if (peer) broker.handle(deepened(socket), peer)
    else refuse(broker, socket)
  })
  return started(server, options, (material) => server.setSecureContext(contextOf(material)))
}

/**
 * Listens for the same over WebSocket. A web page may connect if its origin is this very host and port or one of `origins`,
 * and if it calls the host by a name of the certificate.
 */
export async function listenWebSocket(
  options: TlsListenerOptions & { readonly origins: readonly string[] },
): Promise<TlsListener> {
  const { broker, fleet, origins } = options
  let certificate = new X509Certificate(options.material.cert)
  const server = createHttpsServer({
    ...contextOf(options.material),
    ...handshake,
    noDelay: true,
    maxHeaderSize: 8_192,
    ...{ headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 1_000 },
  })
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end()
  })
  acceptWebSockets(server, {
    scheme: 'https',
    origins,
    isHost: (host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined,
    onRefused: (reason, address) => broker.refused({ reason, address }),
    onStream(stream, socket) {
      const peer = peerOf(socket as TLSSocket, fleet)
      if (peer) broker.handle(stream, peer)
      else refuse(broker, socket as TLSSocket)
    },
  })
  return started(server, options, (material) => {
    server.setSecureContext(contextOf(material))
    certificate = new X509Certificate(material.cert)
  })
}

const handshake = { requestCert: true, rejectUnauthorized: true, handshakeTimeout: 5_000 } as const

function contextOf(material: TlsMaterial) {
  return { ...material, minVersion: 'TLSv1.3' } as const
}

async function started(
  server: Server,
  { broker, host, port }: TlsListenerOptions,
  renew: (material: TlsMaterial) => void,
): Promise<TlsListener> {
  server.maxConnections = defaultLimits.connections
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    // Whoever goes away during the handshake is no danger; a certificate that does not hold is worth a line.
    const { code } = error
    if (code !== 'ECONNRESET')
      broker.refused({ reason: 'tls', address: addressOf(socket), detail: code ?? error.message })
  })
  server.listen(port, host)
  await once(server, 'listening')
  server.on('error', (error) => broker.refused({ reason: 'internal-error', detail: error.message }))
  const open = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return {
    port: (server.address() as { port: number }).port,
    renew,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function peerOf(socket: TLSSocket, fleet: string) {
  const { raw } = socket.getPeerCertificate()
  const certified = raw && certifiedOf(raw, fleet)
  return certified && { address: addressOf(socket), loopback: false, certified }
}

function refuse(broker: Broker, socket: TLSSocket): void {
  broker.refused({ reason: 'certificate', address: addressOf(socket) })
  socket.on('error', () => {})
  socket.destroy()
}

function addressOf(socket: TLSSocket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}

/**
 * The same stream with the buffers that the broker wants: a TLS server of Node gives its sockets 16 KiB, with which one slow
 * reader of parameters holds their publishers up.
 */
function deepened(socket: Duplex): Duplex {
  const stream = new Duplex({
    highWaterMark,
    allowHalfOpen: false,
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    writev(chunks, done) {
      socket.cork()
      for (const [i, { chunk }] of chunks.entries()) socket.write(chunk, i === chunks.length - 1 ? done : undefined)
      socket.uncork()
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => {
    if (!stream.push(chunk)) socket.pause()
  })
  socket.once('end', () => stream.push(null))
  socket.once('error', (error) => stream.destroy(error))
  socket.once('close', () => stream.destroy())
  return stream
}
