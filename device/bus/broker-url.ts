import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { ExitError } from '../../schemas/exit.ts'

/** Whom a client trusts and what it shows of itself, PEM; without `ca` the authorities that Node knows. */
export interface ClientTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Throws ExitError 2 for what is not `mqtt://host:port`, `mqtts://host:port` or `wss://host:port[/path]`. */
export function parseBrokerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['mqtt:', 'mqtts:', 'wss:'].includes(url.protocol) || url.hostname === '')
    throw new ExitError('usage', `broker must be mqtt://host:port, mqtts://host:port or wss://host:port, got ${text}`)
  if (url.username !== '' || url.password !== '')
    throw new ExitError('usage', 'broker must not hold user or password; give --username and --password-file')
  return url
}

/**
 * What opens a stream to a broker, without Nagle's delay: lock-step sends one small message at a time. TLS is 1.3, and the
 * broker's certificate must name the host of the URL. WebSockets are loaded by those who use them: they take 1.6 MB.
 */
export async function brokerStreams(url: URL, identity: ClientTls = {}): Promise<() => Duplex> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'mqtt:') return () => connectTcp({ host, port: Number(url.port || 1883), noDelay: true })
  // RFC 6066, section 3: an address is no server name; it is compared with the certificate all the same.
  const tls = { ...identity, minVersion: 'TLSv1.3', servername: isIP(host) ? '' : host } as const
  if (url.protocol === 'mqtts:')
    return () => connectTls({ ...tls, host, port: Number(url.port || 8883) }).setNoDelay(true)
  const { createWebSocketStream, WebSocket } = await import('ws')
  const options = { ...tls, perMessageDeflate: false, maxPayload: largestFrame }
  return () => {
    const socket = new WebSocket(url, ['mqtt'], options)
    const stream = createWebSocketStream(socket)
    // After an abrupt end the stream would wait for ever for its writing half.
    socket.once('close', () => stream.destroy())
    return stream
  }
}

/** No frame from a broker is larger, bytes: one packet at most, and no payload exceeds 1 MiB. */
const largestFrame = 2_097_152
