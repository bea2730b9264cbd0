import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import t from 'tap'
import { WebSocket } from 'ws'
import { listen } from '../broker/listen.ts'
import { startMonitor } from '../broker/monitor/monitor.ts'
import { defaultConfig, type PartialConfig } from '../schemas/config.ts'
import { connect } from './support/mqtt-raw.ts'
import { trustFleet } from './support/trust-fleet.ts'

t.test('off loopback: the page over TLS, in by certificate or by token, commands for operators alone', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  await fleet.provision('monitor', 'm1')
  await fleet.provision('device', 'd1')
  const stranger = await trustFleet(t, `${fleet.path}-stranger`)
  await stranger.provision('monitor', 'm1')
  const out = join(fleet.path, 'own')
  const { file } = await fleet.provision(
    'broker-config',
    'trustmix',
    '--out',
    out,
    '--host',
    '127.0.0.1',
    '--tls-port',
    '0',
  )
  const given = JSON.parse(readFileSync(String(file), 'utf8')) as PartialConfig
  t.equal(given.monitorPort, 8_443)
  const usersFile = join(fleet.path, 'users.json')
  const users = {
    ann: { role: 'operator', id: 'ann', password: 'token-of-ann' },
    bob: { role: 'monitor', id: 'bob', password: 'token-of-bob' },
  }
  writeFileSync(usersFile, JSON.stringify({ version: 1, users }))
  const config = { ...defaultConfig, ...given, usersFile, monitorPort: 0 }
  const context = { software: 'test', print() {}, stopped: new Promise<void>(() => {}) }
  const listening = await listen(config, context)
  t.teardown(() => listening.close())
  const monitor = await startMonitor(config, context, listening.broker)
  t.teardown(() => monitor.close())
  const { port } = monitor.server
  const ca = fleet.read('ca.pem')

  const get = (path: string, tls: ConnectionOptions = {}, host = 'localhost') =>
    new Promise<{ status: number | undefined; body: string; server: string }>((resolve, reject) => {
      const options = { host: '127.0.0.1', servername: 'localhost', port, path, ca, agent: false, ...tls }
      const asked = request({ ...options, headers: { host: `${host}:${port}` } }, (response) => {
        let body = ''
        const server = (
          response.socket as { getPeerCertificate?: () => { serialNumber: string } }
        ).getPeerCertificate?.()
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode, body, server: server?.serialNumber ?? '' }))
      })
      asked.on('error', reject)
      asked.end()
    })
  t.match(await get('/config.json'), { status: 200, body: '"fleet":"demo"' })
  t.match(await get('/', {}, 'rebound.example'), { status: 421 })
  await t.rejects(get('/', { maxVersion: 'TLSv1.2' }), /protocol/i)

  /** The code of CONNACK, or `closed`. */
  const code = async (tls: ConnectionOptions, who: Parameters<typeof connect>[0]): Promise<number | 'closed'> => {
    const options = {
      ca,
      servername: 'localhost',
      ...tls,
      headers: { host: `localhost:${port}`, origin: `https://localhost:${port}` },
    }
    const socket = new WebSocket(`wss://127.0.0.1:${port}/mqtt`, ['mqtt'], options)
    t.teardown(() => socket.terminate())
    socket.on('error', () => {})
    const ended = once(socket, 'close').then(() => 'closed' as const)
    await Promise.race([once(socket, 'open'), ended])
    if (socket.readyState === WebSocket.OPEN) socket.send(connect(who))
    const answer = new Promise<number>((resolve) => {
      const bytes: number[] = []
      socket.on('message', (data: Buffer) => {
        bytes.push(...data)
        if (bytes.length >= 4) resolve(bytes[3] as number)
      })
    })
    return Promise.race([answer, ended])
  }
  t.equal(
    await code({}, { clientId: 'page1' }),
    4,
    'nobody is let in without saying who they are, not even from loopback',
  )
  t.equal(await code({}, { clientId: 'page1', username: 'ann', password: 'wrong' }), 4)
  t.equal(await code({}, { clientId: 'page1', username: 'ann', password: 'token-of-ann' }), 0)
  t.equal(await code({}, { clientId: 'page2', username: 'bob', password: 'token-of-bob' }), 0)
  t.equal(await code(fleet.tls('m1'), { clientId: 'page3' }), 0, 'a certificate of the fleet is enough')
  t.equal(
    await code({ ...stranger.tls('m1'), ca }, { clientId: 'page4', username: 'ann', password: 'token-of-ann' }),
    'closed',
  )

  // A renewed certificate is used without a restart.
  const before = (await get('/healthz')).server
  await fleet.provision('renew', 'hub')
  await fleet.provision('broker-config', 'trustmix', '--out', out, '--host', '127.0.0.1', '--tls-port', '0')
  let after = before
  for (let i = 0; i < 500 && after === before; i++) after = (await get('/healthz')).server
  t.not(after, before)
})
