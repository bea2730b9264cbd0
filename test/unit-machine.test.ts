import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { machineFiles } from '../cli/provision/machine.ts'
import type { Provision } from '../schemas/provision.ts'
import { answer, refuses } from './support/cli.ts'
import { trustFleet } from './support/trust-fleet.ts'

type Static = Extract<Provision['address'], { method: 'static' }>

const unit: Provision = {
  ...{ version: 1, id: 'car1', fleet: 'demo', broker: 'mqtts://hub.example:8883' },
  ...{ ca: '-----BEGIN CERTIFICATE-----\n', rootKey: 'A'.repeat(44) },
}

function contentOf(more: Partial<Provision>): Record<string, string> {
  return Object.fromEntries(
    machineFiles({ ...unit, ...more }).flatMap(({ path, content }) => (path === anchor ? [] : [[path, content]])),
  )
}

/** By what updates are judged. */
const anchor = 'etc/trustmix-unit.json'

t.test("whoever judges updates gets whose unit it is and the fleet's root, and no secrets", (t) => {
  const keys = { tlsKey: 'secret', certificate: 'c', signingKey: 'secret' }
  const more: Partial<Provision> = { keys, update: { hosts: ['updates.example'] }, ntp: ['time.example'] }
  const file = machineFiles({ ...unit, ...more }).find(({ path }) => path === anchor)
  t.same(JSON.parse(file?.content ?? ''), { ...unit, update: more.update })
  t.end()
})

t.test('a unit file that says nothing of its machine gives it a name and leaves the rest to DHCP', (t) => {
  t.same(contentOf({}), {
    'etc/hostname': 'trustmix\n',
    'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 trustmix\n::1 localhost ip6-localhost ip6-loopback\n',
  })
  t.same(contentOf({ address: { method: 'dhcp' } }), contentOf({}))
  t.end()
})

t.test('addresses and time servers stand where systemd reads them', (t) => {
  const address: Static = {
    method: 'static',
    address: '192.0.2.20/24',
    gateway: '192.0.2.1',
    dns: ['192.0.2.1', '192.0.2.2'],
  }
  const files = contentOf({ hostname: 'car1', address, ntp: ['time.example', '192.0.2.9'] })
  t.equal(files['etc/hostname'], 'car1\n')
  const network = files['etc/systemd/network/50-trustmix-static.network'] ?? ''
  t.match(network, 'Name=en* eth* usb*\n')
  t.match(network, 'Address=192.0.2.20/24\nGateway=192.0.2.1\nDNS=192.0.2.1\nDNS=192.0.2.2\n')
  t.equal(files['etc/systemd/timesyncd.conf.d/trustmix.conf'], '[Time]\nNTP=time.example 192.0.2.9\n')
  const refused = (more: object, rule: RegExp) =>
    t.throws(() => contentOf({ address: { ...address, ...more } }), { name: 'ExitError', code: 4, message: rule })
  refused({ address: '1.2.3/24' }, /address\/address must be an IP address with its prefix, got 1\.2\.3\/24/)
  refused({ address: '192.0.2.20/33' }, /got 192\.0\.2\.20\/33/)
  refused({ gateway: '::1' }, /address\/gateway must be an address of the same kind, got ::1/)
  refused({ dns: ['1..1'] }, /address\/dns must be IP addresses, got 1\.\.1/)
  t.end()
})

t.test('a wireless network is written as iwd reads it, whatever its name', (t) => {
  const files = contentOf({ wifi: { ssid: 'Test Bench_1', country: 'DE', passphrase: ' a\\b = c#d' } })
  t.equal(files['etc/iwd/main.conf'], '[General]\nCountry=DE\n')
  t.equal(files['var/lib/iwd/Test Bench_1.psk'], '[Security]\nPassphrase=\\sa\\\\b = c#d\n')
  const key = 'ab'.repeat(32)
  const odd = contentOf({ wifi: { ssid: '../é', country: 'DE', passphrase: key, hidden: true } })
  t.equal(odd['var/lib/iwd/=2e2e2fc3a9.psk'], `[Security]\nPreSharedKey=${key}\n[Settings]\nHidden=true\n`)
  t.hasProp(contentOf({ wifi: { ssid: 'open', country: 'DE' } }), 'var/lib/iwd/open.open')
  const own: Static = { method: 'static', address: '192.0.2.20/24', gateway: '192.0.2.1', dns: [] }
  const both = contentOf({ wifi: { ssid: 'x', country: 'DE' }, address: own })
  t.match(both['etc/systemd/network/50-trustmix-static.network'], 'Name=wlan*\n', 'the address is that of the network')
  t.end()
})

t.test('provision machine writes the files below a directory', async (t) => {
  const fleet = await trustFleet(t)
  const template = join(t.testdirName, 'template.json')
  writeFileSync(template, JSON.stringify({ wifi: { ssid: 'bench', country: 'DE', passphrase: 'correct horse' } }))
  const units = join(t.testdirName, 'units')
  await fleet.provision(
    'device',
    'car_1',
    '--units',
    units,
    '--broker',
    'mqtts://hub.example:8883',
    '--template',
    template,
  )
  const out = join(t.testdirName, 'machine')
  const file = join(units, 'car_1', 'trustmix-provision.json')
  const told = await answer(t, ['provision', 'machine', file, '--out', out])
  t.same(told, {
    id: 'car_1',
    files: ['etc/hostname', 'etc/hosts', anchor, 'etc/iwd/main.conf', 'var/lib/iwd/bench.psk'],
  })
  t.equal(readFileSync(join(out, 'etc/hostname'), 'utf8'), 'car-1\n')
  t.equal(statSync(join(out, 'var/lib/iwd/bench.psk')).mode & 0o777, 0o600)
  await refuses(t, 2, /provision machine needs a file, got nothing/, ['provision', 'machine', '--out', out])
})
