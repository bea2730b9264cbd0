import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fetchBundle } from '../cli/update/fetch-bundle.ts'
import { createAgent } from '../device/agent.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { configuredArchitecture, openCheckpoints } from '../device/process.ts'
import { defaultConfig } from '../schemas/config.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { boot, bundle, digest, updateSite } from './support/update-site.ts'
import { vectorsFolder } from './support/vectors.ts'

t.test('a request is judged anew, whatever the unit thought of it, and only then is anything fetched', async (t) => {
  let asked = 0
  const site = await updateSite(t, (_request, response) => {
    asked++
    response.end(bundle)
  })
  const { request } = site
  const other = { ...request(), signature: request().signature }
  const refused = [
    ['malformed', 'no request'],
    ['over-size', { version: 1, body: 'x'.repeat(20_000), signature: '' }],
    ['bad-signature', other],
    ['bad-signature', { ...request(), body: request().body.replace('/good', '/evil') }],
    ['unknown-operator', { ...request(), body: request().body.replace('"ann"', '"eve"') }],
    ['not-allowed', request({}, 'bob')],
    ['wrong-fleet', request({ fleet: 'lab' })],
    ['wrong-vehicle', request({ vehicle: 'car02' })],
    ['wrong-boot', request({ boot: boot - 1 })],
    ['wrong-name', request({ name: 'pause', args: {} })],
    ['expired', request({ expires: '2025-06-01T00:00:00Z' })],
    ['malformed', request({ args: { bundle: `https://${site.host}/good` } })],
    ['wrong-host', request({ args: { bundle: 'https://elsewhere.example/good', sha256: digest(bundle) } })],
    ['wrong-host', request({ args: { bundle: `http://${site.host}/good`, sha256: digest(bundle) } })],
    ['wrong-host', request({ args: { bundle: 'good.raucb', sha256: digest(bundle) } })],
  ] as const
  for (const [reason, left] of refused) {
    site.leave(left)
    const { code, result } = await site.apply()
    t.equal(code, 5)
    t.match(result, { state: 'refused', reason }, `${reason}: ${result?.detail}`)
    t.notOk(existsSync(join(site.stateDir, 'update-request.json')), 'it is dealt with once')
  }
  t.equal(asked, 0)
  t.same(site.calls(), [])

  symlinkSync(site.path('config', 'device.json'), join(site.stateDir, 'update-request.json'))
  t.match(await site.apply(), { code: 5, result: { reason: 'malformed' } }, 'a link is not followed')
  t.match(await site.apply(), { code: 0 }, 'without a request there is nothing to do')

  await site.fleet.provision('revoke', 'ann')
  copyFileSync(join(site.fleet.path, 'roster.json'), join(site.stateDir, 'roster.json'))
  site.leave(request())
  t.match(await site.apply(), { code: 5, result: { reason: 'revoked' } })
  writeFileSync(join(site.stateDir, 'roster.json'), '{}')
  site.leave(request())
  t.match(
    await site.apply(),
    { code: 5, result: { reason: 'revoked' } },
    'a newer roster is kept where the unit cannot take it away',
  )
})

t.test('a good request goes as far as the restart into the other slot, once', async (t) => {
  const site = await updateSite(t, (_request, response) => response.end(bundle))
  writeFileSync(join(site.stateDir, 'checkpoint.safetensors'), 'learned')
  site.leave(site.request())
  t.match(await site.apply(), { code: 0, result: undefined })
  const file = site.path('update', 'bundle.raucb')
  t.same(site.calls(), [
    `rauc install ${file}`,
    'systemctl show --property=StatusText --value trustmix.service',
    'busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager WatchdogLastPingTimestampMonotonic RuntimeWatchdogUSec',
    'systemctl stop trustmix.service',
    'systemctl reboot --no-block --reboot-argument=0 tryboot',
  ])
  t.notOk(existsSync(file), 'the bundle takes no room any more')
  t.ok(existsSync(site.path('first', 'tryboot')), 'the firmware of virt finds the wish')
  t.same(JSON.parse(readFileSync(site.path('update', 'pending.json'), 'utf8')), {
    ...{ version: 1, to: 'B', broker: true, watchdog: true },
    checkpoint: digest(Buffer.from('learned')),
  })
})

t.test('what RAUC says of a bundle has its reason', async (t) => {
  const site = await updateSite(t, (_request, response) => response.end(bundle))
  t.teardown(() => delete process.env.RAUC_SAYS)
  for (const [reason, words] of [
    ['downgrade', "Installation error: Version mismatch: Expected at least '0.2.0' but bundle manifest has '0.1.0'"],
    [
      'wrong-board',
      "Installation error: Compatible mismatch: Expected 'trustmix-pi4' but bundle manifest has 'trustmix-pi3'",
    ],
    ['untrusted', 'signature verification failed: Verify error: self-signed certificate'],
    ['not-installed', 'something else'],
  ] as const) {
    process.env.RAUC_SAYS = words
    site.leave(site.request())
    t.match(await site.apply(), { code: 5, result: { state: 'refused', reason, detail: words } })
    t.same(site.calls().length, 1, 'the unit goes on')
  }
})

t.test(
  'a bundle comes from the host that is configured, is no longer than it may be, and is the one that was signed for',
  async (t) => {
    const site = await updateSite(t, (request, response) => {
      if (request.url === '/good') response.end(bundle)
      else if (request.url === '/moved') response.writeHead(302, { location: '/good' }).end()
      else if (request.url === '/long') response.writeHead(200, { 'content-length': 10_000_000 }).write('x')
      else if (request.url === '/endless') {
        const more = (): void =>
          void (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : response.once('drain', more))
        more()
      } else if (request.url === '/cut')
        response.writeHead(200, { 'content-length': 100 }).write('x', () => response.destroy())
      else if (request.url === '/silent') response.writeHead(200).write('x')
      else response.writeHead(404).end()
    })
    const into = site.path('update', 'got')
    const ca = site.fleet.read('ca.pem')
    const fetch = (from: string, more: object = {}) =>
      fetchBundle({
        asked: { operator: 'ann', bundle: from, sha256: digest(bundle) },
        ...{ hosts: [site.host], ca, into, limit: 1_000_000, silenceMs: 10_000 },
        ...more,
      })
    const at = (name: string): string => `https://${site.host}/${name}`
    await fetch(at('good'))
    t.same(readFileSync(into), bundle)
    const refuses = async (from: string, reason: string, detail: RegExp, more: object = {}) => {
      await t.rejects(fetch(from, more), { reason, message: detail }, `${from}: ${reason}`)
      t.notOk(existsSync(into), 'nothing is left')
    }
    await refuses(at('absent'), 'not-there', /must be answered with 200, got 404/)
    await refuses(at('moved'), 'not-there', /got 302/)
    await refuses(at('long'), 'too-large', /at most 1000000 bytes, got 10000000/)
    await refuses(at('endless'), 'too-large', /at most 1000000 bytes, got/)
    await refuses(at('cut'), 'not-there', /aborted/)
    await refuses(at('silent'), 'not-there', /silent for 300 ms|aborted/, { silenceMs: 300 })
    await refuses(at('good'), 'wrong-hash', /must have the SHA-256 0000/, {
      asked: { operator: 'ann', bundle: at('good'), sha256: '0'.repeat(64) },
    })
    await refuses(at('good'), 'wrong-host', /must be one of \(none\), got localhost/, { hosts: [] })
    await refuses(at('good'), 'not-there', /certificate/, { ca: site.fleet.tls('ann').cert })

    const file = site.path('bundle')
    writeFileSync(file, bundle)
    await fetch(file)
    t.same(readFileSync(into), bundle, 'a file of the card does as well')
    symlinkSync(file, site.path('link'))
    await refuses(site.path('link'), 'not-there', /ELOOP/)
    await refuses(site.path('update'), 'not-there', /must be a file/)
    await refuses(file, 'too-large', /at most 10 bytes, got 22/, { limit: 10 })
  },
)

t.test('after the restart the new system is judged before the unit learns on', async (t) => {
  const site = await updateSite(t, () => {})
  t.teardown(() => delete process.env.WATCHDOG_US)
  const config = { ...defaultConfig, vehicle: 'car01', stateDir: site.stateDir, hidden: [8, 8] }
  const engine = createWasmEngine(configuredArchitecture(config))
  const agent = createAgent(engine, { ...config, ...settingOf(config), vehicle: 'car01', adamEpsilon: 1e-5 })
  const store = openCheckpoints(config, engine.id)
  store.save(agent.state())
  const checkpoint = join(site.stateDir, 'checkpoint.safetensors')
  const good = readFileSync(checkpoint)
  const pendingFile = site.path('update', 'pending.json')
  const pending = { version: 1, to: 'B', checkpoint: digest(good), broker: false, watchdog: true }
  const wait = (more: object = {}) => writeFileSync(pendingFile, JSON.stringify({ ...pending, ...more }))
  const comesBack = async (reason: string, detail: RegExp) => {
    t.match(JSON.parse(readFileSync(pendingFile, 'utf8')), { failed: { reason, detail } }, reason)
    t.same(
      site.calls().filter((call) => call.startsWith('rauc')),
      [],
      'it is not made the one that counts',
    )
    site.slot('A')
    t.match(await site.check(), { code: 0, result: { state: 'returned', reason, detail } }, 'the status says why')
    t.notOk(existsSync(pendingFile))
    site.slot('B')
  }

  t.match(await site.check(), { code: 0, result: undefined }, 'where there was no update there is nothing to judge')
  site.slot('B')
  wait()
  t.match(await site.check(), { code: 0, result: { state: 'good' } })
  t.same(
    site.calls().filter((call) => call.startsWith('rauc')),
    ['rauc status mark-good booted', 'rauc status mark-active booted'],
  )
  t.notOk(existsSync(pendingFile))

  wait({ checkpoint: '0'.repeat(64) })
  t.match(await site.check(), { code: 5 })
  await comesBack('checkpoint', /the checkpoint must be 0+, got/)

  const short = good.subarray(0, good.length - 1)
  writeFileSync(checkpoint, short)
  wait({ checkpoint: digest(short) })
  t.match(await site.check(), { code: 5 })
  await comesBack('checkpoint', /this system must read the checkpoint: checkpoint.safetensors is damaged/)
  writeFileSync(checkpoint, good)

  const vectors = site.path('vectors')
  mkdirSync(vectors)
  cpSync(join(vectorsFolder, 'case-2'), join(vectors, 'case-2'), { recursive: true })
  const expected = join(vectors, 'case-2', 'expected.json')
  const wrong = JSON.parse(readFileSync(expected, 'utf8'))
  wrong.gate.fisher_exact *= 1.001
  writeFileSync(expected, JSON.stringify(wrong))
  wait()
  t.match(await site.check('--vectors', vectors), { code: 5 })
  await comesBack('arithmetic', /the gate's fisher_exact of case-2 must be/)

  process.env.WATCHDOG_US = '500000'
  wait()
  t.match(await site.check(), { code: 5 })
  await comesBack('watchdog', /must be fed/)
  wait()
  t.match(await site.check('--tick-ms', '0'), { code: 5 })
  await comesBack('late', /a decision must take at most 0 ms, got \d/)

  wait({ broker: true, watchdog: false })
  t.match(await site.check('--broker-wait-s', '0.3'), { code: 5 })
  await comesBack('no-broker', /no connection to the broker mqtts:\/\/localhost:1 within 300 ms/)

  wait({ watchdog: false })
  t.match(await site.check(), { code: 0, result: { state: 'good' } }, 'which counts only where it was fed before')

  wait()
  site.slot('A')
  t.match(await site.check(), { code: 0, result: { state: 'returned', reason: 'not-started' } })
})
