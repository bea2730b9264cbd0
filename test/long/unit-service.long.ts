import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { boot, inRoot, makeDebianRoot } from '../support/debian-root.ts'
import { provision, type Unit } from '../support/packaged-unit.ts'
import { buildPackages, debIn, outsideFolder, version } from '../support/packages.ts'
import { absent, requireRoot, requireTool } from '../support/require.ts'

/** The package in a root of Debian: installed, run as a service, upgraded, removed, purged. */
const tools = ['dpkg-deb', 'x86_64-linux-gnu-strip', 'systemd-analyze', 'mmdebstrap']
const next = `${version}+next`
const run = promisify(execFile)

t.setTimeout(1_800_000)

t.test('in a root of Debian: installed, upgraded, removed and purged', async (t) => {
  for (const tool of tools) if (!requireTool(t, tool)) return
  if (!requireRoot(t)) return
  const folder = outsideFolder(t)
  const root = join(folder, 'root')
  await makeDebianRoot(root)
  for (const of of [version, next]) {
    const built = await buildPackages(['--deb-only', '--arch', 'amd64', '--deb-version', of, '--out', folder])
    t.equal(built.code, 0, built.stderr)
    await run('cp', [debIn(folder, 'amd64', of), join(root, 'root')])
  }
  const install = (of: string) => inRoot(root, 'dpkg', '--install', `/root/trustmix_${of}_amd64.deb`)
  const installed = await install(version)
  t.equal(installed.code, 0, installed.text)
  t.equal((await inRoot(root, 'trustmix', '--version')).text, `${version}\n`)
  t.ok(existsLink(join(root, 'etc/systemd/system/multi-user.target.wants/trustmix.service')), 'it is enabled')
  t.equal((await inRoot(root, 'runuser', '-u', 'trustmix', '--', '/usr/lib/trustmix/configured')).code, 1)

  const offered = join(root, 'etc/trustmix/trustmix-provision.json')
  writeFileSync(offered, '{}', { mode: 0o600 })
  const reported = await inRoot(root, '/usr/lib/trustmix/provision-unit')
  t.match(reported, { code: 0, text: /trustmix-provision\.json was not applied/ })
  t.ok(existsSync(offered), 'a file that cannot be applied stays, to be looked at')
  rmSync(offered)
  symlinkSync('/etc/shadow', offered)
  t.same(
    await inRoot(root, '/usr/lib/trustmix/provision-unit'),
    { code: 0, text: '' },
    'a link is not followed as root',
  )
  rmSync(offered)
  t.match(
    (await inRoot(root, 'dpkg', '--verify', 'trustmix')).text,
    /^$/,
    'a file that cannot be applied changes nothing',
  )

  const verified = await inRoot(root, 'systemd-analyze', 'verify', 'trustmix.service')
  // Both came with systemd 254.
  const words = verified.text.replace(
    /^.*Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)' in section .*\n/gm,
    '',
  )
  t.same([verified.code, words], [0, ''])
  const exposure = await inRoot(
    root,
    ...'systemd-analyze security --offline=true --threshold=25 trustmix.service'.split(' '),
  )
  t.equal(exposure.code, 0)
  t.match(exposure.text, /Overall exposure level for trustmix\.service: [0-2]\.[0-9] OK/)

  const unit = await provision(t, root)
  t.equal((await inRoot(root, 'runuser', '-u', 'trustmix', '--', '/usr/lib/trustmix/configured')).code, 0)
  const stopped = inRoot(root, 'runuser', '-u', 'trustmix', '--', 'trustmix', ...unit.device)
  await unit.reached('online', 1)
  t.match(unit.statuses.messages.at(-1), { software: `trustmix ${version}`, run: 'road' })
  await run('kill', ['-s', 'TERM', String(unit.pid())])
  t.match(await stopped, { code: 0 })
  await unit.reached('offline', 1)

  const state = readFileSync(join(root, 'var/lib/trustmix/boot.json'))
  const edited = readFileSync(join(root, 'etc/trustmix/device.json'))
  const upgraded = await install(next)
  t.equal(upgraded.code, 0, upgraded.text)
  t.match((await inRoot(root, 'dpkg-query', '-W', 'trustmix')).text, next)
  const isKept = () => {
    t.same(readFileSync(join(root, 'var/lib/trustmix/boot.json')), state, 'state is kept')
    t.same(readFileSync(join(root, 'etc/trustmix/device.json')), edited, 'the edited configuration is kept')
  }
  isKept()
  t.match((await inRoot(root, 'dpkg', '--verify', 'trustmix')).text, /^\S+ c \/etc\/trustmix\/device\.json\n$/)

  await asService(t, root, unit)

  const before = readFileSync(join(root, 'var/lib/trustmix/boot.json'))
  t.equal((await inRoot(root, 'dpkg', '--remove', 'trustmix')).code, 0)
  t.notOk(existsSync(join(root, 'usr/lib/trustmix')))
  t.same(readFileSync(join(root, 'var/lib/trustmix/boot.json')), before)
  t.same(readFileSync(join(root, 'etc/trustmix/device.json')), edited)
  t.equal((await inRoot(root, 'dpkg', '--purge', 'trustmix')).code, 0)
  for (const name of [version, next]) rmSync(join(root, `root/trustmix_${name}_amd64.deb`))
  const left = await inRoot(root, 'find', '/', '-xdev', '-iname', '*trustmix*')
  t.equal(left.text, '', 'nothing is left')
  for (const name of ['passwd', 'group', 'shadow'])
    t.notMatch(readFileSync(join(root, 'etc', name), 'utf8'), 'trustmix')
})

/** The unit under its own systemd: what it is told, what it does about a process that stands still, upgrade and stop. */
async function asService(t: Test, root: string, unit: Unit): Promise<void> {
  await t.test('as a service under systemd', async (t) => {
    if (!requireTool(t, 'systemd-nspawn')) return
    await run('mkdir', ['-p', join(root, 'etc/systemd/system/trustmix.service.d')])
    writeFileSync(join(root, 'etc/systemd/system/trustmix.service.d/quick.conf'), '[Service]\nWatchdogSec=6\n')
    t.teardown(() => rmSync(join(root, 'etc/systemd/system/trustmix.service.d'), { recursive: true }))
    const booted = await boot(t, root, 120_000)
    if (!booted) return absent(t, 'systemd-nspawn', 'cannot boot a root here')
    const { inside } = booted
    const property = async (name: string) =>
      (await inside('systemctl', 'show', '--property', name, '--value', 'trustmix.service')).text.trim()
    await unit.reached('online', 2)
    t.equal(await property('ActiveState'), 'active')
    const status = async (wanted: string) => {
      while ((await property('StatusText')) !== wanted) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await status('connected to the broker')
    const pid = await property('MainPID')
    const resident = Number(/VmRSS:\s+(\d+) kB/.exec((await inside('cat', `/proc/${pid}/status`)).text)?.[1]) / 1_024
    t.ok(resident > 0 && resident <= 90, `${resident.toFixed(1)} MB resident`)

    t.match(await inside('systemctl', 'kill', '--signal=STOP', 'trustmix.service'), { code: 0 })
    await unit.reached('online', 3)
    t.equal(await property('NRestarts'), '1', 'a process that stands still is started again')
    await inside('journalctl', '--sync')
    t.match((await inside('journalctl', '--unit', 'trustmix', '--grep', 'Watchdog timeout')).text, /Watchdog timeout/)

    t.equal((await inside('dpkg', '--install', `/root/trustmix_${version}_amd64.deb`)).code, 0)
    await unit.reached('offline', 3)
    await unit.reached('online', 4)

    t.equal((await inside('systemctl', 'stop', 'trustmix.service')).code, 0)
    await unit.reached('offline', 4)
    t.same([await property('Result'), await property('ExecMainStatus')], ['success', '0'])
  })
}

function existsLink(path: string): boolean {
  return readdirSync(dirname(path)).includes(path.slice(dirname(path).length + 1))
}
