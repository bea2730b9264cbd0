import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import t from 'tap'
import { WebSocket } from 'ws'
import { createMqttBus } from '../device/bus/mqtt-bus.ts'
import { channels } from '../schemas/topics.ts'
import { CONNACK, connect, header, publish, RawClient } from './support/mqtt-raw.ts'
import { startOwn } from './support/secured-brokers.ts'
import { trustFleet } from './support/trust-fleet.ts'

t.test('TLS 1.3 and a certificate of this fleet, or no word of MQTT', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('device', 'd1')
  await fleet.provision('monitor', 'm1')
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  const stranger = await trustFleet(t, `${fleet.path}-stranger`)
  await stranger.provision('device', 'd1')
  const broker = await startOwn(t, fleet)
  const { own } = broker
  if (!own) throw new Error('no broker')
  const port = Number(new URL(broker.tls).port)
  /** Whether MQTT is spoken after a handshake with these options. */
  const speaks = async (options: ConnectionOptions): Promise<boolean> => {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: fleet.read('ca.pem'),
      ...options,
    })
    const client = new RawClient(socket)
    client.send(connect({ clientId: 'd1' }))
    const spoke = await client.take(CONNACK).then(
      () => true,
      () => false,
    )
    client.destroy()
    return spoke
  }
  const good = fleet.tls('d1')
  t.equal(await speaks(good), true)
  t.equal(await speaks({}), false, 'no certificate')
  t.equal(
    await speaks({ ...stranger.tls('d1'), ca: fleet.read('ca.pem') }),
    false,
    'a certificate of another authority',
  )
  t.equal(await speaks(fleet.tls('hub')), false, "a broker's certificate is no client's")
  t.equal(await speaks({ ...good, maxVersion: 'TLSv1.2' }), false, 'TLS 1.2')
  const plain = await RawClient.open(port)
  plain.send(connect({ clientId: 'd1' }))
  await plain.closed
  t.ok(own.counters.tls >= 4, `${own.counters.tls} handshakes failed`)

  // Who is who once in.
  const code = async (id: string, clientId: string) => {
    const made = await fleet.connect(broker.tls, id, { clientId })
    t.teardown(() => made.client.destroy())
    return made
  }
  t.equal((await code('d1', 'd2')).code, 2, 'a device has its own id or none')
  const squatter = await code('m1', 'd1')
  t.equal(squatter.code, 0, 'a monitor may take any id that is free')
  t.equal((await code('d1', 'd1')).code, 0, 'whose certificate bears it gets it back')
  await squatter.client.closed
  t.equal((await code('m1', 'd1')).code, 2, 'and keeps it')

  // The limits of the plain listener hold behind TLS and WebSocket.
  for (const url of [broker.tls, broker.ws]) {
    const { client } = await fleet.connect(url, 'd1')
    const before = own.counters['packet-too-large']
    client.send(header(0x30, 20_000_000))
    await client.closed
    t.equal(own.counters['packet-too-large'], before + 1, `20 MB are refused at their header: ${url}`)
    const first = await fleet.connect(url, 'd1')
    first.client.send(publish('tm/v1/demo/v/d1/lo\u0000g', 'x'))
    await first.client.closed
  }
  t.equal(own.counters['topic-malformed'], 2)
})

t.test('the client refuses a broker that is not the one of its URL', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('monitor', 'm1')
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  const broker = await startOwn(t, fleet)
  const stranger = await trustFleet(t, `${fleet.path}-stranger`)
  const trouble = (url: string, ca: string): Promise<string> =>
    new Promise((resolve) => {
      const bus = createMqttBus({ url, clientId: 'm1', tls: { ...fleet.tls('m1'), ca }, onTrouble: resolve })
      t.teardown(() => bus.close())
    })
  const ca = fleet.read('ca.pem')
  for (const url of [broker.tls, broker.ws]) {
    t.match(
      await trouble(url.replace('localhost', '127.0.0.1'), ca),
      /127\.0\.0\.1|altnames/i,
      'a name it does not have',
    )
    t.match(await trouble(url, stranger.read('ca.pem')), /certificate|issuer|self.signed/i, 'an authority of others')
  }
})

t.test('WebSocket: host, origin, subprotocol and frames are checked', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('monitor', 'm1')
  await fleet.provision('device', 'd1')
  await fleet.provision('broker', 'hub', '--host', 'localhost,127.0.0.1')
  const { ws, own } = await startOwn(t, fleet)
  const host = new URL(ws).host
  /** `open`, or the status with which the server refuses. */
  const outcome = async (headers: Record<string, string>, protocols = ['mqtt']): Promise<string> => {
    const socket = new WebSocket(ws, protocols, { ...fleet.tls('m1'), headers })
    const ended = await Promise.race([
      once(socket, 'open').then(() => 'open'),
      once(socket, 'unexpected-response').then(([, response]) => String(response.statusCode)),
    ])
    socket.on('error', () => {})
    socket.terminate()
    return ended
  }
  t.equal(await outcome({}), 'open', 'a program sends no origin')
  t.equal(await outcome({ origin: `https://${host}` }), 'open', 'a page of the same host and port')
  t.equal(await outcome({ origin: 'https://evil.example' }), '403', 'a page of elsewhere')
  t.equal(await outcome({ origin: 'null' }), '403', 'a page of a file')
  t.equal(await outcome({ origin: `http://${host}` }), '403', 'a page without TLS')
  t.equal(
    await outcome({ host: 'evil.example', origin: 'https://evil.example' }),
    '421',
    'a name that was bound to this host',
  )
  t.equal(await outcome({}, ['other']), '400', 'another subprotocol')
  t.match(own?.counters, { origin: 3, host: 1, websocket: 1 })
  const get = await new Promise((resolve, reject) => {
    httpsRequest(ws.replace('wss', 'https'), { ...fleet.tls('m1'), agent: false }, (response) =>
      resolve(response.resume().statusCode),
    )
      .on('error', reject)
      .end()
  })
  t.equal(get, 426, 'a page that is asked for')
  const texting = new WebSocket(ws, ['mqtt'], fleet.tls('m1'))
  await once(texting, 'open')
  t.equal(texting.protocol, 'mqtt')
  texting.send('CONNECT')
  await once(texting, 'close')
  const large = new WebSocket(ws, ['mqtt'], fleet.tls('m1'))
  await once(large, 'open')
  large.on('error', () => {})
  large.send(Buffer.alloc(3_000_000))
  await once(large, 'close')
  t.pass('text and frames of 3 MB end the connection')

  // Ours, both ways; and a lost broker is noticed at once.
  const watcher = createMqttBus({ url: ws, clientId: 'm1', tls: fleet.tls('m1'), jitter: () => 0.05 })
  const device = createMqttBus({ url: ws, clientId: 'd1', tls: fleet.tls('d1'), jitter: () => 0.05 })
  t.teardown(() => Promise.all([watcher.close(), device.close()]))
  const heard = new Promise((resolve) => {
    watcher.subscribe(channels.status, { fleet: 'demo' }, resolve)
  })
  await Promise.all([watcher.ready, device.ready])
  const status = { version: 1, state: 'online', boot: 1, connection: 1 } as const
  device.publish(channels.status, { fleet: 'demo', vehicle: 'd1' }, status)
  t.strictSame(await heard, status)
  const again = new Promise<void>((resolve) => device.onConnected(() => device.connections === 2 && resolve()))
  own?.disconnect('d1')
  await again
})
