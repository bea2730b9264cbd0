import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answer, refuses, trustmix } from './support/cli.ts'
import { bin } from './support/fleet.ts'
import { openssl } from './support/openssl.ts'
import { killWithTest, testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'
import { trustFleet } from './support/trust-fleet.ts'

t.test('openssl reads the keys, certificates, signatures and revocations of a fleet', async (t) => {
  if (!requireTool(t, 'openssl')) return
  const fleet = await trustFleet(t)
  const file = (...names: string[]): string => join(fleet.path, ...names)
  await fleet.provision('device', 'car1', 'car2')
  await fleet.provision('operator', 'ann', '--commands', 'pause,resume')
  await fleet.provision('broker', 'hub', '--host', 'hub.example,192.0.2.1')
  const verify = (id: string, ...more: string[]) =>
    openssl('verify', '-x509_strict', '-CAfile', file('ca.pem'), ...more, file('members', id, 'tls.pem'))

  t.match((await openssl('pkey', '-in', file('root.key.pem'), '-noout', '-text')).text, /ED25519 Private-Key/)
  t.match((await openssl('pkey', '-in', file('ca.key.pem'), '-noout', '-text')).text, /prime256v1/)
  t.match((await openssl('pkey', '-in', file('members', 'car1', 'signing.key.pem'), '-noout', '-text')).text, /ED25519/)
  const shown = (await openssl('x509', '-in', file('members', 'car1', 'tls.pem'), '-noout', '-subject', '-dates')).text
  t.match(shown, /subject=O = demo, OU = device, CN = car1\n/)
  t.match(shown, /notBefore=Jan {2}1 00:00:00 1970 GMT/)
  for (const name of ['root.key.pem', 'ca.key.pem', 'members/car1/tls.key.pem', 'members/car1/signing.key.pem'])
    t.equal(statSync(file(name)).mode & 0o777, 0o600, `${name} is its owner's alone`)

  t.match(await verify('car1', '-purpose', 'sslclient'), { ok: true })
  t.match(await verify('car1', '-purpose', 'sslserver'), { ok: false, text: /unsuitable certificate purpose/ })
  t.match(await verify('hub', '-purpose', 'sslserver', '-verify_hostname', 'hub.example'), { ok: true })
  t.match(await verify('hub', '-verify_ip', '192.0.2.1'), { ok: true })
  t.match(await verify('hub', '-verify_hostname', 'other.example'), { ok: false })
  t.match(await verify('hub', '-purpose', 'sslclient'), { ok: false })
  const list = ['-crl_check', '-CRLfile', file('crl.pem')]
  t.match(await verify('hub', '-attime', '0', ...list), { ok: true }, 'at the beginning of time, list and all')

  const former = (await fleet.provision('list')).members as { id: string; serial: string }[]
  await fleet.provision('renew', 'car1')
  const renewed = (await fleet.provision('list')).members as { id: string; serial: string }[]
  const serialOf = (members: typeof former): string => members.find(({ id }) => id === 'car1')?.serial ?? ''
  t.not(serialOf(renewed), serialOf(former), 'a renewed certificate has a number of its own')
  t.match(await verify('car1', ...list), { ok: true })
  await fleet.provision('revoke', 'car1')
  t.match(await verify('car1', ...list), { ok: false, text: /certificate revoked/ })
  t.match(await verify('car2', ...list), { ok: true })
  const crl = (await openssl('crl', '-in', file('crl.pem'), '-noout', '-text', '-CAfile', file('ca.pem'))).text
  t.match(crl, /verify OK/)
  for (const serial of [serialOf(former), serialOf(renewed)])
    t.match(crl, new RegExp(`Serial Number: ${serial.toUpperCase()}`), 'both certificates of the revoked device')

  const { body, signature } = JSON.parse(fleet.read('roster.json')) as { body: string; signature: string }
  writeFileSync(file('body'), body)
  writeFileSync(file('signature'), Buffer.from(signature, 'base64'))
  const signed = (name: string) =>
    openssl(
      ...['pkeyutl', '-verify', '-pubin', '-inkey', file('root.pub.pem'), '-rawin', '-in', file(name)],
      ...['-sigfile', file('signature')],
    )
  t.match(await signed('body'), { ok: true, text: /Signature Verified Successfully/ })
  writeFileSync(file('forged'), body.replace('car2', 'car9'))
  t.match(await signed('forged'), { ok: false })
  const told = JSON.parse(body)
  // fleet, two devices, operator, broker, renewal, revocation: one roster each.
  t.match(told, {
    fleet: 'demo',
    number: 6,
    revoked: { ids: ['car1'] },
    operators: { ann: { commands: ['pause', 'resume'] } },
  })
  t.strictSame(Object.keys(told.devices), ['car2'])
})

t.test('a passphrase protects the keys; mistakes are refused and change nothing', async (t) => {
  const fleet = join(testFolder(t), 'fleet')
  const file = join(fleet, '..', 'passphrase')
  writeFileSync(file, 'a long enough sentence\nnot this line\n')
  const common = ['--fleet-dir', fleet]
  await refuses(t, 2, /needed .* got nothing/, ['provision', 'fleet', 'demo', ...common])
  writeFileSync(`${file}.short`, 'short\n')
  await refuses(t, 2, /at least 12 characters, got 5/, [
    'provision',
    'fleet',
    'demo',
    ...common,
    '--passphrase-file',
    `${file}.short`,
  ])
  t.notOk(existsSync(fleet))
  await answer(t, ['provision', 'fleet', 'demo', ...common, '--passphrase-file', file])
  t.match(readFileSync(join(fleet, 'root.key.pem'), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
  t.match(readFileSync(join(fleet, 'ca.key.pem'), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
  await refuses(t, 2, /must be new, but has fleet.json/, [
    'provision',
    'fleet',
    'demo',
    ...common,
    '--passphrase-file',
    file,
  ])
  await refuses(t, 2, /passphrase must be that of the keys/, [
    'provision',
    'device',
    'car1',
    ...common,
    '--passphrase-file',
    `${file}.short`,
  ])
  const environment = { TRUSTMIX_PASSPHRASE: 'a long enough sentence' }
  const made = await trustmix(['provision', 'device', 'car1', ...common], environment)
  t.match(made, { code: 0, stdout: /^car1 {2}/ })
  const before = readFileSync(join(fleet, 'fleet.json'), 'utf8')
  const as = [...common, '--passphrase-file', file]
  const mistakes: [RegExp, string[]][] = [
    [/is device car1 already/, ['device', 'car1']],
    [/an id must match .* got "a\/b"/, ['device', 'a/b']],
    [/belongs to the averaging server alone/, ['device', 'aggregator']],
    [/must be a member of fleet demo/, ['revoke', 'car9']],
    [/needs an id, got nothing/, ['device']],
    [/--commands is needed/, ['operator', 'ann']],
  ]
  for (const [rule, args] of mistakes) await refuses(t, 2, rule, ['provision', ...args, ...as])
  t.equal(readFileSync(join(fleet, 'fleet.json'), 'utf8'), before)
  await answer(t, ['provision', 'revoke', 'car1', ...as])
  await refuses(t, 2, /an id is never given out again/, ['provision', 'device', 'car1', ...as])
  await refuses(t, 2, /a revoked id is never given out again/, ['provision', 'renew', 'car1', ...as])
  writeFileSync(join(fleet, 'lock'), String(process.pid))
  await refuses(t, 2, new RegExp(`process ${process.pid} is changing`), ['provision', 'device', 'car2', ...as])
  writeFileSync(join(fleet, 'lock'), '999999999')
  await answer(t, ['provision', 'device', 'car2', ...as])
  const { stdout } = await trustmix(['provision', 'list', ...common])
  t.match(stdout, /car1 +device +\d{4}-\d\d-\d\d +revoked/)
  t.ok(stdout.split('\n').every((line) => line.length <= 80))
})

t.test('on a terminal the passphrase is asked for twice and never shown', async (t) => {
  if (!requireTool(t, 'script')) return
  const fleet = join(testFolder(t), 'fleet')
  const command = `${process.execPath} ${bin} provision fleet demo --fleet-dir ${fleet}`
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] })
  killWithTest(t, child)
  let shown = ''
  const prompts = ['Passphrase of the fleet: ', 'Once more: ']
  child.stdout.on('data', (text) => {
    shown += text
    if (prompts[0] === undefined || !shown.includes(prompts[0])) return
    prompts.shift()
    child.stdin.write('a long enough sentence\r')
  })
  const [code] = await once(child, 'close')
  t.equal(code, 0, shown)
  t.match(shown, /fleet demo in/)
  t.notMatch(shown, /sentence/)
  t.match(readFileSync(join(fleet, 'root.key.pem'), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
})

t.test('a unit file becomes what a device starts from; applied again, and cut anywhere, it is whole', async (t) => {
  const fleet = await trustFleet(t)
  const template = join(fleet.path, 'template.json')
  const wifi = { ssid: 'track', passphrase: 'ten little cars', country: 'DE' }
  const address = { method: 'static', address: '192.0.2.7/24', gateway: '192.0.2.1', dns: ['192.0.2.1'] }
  writeFileSync(
    template,
    JSON.stringify({ wifi, address, ntp: ['ntp.example'], config: { hidden: [32, 32], rollbackDrop: 0.3 } }),
  )
  const units = join(fleet.path, 'units')
  const flags = ['--units', units, '--broker', 'mqtts://hub.example:8883', '--template', template, '--run', 'r1']
  await fleet.provision('device', 'car_1', ...flags)
  const file = join(units, 'car_1', 'trustmix-provision.json')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const unit = JSON.parse(readFileSync(file, 'utf8'))
  t.match(unit, { id: 'car_1', fleet: 'demo', hostname: 'car-1', wifi, address, run: 'r1' })

  const shown = await trustmix(['provision', 'show', file])
  for (const secret of [unit.keys.tlsKey, unit.keys.signingKey, wifi.passphrase])
    t.notOk(shown.stdout.includes(JSON.stringify(secret).slice(1, -1)), 'no secret is shown')
  t.match(JSON.parse(shown.stdout), { id: 'car_1', wifi: { ssid: 'track' }, roster: 'number 2' })

  const [config, state] = [join(fleet.path, 'etc'), join(fleet.path, 'state')]
  const place = ['--config-dir', config, '--state-dir', state]
  const applied = await answer(t, ['provision', 'apply', file, ...place])
  t.match(applied, { id: 'car_1', complete: true })
  const device = JSON.parse(readFileSync(String(applied.file), 'utf8'))
  t.match(device, { vehicle: 'car_1', fleet: 'demo', run: 'r1', hidden: [32, 32], stateDir: state })
  t.match(device, { rollbackDrop: 0.3, recordDir: join(state, 'log') }, 'as told; else as units do')
  for (const key of ['keyFile', 'privateKeyFile']) t.equal(statSync(device[key]).mode & 0o777, 0o600)
  t.equal(readFileSync(device.certFile, 'utf8'), unit.keys.certificate)
  const stamps = (): string[] =>
    [String(applied.file), device.keyFile, device.certFile].map(
      (path) => `${statSync(path).ino} ${statSync(path).mtimeMs}`,
    )
  const before = stamps()
  await answer(t, ['provision', 'apply', file, ...place])
  t.strictSame(stamps(), before, 'applied again it writes nothing')

  await fleet.provision('renew', 'car_1', ...flags)
  const renewed = JSON.parse(readFileSync(file, 'utf8'))
  t.equal(renewed.keys.tlsKey, unit.keys.tlsKey)
  t.not(renewed.keys.certificate, unit.keys.certificate, 'a renewed unit file has a new certificate for the same key')

  // New keys. After a cut in the middle of writing them, the former unit is whole.
  const fleet2 = await trustFleet(t, join(fleet.path, 'second'))
  await fleet2.provision(
    'device',
    'car_1',
    '--units',
    join(fleet.path, 'units2'),
    '--broker',
    'mqtts://hub.example:8883',
  )
  const other = join(fleet.path, 'units2', 'car_1', 'trustmix-provision.json')
  mkdirSync(join(state, 'identity', 'half-written'))
  writeFileSync(join(state, 'identity', 'half-written', 'tls.pem.tmp'), 'x')
  t.ok(existsSync(device.keyFile) && existsSync(device.certFile))
  await answer(t, ['provision', 'apply', other, ...place])
  const next = JSON.parse(readFileSync(String(applied.file), 'utf8'))
  t.not(next.keyFile, device.keyFile, 'new keys get a directory of their own, which device.json names last')
  t.equal(readdirSync(join(state, 'identity')).length, 1, 'former keys and remains are swept')

  const damaged: [RegExp, object][] = [
    [
      /must be the key of keys\/certificate/,
      { ...unit, keys: { ...unit.keys, tlsKey: fleet2.read('members', 'car_1', 'tls.key.pem') } },
    ],
    [/must be signed by ca/, { ...unit, ca: fleet2.read('ca.pem') }],
    [/must be of car_2/, { ...unit, id: 'car_2' }],
    [
      /roster: .*signed by the root/,
      { ...unit, roster: { ...unit.roster, body: unit.roster.body.replace('demo', 'dem0') } },
    ],
    [/config must not hold broker/, { ...unit, config: { broker: 'mqtts://elsewhere' } }],
    [/config must not hold epochs, which is none of a device/, { ...unit, config: { epochs: 3 } }],
    [/must hold keys or an enrolment/, { ...unit, id: 'car_3', keys: undefined }],
    [/unknown key "wlan"/, { ...unit, wlan: {} }],
    [/version must be 1, got 2/, { ...unit, version: 2 }],
  ]
  for (const [rule, content] of damaged) {
    writeFileSync(join(fleet.path, 'damaged.json'), JSON.stringify(content))
    await refuses(t, 4, rule, ['provision', 'apply', join(fleet.path, 'damaged.json'), ...place])
  }
  t.strictSame(JSON.parse(readFileSync(String(applied.file), 'utf8')), next, 'what is refused changes nothing')
})
