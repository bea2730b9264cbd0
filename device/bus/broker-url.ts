import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ExitError } from '../../schemas/exit.ts'

/** Throws ExitError 2 for what is not `mqtt://host:port` or `mqtts://host:port`. */
export function parseBrokerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '')
    throw new ExitError('usage', `broker must be mqtt://host:port or mqtts://host:port, got ${text}`)
  if (url.username !== '' || url.password !== '')
    throw new ExitError('usage', 'broker must not hold user or password; give --username and --password-file')
  return url
}

/** A socket to a broker, without Nagle's delay: lock-step sends one small message at a time. */
export function openBrokerStream(url: URL) {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'mqtts:') return connectTls({ host, port: Number(url.port || 8883), servername: host })
  return connectTcp({ host, port: Number(url.port || 1883), noDelay: true })
}
