import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { brokerStreams, type ClientTls } from '../../device/bus/broker-url.ts'
import { answer } from './cli.ts'
import { CONNACK, type ConnectOptions, connect, RawClient } from './mqtt-raw.ts'

/** A fleet `demo` made by `trustmix provision`, in a directory that goes with the test. */
export interface TrustFleet {
  readonly path: string
  /** Runs an action of `trustmix provision` on the fleet; returns what it printed as JSON. */
  provision(action: string, ...args: string[]): Promise<Record<string, unknown>>
  read(...names: string[]): string
  tls(id: string): ClientTls
  /** A raw client over TLS that has sent CONNECT; `code` is undefined where the connection ended without an answer. */
  connect(
    url: string,
    id: string,
    more?: Partial<ConnectOptions>,
  ): Promise<{ client: RawClient; code: number | undefined }>
}

/** Without a passphrase, since deriving keys is what takes time. */
export async function trustFleet(t: Test, path = join(t.testdir(), 'fleet')): Promise<TrustFleet> {
  const read = (...names: string[]): string => readFileSync(join(path, ...names), 'utf8')
  const fleet: TrustFleet = {
    path,
    read,
    provision: (action, ...args) => {
      const at = args.findIndex((word) => word.startsWith('--'))
      const words = at < 0 ? args : args.slice(0, at)
      const flags = at < 0 ? [] : args.slice(at)
      return answer(t, ['provision', action, ...words, '--fleet-dir', path, ...flags])
    },
    tls: (id) => ({
      ca: read('ca.pem'),
      cert: read('members', id, 'tls.pem'),
      key: read('members', id, 'tls.key.pem'),
    }),
    async connect(url, id, more = {}) {
      const client = new RawClient((await brokerStreams(new URL(url), fleet.tls(id)))())
      client.send(connect({ clientId: id, ...more }))
      const code = await client.take(CONNACK).then(
        ({ body }) => body[1],
        () => undefined,
      )
      return { client, code }
    },
  }
  await fleet.provision('fleet', 'demo', '--no-passphrase')
  return fleet
}
