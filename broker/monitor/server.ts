import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { MonitorConfig } from '../../schemas/monitor-config.ts'
import { highWaterMark } from '../broker.ts'
import { acceptWebSockets, hostOf } from '../web-sockets.ts'
import type { Metrics } from './metrics.ts'

export interface MonitorServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** TLS, off loopback. Client certificates are asked for, not demanded: a page may log in with a password. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string; readonly crl?: string }
  /** Names by which the server may rightly be called. */
  readonly isHost: (host: string) => boolean
  /** What the page needs to know; `/config.json`. */
  readonly page: MonitorConfig
  /** `/metrics`; undefined where the library for it is not installed. */
  readonly metrics: Metrics | undefined
  /** Why the monitor is not ready, or nothing. */
  readonly unready: () => string | undefined
  /** MQTT over WebSocket at the path /mqtt. */
  readonly onStream: (stream: Duplex, socket: Duplex) => void
  readonly onRefused: (reason: 'host' | 'origin' | 'websocket', address: string) => void
}

export interface MonitorServer {
  readonly port: number
  readonly url: string
  /** Uses another certificate for connections from now on; throws where it is none. */
  renew(tls: NonNullable<MonitorServerOptions['tls']>): void
  close(): Promise<void>
}

/** Serves the page, its configuration, metrics, health and MQTT over WebSocket on one port. Rejects where it cannot listen. */
export async function createMonitorServer(options: MonitorServerOptions): Promise<MonitorServer> {
  const { host, tls, page } = options
  const files = readPage()
  const policy = contentSecurityPolicy(page.websocket)
  const limits = { maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000 }
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch(() => response.destroy())
  }
  const server = tls
    ? createHttpsServer(
        { ...tls, ...limits, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false, highWaterMark },
        handler,
      )
    : createServer({ ...limits, highWaterMark, noDelay: true }, handler)
  server.maxConnections = 1_024

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(headers(policy))) response.setHeader(name, value)
    // A page whose own name was pointed at this address reads nothing.
    if (!options.isHost(hostOf(request.headers.host ?? ''))) {
      options.onRefused('host', request.socket.remoteAddress ?? '')
      return send(response, 421, 'text/plain; charset=utf-8', 'the Host header names another server\n')
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return send(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD\n')
    }
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    switch (path) {
      case '/config.json':
        return send(response, 200, 'application/json', JSON.stringify(page))
      case '/metrics': {
        if (!mayScrape(request)) return send(response, 403, 'text/plain; charset=utf-8', 'needs a client certificate\n')
        if (!options.metrics)
          return send(response, 501, 'text/plain; charset=utf-8', 'needs the optional dependency prom-client\n')
        return send(response, 200, options.metrics.type, await options.metrics.text())
      }
      case '/healthz':
        return send(response, 200, 'text/plain; charset=utf-8', 'ok\n')
      case '/readyz': {
        const why = options.unready()
        return send(response, why === undefined ? 200 : 503, 'text/plain; charset=utf-8', `${why ?? 'ready'}\n`)
      }
    }
    const file = files.get(path === '/' ? '/index.html' : path)
    if (!file) return send(response, 404, 'text/plain; charset=utf-8', 'not found\n')
    response.setHeader('etag', file.etag)
    if (request.headers['if-none-match'] === file.etag) return send(response, 304, file.type, '')
    const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
    if (zipped) response.setHeader('content-encoding', 'gzip')
    send(response, 200, file.type, zipped ? file.zipped() : file.plain)
  }

  const sockets = acceptWebSockets(server, {
    scheme: tls ? 'https' : 'http',
    origins: [],
    isHost: options.isHost,
    path: '/mqtt',
    onStream: options.onStream,
    onRefused: options.onRefused,
  })
  server.listen(options.port, host)
  await once(server, 'listening')
  server.on('error', () => {})
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}/`,
    renew(material) {
      if ('setSecureContext' in server) server.setSecureContext({ ...material, minVersion: 'TLSv1.3' })
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      sockets.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Figures are for loopback, and off it for those with a certificate of the fleet. */
function mayScrape({ socket }: IncomingMessage): boolean {
  const { encrypted, authorized } = socket as Partial<TLSSocket>
  const { remoteAddress = '' } = socket
  return !encrypted || authorized === true || /^(::1$|(::ffff:)?127\.)/.test(remoteAddress)
}

interface PageFile {
  readonly type: string
  readonly plain: Buffer
  /** Compressed at the first call: most brokers are never looked at. */
  readonly zipped: () => Buffer
  readonly etag: string
}

const types = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
}

/** The built page, kept compressed; a package without it serves the rest. */
function readPage(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  for (const [name, type] of Object.entries(types)) {
    let plain: Buffer
    try {
      plain = readFileSync(fileURLToPath(new URL(`./page/${name}`, import.meta.url)))
    } catch {
      continue
    }
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
    let zipped: Buffer | undefined
    files.set(`/${name}`, {
      ...{ type, plain, etag },
      zipped() {
        zipped ??= gzipSync(plain, { level: 9 })
        return zipped
      },
    })
  }
  return files
}

/** What the page may load: nothing but its own files and the broker. */
function contentSecurityPolicy(websocket: string | null): string {
  const broker = websocket === null ? '' : ` ${new URL(websocket).origin}`
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self'${broker}`,
    'worker-src blob:',
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

function headers(policy: string): Readonly<Record<string, string>> {
  return {
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  }
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
