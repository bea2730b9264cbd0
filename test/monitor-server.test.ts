import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { type Monitor, startMonitor } from '../broker/monitor/monitor.ts'
import { defaultConfig, type PartialConfig } from '../schemas/config.ts'
import type { Alarm, Health } from '../schemas/health.ts'
import { channels } from '../schemas/topics.ts'
import { as, start } from './support/broker-fixture.ts'
import { busTo, d1, fleet, status } from './support/buses.ts'
import { connect, publish, subscribe } from './support/mqtt-raw.ts'

const context = { software: 'trustmix test', print() {}, stopped: new Promise<void>(() => {}) }

async function watched(t: Test, more: PartialConfig = {}, embedded = true) {
  const broker = await start(t, { anonymousMonitors: true })
  const url = `mqtt://127.0.0.1:${broker.port}`
  const config = { ...defaultConfig, fleet, broker: url, ...more, monitorPort: 0 }
  const monitor = await startMonitor(config, context, embedded ? broker : undefined)
  t.teardown(() => monitor.close())
  return { broker, monitor }
}

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

function get(monitor: Monitor, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, monitor.server.url), { headers, method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Opens a WebSocket as a page of `origin` does; `open`, the refusing status, or `closed`. */
async function opened(t: Test, monitor: Monitor, headers: Record<string, string>, path = '/mqtt', protocol = 'mqtt') {
  const socket = new WebSocket(new URL(path, monitor.server.url.replace('http', 'ws')), [protocol], { headers })
  t.teardown(() => socket.terminate())
  socket.on('error', () => {})
  const outcome = await Promise.race([
    once(socket, 'open').then(() => 'open'),
    once(socket, 'unexpected-response').then(([, response]) => String(response.statusCode)),
  ])
  return { socket, outcome }
}

t.test('the page, its configuration, health and figures on one port, under a strict policy', async (t) => {
  const { monitor } = await watched(t)
  t.match(monitor.server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const page = await get(monitor, '/')
  t.equal(page.status, 200)
  t.match(page.body, /<script[^>]* src="\/?app\.js"/)
  t.equal(
    page.headers['content-security-policy'],
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'",
  )
  t.match(page.headers, { 'x-content-type-options': 'nosniff', 'content-type': 'text/html; charset=utf-8' })
  const again = await get(monitor, '/', { 'if-none-match': String(page.headers.etag) })
  t.same([again.status, again.body], [304, ''])
  t.match(await get(monitor, '/app.js', { 'accept-encoding': 'gzip' }), {
    status: 200,
    headers: { 'content-encoding': 'gzip' },
  })
  t.same(JSON.parse((await get(monitor, '/config.json')).body), {
    ...{ version: 1, fleet, software: 'trustmix test', websocket: null },
  })
  t.match(await get(monitor, '/healthz'), { status: 200, body: 'ok\n' })
  t.match((await get(monitor, '/metrics')).body, /^# HELP trustmix_/m)
  for (const path of ['/nothing', '/../package.json', '/%2e%2e/package.json', '/app.js/x'])
    t.match(await get(monitor, path), { status: 404 }, path)
  t.match(await get(monitor, '/', {}, 'POST'), { status: 405, headers: { allow: 'GET, HEAD' } })
  const head = await get(monitor, '/', {}, 'HEAD')
  t.same([head.status, head.body, head.headers['content-length'] !== '0'], [200, '', true])
})

t.test('another name in Host, a page of elsewhere, another protocol and a huge frame are refused', async (t) => {
  const { monitor, broker } = await watched(t)
  const { port } = monitor.server
  t.match(await get(monitor, '/', { host: `rebound.example:${port}` }), { status: 421 })
  t.match(await get(monitor, '/metrics', { host: 'rebound.example' }), { status: 421 })
  const own = `http://127.0.0.1:${port}`
  const outcome = async (...asked: Parameters<typeof opened> extends [Test, Monitor, ...infer R] ? R : never) =>
    (await opened(t, monitor, ...asked)).outcome
  t.equal(await outcome({ origin: 'http://elsewhere.example' }), '403')
  t.equal(await outcome({ origin: 'null' }), '403')
  t.equal(await outcome({ host: 'rebound.example', origin: 'http://rebound.example' }), '421')
  t.equal(await outcome({ origin: own }, '/elsewhere'), '404')
  t.equal(await outcome({ origin: own }, '/mqtt', 'other'), '400')
  t.match(broker.counters, { host: 3, origin: 2, websocket: 2 })
  t.equal(await outcome({ origin: own }), 'open')
  t.equal(await outcome({}), 'open', 'a program sends no origin')
  const { socket } = await opened(t, monitor, { origin: own })
  // The header of a masked binary frame of 80 MB (RFC 6455, section 5.2), of which nothing follows.
  const header = Buffer.alloc(14)
  header.set([0x82, 0xff])
  header.writeBigUInt64BE(80_000_000n, 2)
  ;(socket as unknown as { _socket: Socket })._socket.write(header)
  t.equal((await once(socket, 'close'))[0], 1009, 'refused at its header')
  t.match(await get(monitor, '/healthz'), { status: 200 })
})

t.test('a packet is one frame, however many parts it was written in', async (t) => {
  const { monitor, broker } = await watched(t)
  const { socket } = await opened(t, monitor, {})
  socket.send(connect(as('operator')))
  await once(socket, 'message')
  const topic = 'tm/v1/demo/v/d1/log'
  socket.send(subscribe([topic]))
  await once(socket, 'message')
  const vehicle = busTo(t, broker.port, 'd1')
  await vehicle.ready
  const frames: Buffer[] = []
  const last = new Promise<void>((resolve) =>
    socket.on('message', (frame: Buffer) => {
      frames.push(frame)
      if (frame.includes('end of it')) resolve()
    }),
  )
  for (const text of ['one', 'two', 'end of it'])
    vehicle.publish(channels.log, d1, { version: 1, level: 'info', event: 'test', text })
  await last
  t.ok(frames.length <= 3, `${frames.length} frames for three packets`)
  for (const frame of frames) t.same([frame[0], frame.indexOf(topic)], [0x30, 4], 'begins with a whole header')
})

t.test('an alarm is retained while it stands, and emptied when it is over; health comes every second', async (t) => {
  const { broker } = await watched(t)
  const watcher = busTo(t, broker.port, 'operator')
  const alarms = new Map<string, Alarm>()
  const changes: string[] = []
  let change: () => void = () => {}
  watcher.subscribe(
    channels.alarm,
    { fleet },
    (message, { id }) => {
      alarms.set(id, message)
      changes.push(`+${id}`)
      change()
    },
    ({ id }) => {
      alarms.delete(id)
      changes.push(`-${id}`)
      change()
    },
  )
  const health = new Promise<Health>((resolve) => watcher.subscribe(channels.health, { fleet }, resolve))
  await watcher.ready
  const next = () => new Promise<void>((resolve) => (change = resolve))
  const dying = busTo(t, broker.port, 'd1')
  await dying.ready
  dying.publish(channels.status, d1, status)
  const raised = next()
  dying.publish(channels.status, d1, { ...status, state: 'offline' })
  await raised
  t.match(alarms.get('offline-d1'), { kind: 'offline', vehicle: 'd1' })
  const late = busTo(t, broker.port, 'monitor')
  const kept = new Promise<Alarm>((resolve) => late.subscribe(channels.alarm, { fleet }, resolve))
  t.match(await kept, { kind: 'offline', vehicle: 'd1' }, 'it is there for who comes later')
  const cleared = next()
  dying.publish(channels.status, d1, { ...status, connection: 2 })
  await cleared
  t.same(changes, ['+offline-d1', '-offline-d1'])
  t.match(await health, { version: 1, broker: { connections: Number } })
})

t.test('beside another broker: what only a broker knows is null, and a page is passed on to it', async (t) => {
  const { monitor, broker } = await watched(t, {}, false)
  const watcher = busTo(t, broker.port, 'operator')
  const health = new Promise<Health>((resolve) => watcher.subscribe(channels.health, { fleet }, resolve))
  t.match(await health, { broker: null })
  const { socket } = await opened(t, monitor, { origin: `http://127.0.0.1:${monitor.server.port}` })
  const heard = new Promise<string>((resolve) => watcher.subscribe(channels.log, d1, ({ text }) => resolve(text)))
  await watcher.ready
  socket.send(connect(as('d1')))
  const [connack] = (await once(socket, 'message')) as [Buffer]
  t.same([...connack], [0x20, 2, 0, 0], 'it logs in there itself')
  const line = { version: 1, level: 'info', event: 'test', text: 'through the monitor' }
  socket.send(publish('tm/v1/demo/v/d1/log', JSON.stringify(line)))
  t.equal(await heard, 'through the monitor')
})

t.test('readiness is the connection to the broker', async (t) => {
  const { monitor, broker } = await watched(t, {}, false)
  for (let i = 0; i < 200 && (await get(monitor, '/readyz')).status !== 200; i++);
  t.match(await get(monitor, '/readyz'), { status: 200, body: 'ready\n' })
  await broker.close()
  let answer = await get(monitor, '/readyz')
  for (let i = 0; i < 500 && answer.status === 200; i++) answer = await get(monitor, '/readyz')
  t.match(answer, { status: 503, body: 'no connection to the broker\n' })
  t.match(await get(monitor, '/healthz'), { status: 200 }, 'the process itself is well')
})
