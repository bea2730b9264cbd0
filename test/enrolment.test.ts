import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { serveEnrolment } from '../cli/provision/enrol-server.ts'
import { openFleetDirectory, openFleetKeys } from '../cli/provision/fleet-directory.ts'
import { loadCertificateMaker } from '../cli/provision/x509.ts'
import { createMqttBus } from '../device/bus/mqtt-bus.ts'
import { publicKeyOf, rawPublicKey, signatureHolds } from '../device/identity.ts'
import { channels } from '../schemas/topics.ts'
import { answer, refuses } from './support/cli.ts'
import { bin } from './support/fleet.ts'
import { openssl } from './support/openssl.ts'
import { requireTool } from './support/require.ts'
import { startOwn } from './support/secured-brokers.ts'
import { type TrustFleet, trustFleet } from './support/trust-fleet.ts'

t.test('a unit makes its keys itself, is certified once, and connects', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  const server = await serve(t, fleet)
  const broker = await startOwn(t, fleet)
  const { file, place, enrol } = await unitOf(t, fleet, 'car1', server.url, broker.tls)
  const applied = await answer(t, ['provision', 'apply', file, ...place])
  t.equal(applied.complete, false, 'before it is enrolled it has no keys')
  t.notOk(existsSync(String(applied.file)), 'and stays what it was')
  t.match(await enrol(), { id: 'car1', state: 'enrolled' })
  t.match(await enrol(), { state: 'known' }, 'a second time it asks nobody')
  t.equal(server.lines.length, 1)
  const config = JSON.parse(readFileSync(String(applied.file), 'utf8'))
  const read = (key: string): string => readFileSync(config[key], 'utf8')
  t.notOk(existsSync(join(fleet.path, 'members', 'car1', 'tls.key.pem')), 'its keys never left it')
  const tls = { ca: read('caFile'), cert: read('certFile'), key: read('keyFile') }
  const bus = createMqttBus({ url: broker.tls, clientId: 'car1', tls })
  t.teardown(() => bus.close())
  await bus.ready
  const { members } = (await fleet.provision('list')) as { members: { id: string; key: string }[] }
  const body = JSON.parse(JSON.parse(readFileSync(join(config.stateDir, 'roster.json'), 'utf8')).body)
  t.equal(body.devices.car1, members.find(({ id }) => id === 'car1')?.key, 'the roster that it got lists it')

  // The answer was lost on the way: the same unit asks again and gets the same certificate; nobody else does.
  const kept = join(config.stateDir, 'enrolment', 'demo.car1')
  const certificate = readFileSync(join(kept, 'tls.pem'), 'utf8')
  rmSync(join(kept, 'tls.pem'))
  t.match(await enrol(), { state: 'enrolled' })
  t.equal(readFileSync(join(kept, 'tls.pem'), 'utf8'), certificate)
  rmSync(kept, { recursive: true })
  await refuses(t, 4, /token-used/, ['provision', 'enrol', '--file', file, ...place])
})

t.test('what is no proper request is refused, with its reason, and makes no member', async (t) => {
  const fleet = await trustFleet(t)
  let now = new Date()
  const server = await serve(t, fleet, () => now)
  const { file, place } = await unitOf(t, fleet, 'car1', server.url, 'mqtts://localhost:8883')
  const unit = JSON.parse(readFileSync(file, 'utf8'))
  const { token } = unit.enrolment
  const fail = async (code: number, rule: RegExp, change: object): Promise<void> => {
    const path = join(fleet.path, 'changed.json')
    writeFileSync(path, JSON.stringify({ ...unit, ...change }))
    await refuses(t, code, rule, ['provision', 'enrol', '--file', path, ...place])
  }
  await fail(4, /token-unknown/, { enrolment: { url: server.url, token: 'A'.repeat(43) } })
  await fail(4, /token-unknown/, { id: 'car2' })
  const other = await trustFleet(t, join(fleet.path, 'other'))
  await fail(3, /signature|self.signed|unable to verify|issuer/, { ca: other.read('ca.pem') })
  await fail(3, /localhost|altnames/i, { enrolment: { url: server.url.replace('localhost', '127.0.0.1'), token } })
  await fail(3, /ECONNREFUSED/, { enrolment: { url: 'https://localhost:1', token } })
  now = new Date(now.getTime() + 25 * 3_600_000)
  await fail(4, /token-expired/, {})
  now = new Date()

  // By hand: keys whose possession is not proved, a foreign name in the request, another curve, sizes.
  const maker = await loadCertificateMaker()
  const { newTlsKey } = await import('../cli/provision/x509.ts')
  const request = await maker.request('car1', newTlsKey())
  const key = JSON.parse(JSON.parse(fleet.read('roster.json')).body)
  t.strictSame(key.devices, {})
  const strangers = rawPublicKey(generateKeyPairSync('ed25519').privateKey)
  const asked = { version: 1, id: 'car1', token, request, key: strangers, proof: `${'A'.repeat(86)}==` }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-keyout', '/dev/null']
  const p384 = (await openssl('req', '-new', ...curve, '-subj', '/CN=car1')).stdout
  const cases: [number, RegExp, string][] = [
    [403, /proof: must be a signature/, JSON.stringify(asked)],
    ...smallOrder.map((key): [number, RegExp, string] => [
      403,
      /^.*key: must not be of small order/,
      JSON.stringify({ ...asked, key }),
    ]),
    [403, /CN must be car1, got car9/, JSON.stringify({ ...asked, request: await maker.request('car9', newTlsKey()) })],
    [403, /P-256/, JSON.stringify({ ...asked, request: p384 })],
    [
      403,
      /request: /,
      JSON.stringify({
        ...asked,
        request: '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n',
      }),
    ],
    [403, /must be JSON/, '{'],
    [403, /unknown key/, JSON.stringify({ ...asked, role: 'root' })],
    [413, /at most 16384 bytes/, 'x'.repeat(20_000)],
  ]
  for (const [status, rule, body] of cases) t.match(await post(fleet, server.url, body), { status, text: rule })
  const { members } = (await fleet.provision('list')) as { members: { id: string }[] }
  t.strictSame(
    members.map(({ id }) => id),
    ['root'],
  )
  await answer(t, ['provision', 'enrol', '--file', file, ...place])
  await fleet.provision('revoke', 'car1')
  await refuses(t, 2, /car1 must be new, but is revoked/, [
    'provision',
    'token',
    'car1',
    '--fleet-dir',
    fleet.path,
    '--url',
    server.url,
  ])
})

t.test('a unit that starts in 1970 connects: nothing is ever "not yet valid"', async (t) => {
  if (!requireTool(t, 'faketime')) return
  const fleet = await trustFleet(t)
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  await fleet.provision('monitor', 'monitor')
  const broker = await startOwn(t, fleet)
  await fleet.provision('device', 'car1', '--units', join(fleet.path, 'units'), '--broker', broker.tls, '--run', 'r1')
  // A device of the broker's roster.
  await broker.reload()
  const file = join(fleet.path, 'units', 'car1', 'trustmix-provision.json')
  const place = ['--config-dir', join(fleet.path, 'etc'), '--state-dir', join(fleet.path, 'state')]
  const applied = await answer(t, ['provision', 'apply', file, ...place])
  const monitor = createMqttBus({ url: broker.ws, clientId: 'monitor', tls: fleet.tls('monitor') })
  t.teardown(() => monitor.close())
  const online = new Promise<void>((resolve) => {
    monitor.subscribe(channels.status, { fleet: 'demo', vehicle: 'car1' }, ({ state }) => {
      if (state === 'online') resolve()
    })
  })
  await monitor.ready
  const start = (command: string, args: string[]): { child: ChildProcess; log: () => string } => {
    const env = { ...process.env, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }
    // faketime forks: a group of its own, so that all of it ends with the test.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (log += text))
    t.teardown(() => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    })
    return { child, log: () => log }
  }
  const clock = start('faketime', ['1970-01-01 00:01:00', process.execPath, '-p', 'new Date().getFullYear()'])
  await once(clock.child, 'close')
  t.equal(clock.log().trim(), '1970', 'the unit believes in 1970')
  // What the clock does to a certificate of today, so that the test below means something.
  const [cert, key] = [join(fleet.path, 'today.pem'), join(fleet.path, 'today.key.pem')]
  await openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost', '-days', '9', '-keyout', key, '-out', cert],
  )
  const today = createServer({ cert: readFileSync(cert), key: readFileSync(key) }).listen(0, '127.0.0.1')
  await once(today, 'listening')
  t.teardown(() => today.close())
  const { port } = today.address() as { port: number }
  const script = `const ca = require('node:fs').readFileSync(${JSON.stringify(cert)})
    require('node:tls').connect({ port: ${port}, host: '127.0.0.1', servername: 'localhost', ca })
      .on('error', (error) => { console.log(error.code); process.exit() })
      .on('secureConnect', () => { console.log('connected'); process.exit() })`
  const control = start('faketime', ['1970-01-01 00:01:00', process.execPath, '-e', script])
  await once(control.child, 'close')
  t.equal(control.log().trim(), 'CERT_NOT_YET_VALID')
  const unit = start('faketime', [
    ...['1970-01-01 00:01:00', process.execPath, bin],
    ...['device', '--config', String(applied.file)],
  ])
  const ended = new Promise<never>((_, reject) => {
    unit.child.once('exit', () => reject(new Error(unit.log())))
  })
  await Promise.race([online, ended])
  ended.catch(() => {})
  t.pass('its status arrives')
})

/** Keys without a private half: y is 0, 1, −1, and 1 with the sign of x, which it has not (RFC 8032, section 5.1.3). */
const smallOrder = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`, `01${'00'.repeat(30)}80`].map(
  (hex) => Buffer.from(hex, 'hex').toString('base64'),
)

t.test('for a key of small order anybody can sign, which is why it is refused', async (t) => {
  const [, one = ''] = smallOrder
  // R is the neutral element, S is 0: the equation holds whatever is signed.
  const anybodys = Buffer.concat([Buffer.from(one, 'base64'), Buffer.alloc(32)]).toString('base64')
  t.equal(signatureHolds(publicKeyOf('nobody', one), Buffer.from('anything'), anybodys), true)
})

async function serve(t: Test, fleet: TrustFleet, now = () => new Date()) {
  const directory = openFleetDirectory(fleet.path)
  const lines: string[] = []
  const server = await serveEnrolment({
    ...{ directory, keys: await openFleetKeys(directory, async () => ''), maker: await loadCertificateMaker() },
    ...{ host: '127.0.0.1', port: 0, names: ['localhost'], validDays: 30, now },
    print: (line) => lines.push(line),
    onEnrolled() {},
  })
  t.teardown(() => server.close())
  return { url: `https://localhost:${server.port}`, lines }
}

async function unitOf(t: Test, fleet: TrustFleet, id: string, url: string, broker: string) {
  const units = join(fleet.path, 'units')
  await fleet.provision('token', id, '--url', url, '--units', units, '--broker', broker)
  t.notMatch(
    fleet.read('fleet.json'),
    JSON.parse(readFileSync(join(units, id, 'trustmix-provision.json'), 'utf8')).enrolment.token,
    'of the token only a hash is kept',
  )
  const file = join(units, id, 'trustmix-provision.json')
  const place = ['--config-dir', join(fleet.path, 'etc', id), '--state-dir', join(fleet.path, 'state', id)]
  return { file, place, enrol: () => answer(t, ['provision', 'enrol', '--file', file, ...place]) }
}

function post(fleet: TrustFleet, url: string, body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      new URL('/v1/enrol', url),
      { method: 'POST', ca: fleet.read('ca.pem'), agent: false },
      (response) => {
        let text = ''
        response.on('data', (part) => (text += part))
        response.on('end', () => resolve({ status: response.statusCode, text }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
