import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import { channels } from '../../schemas/topics.ts'
import { type Booted, boot, makeDebianRoot } from '../support/debian-root.ts'
import { freePort } from '../support/free-port.ts'
import { lenient, readHilReport, startBin } from '../support/hil.ts'
import { buildPackages, debIn, outsideFolder } from '../support/packages.ts'
import { absent, requireRoot, requireTool } from '../support/require.ts'
import { startOwn } from '../support/secured-brokers.ts'
import { type TrustFleet, trustFleet } from '../support/trust-fleet.ts'

/** A unit under its own systemd gets its identity from a file on its card, by a token, and is tested over ssh. */
const tools = ['dpkg-deb', 'x86_64-linux-gnu-strip', 'mmdebstrap', 'systemd-nspawn', 'ssh', 'ssh-keygen']
const run = promisify(execFile)
const onBoot = 'boot/firmware/trustmix-provision.json'
const inEtc = 'etc/trustmix/trustmix-provision.json'
const device = 'etc/trustmix/device.json'

t.setTimeout(1_800_000)

t.test('a unit takes its identity from a file that a user drops', async (t) => {
  for (const tool of tools) if (!requireTool(t, tool)) return
  if (!requireRoot(t)) return
  const folder = outsideFolder(t)
  const root = join(folder, 'root')
  const inside = (path: string): string => join(root, path)
  const has = (path: string): boolean => existsSync(inside(path))
  await makeDebianRoot(root, ['openssh-server'])
  const built = await buildPackages(['--deb-only', '--arch', 'amd64', '--out', folder])
  t.equal(built.code, 0, built.stderr)
  cpSync(debIn(folder, 'amd64'), inside('srv/trustmix.deb'))
  const ssh = await openDoor(root, folder)

  const fleet = await trustFleet(t, join(folder, 'fleet'))
  const units = join(folder, 'units')
  await fleet.provision('broker', 'hub', '--host', 'localhost,127.0.0.1')
  await fleet.provision('bridge', 'track')
  await fleet.provision('monitor', 'screen', 'bench')
  const broker = await startOwn(t, fleet)
  const url = broker.tls.replace('localhost', '127.0.0.1')
  await fleet.provision('device', 'car01', '--units', units, '--broker', url, '--run', 'road')
  await broker.reload()
  const reached = watchStatuses(t, url, fleet)

  // Before the first start, as a user does with the card.
  mkdirSync(inside('boot/firmware'), { recursive: true })
  cpSync(join(units, 'car01/trustmix-provision.json'), inside(onBoot))
  const booted = await boot(t, root, 120_000)
  if (!booted) return absent(t, 'systemd-nspawn', 'cannot boot a root here')
  const machine = service(booted)

  await t.test('installed with a unit file on the boot partition, it starts as that unit', async (t) => {
    const installed = await booted.inside('apt', 'install', '--yes', '/srv/trustmix.deb')
    t.equal(installed.code, 0, installed.text)
    t.notMatch(installed.text, 'did not start')
    await reached('car01', 'online', 1)
    t.notOk(has(onBoot), 'the file is gone')
    t.equal((await booted.inside('find', '/run', '/tmp', '-name', '*provision*')).text, '', 'and no copy of it is left')
    const config = JSON.parse(readFileSync(inside(device), 'utf8'))
    t.match(config, { vehicle: 'car01', run: 'road', rollbackDrop: 0.5, recordDir: '/var/lib/trustmix/log' })
    const { uid } = statSync(inside('var/lib/trustmix'))
    for (const key of ['keyFile', 'privateKeyFile'])
      t.match(statSync(inside(config[key])), { uid, mode: 0o100600 }, `${key} is the unit's own`)
    await machine.restart()
    await reached('car01', 'online', 2)
    t.pass('it starts again without the file')
  })

  await t.test('a file that is none is reported and stays; the unit drives on', async (t) => {
    writeFileSync(inside(inEtc), '{}\n', { mode: 0o600 })
    t.match(await machine.restart(), { code: 0 })
    await reached('car01', 'online', 3)
    t.match(await machine.journal(), /\/etc\/trustmix\/trustmix-provision\.json was not applied/)
    t.ok(has(inEtc))
    rmSync(inside(inEtc))
  })

  await t.test('with a token: it stays what it is and asks again until it is enrolled', async (t) => {
    const port = await freePort()
    const at = ['--url', `https://127.0.0.1:${port}`, '--units', units, '--broker', url, '--run', 'road']
    await fleet.provision('token', 'car03', ...at)
    cpSync(join(units, 'car03/trustmix-provision.json'), inside(inEtc))
    t.not((await machine.restart()).code, 0, 'nobody answers yet')
    t.ok(has(inEtc))
    t.match(JSON.parse(readFileSync(inside(device), 'utf8')), { vehicle: 'car01' })
    const serve = ['serve', '--name', '127.0.0.1', '--host', '127.0.0.1', '--port', String(port), '--publish', url]
    const server = startBin(t, ['provision', ...serve, '--fleet-dir', fleet.path])
    await server.said(/^car03 was enrolled from 127\.0\.0\.1$/)
    await reached('car03', 'online')
    t.notOk(has(inEtc), 'the file is gone')
    t.notOk(existsSync(join(fleet.path, 'members/car03/tls.key.pem')), 'its keys were made on it')
    t.match(JSON.parse(readFileSync(inside(device), 'utf8')), { vehicle: 'car03' })

    await fleet.provision('token', 'car05', ...at)
    cpSync(join(units, 'car05/trustmix-provision.json'), inside(inEtc))
    // The next token of an id ends the one before.
    await fleet.provision('token', 'car05', ...at)
    const { boot } = JSON.parse(readFileSync(inside('var/lib/trustmix/boot.json'), 'utf8'))
    t.match(await machine.restart(), { code: 0 })
    await reached('car03', 'online', boot + 1)
    t.match(await machine.journal(), /token-unknown/)
    t.ok(has(inEtc), 'what is refused is reported and stays; the unit drives on')
    rmSync(inside(inEtc))
    server.child.kill('SIGTERM')
    await server.ended
  })

  await t.test('hil over ssh asks its service and finds its recording where the package has it', async (t) => {
    const report = join(folder, 'report')
    const member = (id: string, name: string) => join(fleet.path, 'members', id, name)
    const hil = startBin(t, [
      ...['hil', '--vehicle', 'car03', '--target', 'ssh:root@127.0.0.1', '--ssh-option', ssh, '--broker', url],
      ...['--ca-file', join(fleet.path, 'ca.pem'), '--others', 'drivers'],
      ...['--cert-file', member('track', 'tls.pem'), '--key-file', member('track', 'tls.key.pem')],
      ...['--monitor-cert-file', member('bench', 'tls.pem'), '--monitor-key-file', member('bench', 'tls.key.pem')],
      ...['--rtf', '10', '--unit-interval-s', '0.5', '--report', report, '--run-dir', join(folder, 'run')],
      ...['--judge', ...lenient, '--max-memory-mib', '90'],
    ])
    const { code, stdout, stderr } = await hil.ended
    t.equal(code, 0, stdout + stderr)
    const found = readHilReport(report)
    t.match(found, { complete: true, passed: true, run: 'road' })
    t.match(found.machine, { before: { activeState: 'active', trouble: null }, after: { activeState: 'active' } })
    t.match(found.identity, { identical: true, detail: null })
    t.ok((found.identity?.records ?? 0) > 300, `${found.identity?.records} records`)
    t.comment(stdout)
  })
})

/** The unit's service, as somebody at the unit has it. */
function service({ inside }: Booted) {
  return {
    restart: () => inside('systemctl', 'restart', 'trustmix.service'),
    journal: async () => (await inside('journalctl', '--unit', 'trustmix.service', '--no-pager')).text,
  }
}

/** Resolves at a status of a vehicle, of a certain boot or of any. */
function watchStatuses(t: Test, url: string, fleet: TrustFleet) {
  const bus = createMqttBus({ url, clientId: 'screen', tls: fleet.tls('screen') })
  t.teardown(() => bus.close())
  const seen: { vehicle: string; state: string; boot: number }[] = []
  let changed: () => void = () => {}
  bus.subscribe(channels.status, { fleet: 'demo' }, ({ state, boot }, { vehicle }) => {
    seen.push({ vehicle, state, boot })
    changed()
  })
  return async (vehicle: string, state: string, boot?: number): Promise<void> => {
    const isWanted = (one: (typeof seen)[number]): boolean =>
      one.vehicle === vehicle && one.state === state && (boot === undefined || one.boot === boot)
    while (!seen.some(isWanted))
      await new Promise<void>((resolve) => {
        changed = resolve
      })
  }
}

/** Has the root's ssh server listen on loopback and let a new key in as root; the options by which a client gets there. */
async function openDoor(root: string, folder: string): Promise<string> {
  const key = join(folder, 'door')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  mkdirSync(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 })
  cpSync(`${key}.pub`, join(root, 'root/.ssh/authorized_keys'))
  const port = await freePort()
  writeFileSync(join(root, 'etc/ssh/sshd_config.d/test.conf'), `Port ${port}\nListenAddress 127.0.0.1\n`)
  return [
    ...[`Port=${port}`, `IdentityFile=${key}`, 'IdentitiesOnly=yes', 'StrictHostKeyChecking=accept-new'],
    ...[`UserKnownHostsFile=${join(folder, 'known_hosts')}`, 'LogLevel=ERROR'],
  ].join(',')
}
