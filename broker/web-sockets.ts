import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { highWaterMark } from './broker.ts'
import { defaultFraming } from './guard.ts'

export interface WebSocketOptions {
  /** How pages of the server itself are reached. */
  readonly scheme: 'http' | 'https'
  /** Only here; default: at any path. */
  readonly path?: string
  /** Origins of web pages that may connect, besides the server's own. */
  readonly origins: readonly string[]
  /** Whether the server is rightly called by this name or address: a page that rebinds its own name to it must fail. */
  readonly isHost: (host: string) => boolean
  readonly onStream: (stream: Duplex, socket: Duplex) => void
  readonly onRefused: (reason: 'host' | 'origin' | 'websocket', address: string) => void
}

/**
 * Accepts MQTT over WebSocket (MQTT 3.1.1, section 6) on an HTTP server: subprotocol `mqtt`, binary frames no larger than
 * a packet, no compression. Any page that a browser shows can try to connect, so `Host` and `Origin` are checked first; a
 * program sends no `Origin`.
 */
export function acceptWebSockets(server: Server, options: WebSocketOptions): { close(): void } {
  const { scheme, path, origins, isHost, onStream, onRefused } = options
  const open = new Set<Duplex>()
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // A frame may hold several packets: what one of them may be is the guard's matter.
    maxPayload: 2 * defaultFraming.packetBytes,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const refuse = (reason: 'host' | 'origin' | 'websocket', status: string): void => {
      onRefused(reason, request.socket.remoteAddress ?? '')
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    }
    const { host = '', origin, 'sec-websocket-protocol': protocols = '' } = request.headers
    if (!hostName.test(hostOf(host)) || !isHost(hostOf(host))) return refuse('host', '421 Misdirected Request')
    if (origin !== undefined && origin !== `${scheme}://${host}` && !origins.includes(origin))
      return refuse('origin', '403 Forbidden')
    if (path !== undefined && request.url?.split('?')[0] !== path) return refuse('websocket', '404 Not Found')
    if (!protocols.split(',').some((protocol) => protocol.trim() === 'mqtt'))
      return refuse('websocket', '400 Bad Request')
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // [MQTT-6.0.0-1]: anything but binary frames ends the connection.
      webSocket.on('message', (_data, isBinary) => {
        if (!isBinary) webSocket.terminate()
      })
      const stream = createWebSocketStream(webSocket, {
        highWaterMark,
        // A packet is written in parts: as a frame each they would cost the other side more than what they say. What else
        // comes in the same turn goes together in the next frame.
        writev: (parts, done) =>
          webSocket.send(Buffer.concat(parts.map(({ chunk }) => chunk)), (error) => setImmediate(done, error)),
      })
      // After an abrupt end the stream would wait for ever for its writing half.
      webSocket.once('close', () => stream.destroy())
      onStream(stream, socket)
    })
  })
  return {
    close() {
      for (const socket of open) socket.destroy()
    },
  }
}

/** What a name or an address may be made of: anything else is not worth comparing. */
const hostName = /^[A-Za-z0-9.:-]{1,253}$/

/** A Host header without its port; an IPv6 address without brackets. */
export function hostOf(header: string): string {
  return header.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
}
