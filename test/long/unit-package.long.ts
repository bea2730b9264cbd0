import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import t, { type Test } from 'tap'
import { boundedArguments } from '../../cli/bounded-heap.ts'
import { commands } from '../../cli/commands.ts'
import { boot, inRoot, makeDebianRoot } from '../support/debian-root.ts'
import { provision, type Unit } from '../support/packaged-unit.ts'
import { absent, requireArm64Node, requireRoot, requireTool } from '../support/require.ts'

/** The Debian packages of a unit: built, installed, run as a service, upgraded, purged. Command: npm run test:unit-package */
const image = fileURLToPath(new URL('../../image/main.js', import.meta.url))
const project = fileURLToPath(new URL('../../../', import.meta.url))
const vectors = fileURLToPath(new URL('../../../test/vectors/', import.meta.url))
const tools = ['dpkg-deb', 'x86_64-linux-gnu-strip', 'aarch64-linux-gnu-strip', 'systemd-analyze', 'mmdebstrap']
const { version } = JSON.parse(readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8'))
const next = `${version}+next`
const run = promisify(execFile)
const utc = { ...process.env, TZ: 'UTC' }

t.setTimeout(1_800_000)

t.test('what cannot be built is refused with its rule', async (t) => {
  const refused = async (code: number, words: RegExp, args: readonly string[], path = process.env.PATH) => {
    const { stderr, ...ended } = await build(args, { PATH: path ?? '' })
    t.equal(ended.code, code, args.join(' '))
    t.match(stderr, words)
  }
  await refused(2, /--deb-only must be given: the card image comes later/, [])
  await refused(2, /--arch must be one of amd64, arm64, all, got mips/, ['--deb-only', '--arch', 'mips'])
  await refused(2, /--node must go with one --arch, got all/, ['--deb-only', '--arch', 'all', '--node', 'node'])
  await refused(2, /--deb-version must match .*, got 1:2/, ['--deb-only', '--deb-version', '1:2'])
  await refused(2, /--node must be an ELF program/, ['--deb-only', '--node', image])
  if (process.arch === 'x64')
    await refused(2, /ELF machine 183, got 62/, ['--deb-only', '--arch', 'arm64', '--node', process.execPath])
  const nothing = t.testdir()
  await refused(3, /npm must be installed; try: apt-get install npm/, ['--deb-only', '--out', nothing], nothing)
  t.match((await build(['--help'])).stdout, /^npm run image: /)
})

t.test('packages of a unit', async (t) => {
  for (const tool of tools) if (!requireTool(t, tool)) return
  const folder = mkdtempSync(join(tmpdir(), 'unit-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [first, second, newer] = ['first', 'second', 'newer'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const began = performance.now()
  const built = await build(['--deb-only', '--arch', 'all', '--out', first])
  t.equal(built.code, 0, built.stderr)
  t.comment(`both packages built in ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  const root = join(folder, 'root')
  const [, , upgrade] = await Promise.all([
    makeRootIfRoot(root),
    build(['--deb-only', '--arch', 'all', '--out', second], { TZ: 'Asia/Tokyo', LANG: 'C', TMPDIR: folder }),
    build(['--deb-only', '--arch', 'amd64', '--deb-version', next, '--out', newer]),
  ])
  t.equal(upgrade.code, 0, upgrade.stderr)
  const file = (out: string, arch: string, of = version) => join(out, `trustmix_${of}_${arch}.deb`)

  t.test('two builds give the same bytes, with sums that hold', async (t) => {
    const names = readdirSync(first)
    t.same(names.sort(), [
      'SHA256SUMS',
      ...['amd64', 'arm64'].flatMap((arch) => ['cdx.json', 'deb'].map((end) => `trustmix_${version}_${arch}.${end}`)),
    ])
    for (const name of names)
      t.ok(readFileSync(join(first, name)).equals(readFileSync(join(second, name))), `${name} is the same`)
    await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: first })
  })

  const unpacked = (arch: string): string => join(folder, arch)
  for (const arch of ['amd64', 'arm64']) await run('dpkg-deb', ['--extract', file(first, arch), unpacked(arch)])

  for (const [arch, machine] of [
    ['amd64', 'Advanced Micro Devices X86-64'],
    ['arm64', 'AArch64'],
  ] as const)
    t.test(`${arch}: what is in the package`, async (t) => {
      const files = unpacked(arch)
      t.match((await run('readelf', ['-h', join(files, 'usr/lib/trustmix/node')])).stdout, machine)
      const fields = (await run('dpkg-deb', ['--field', file(first, arch)])).stdout
      t.match(fields, `Architecture: ${arch}\n`)
      t.match(fields, `Version: ${version}\n`)
      const listing = (await run('dpkg-deb', ['--contents', file(first, arch)], { env: utc })).stdout.trim().split('\n')
      const line = /^[-d]rw[-x]r-[-x]r-[-x] root\/root +\d+ 2023-11-14 22:13 /
      t.same(
        listing.filter((entry) => !line.test(entry)),
        [],
      )
      for (const path of [
        'usr/bin/trustmix',
        'usr/lib/trustmix/app/build/kernel/kernel.wasm',
        'etc/trustmix/device.json',
      ])
        t.ok(existsSync(join(files, path)), path)
      const unit = readFileSync(join(files, 'usr/lib/systemd/system/trustmix.service'), 'utf8')
      t.match(
        unit,
        `/usr/lib/trustmix/node ${boundedArguments.join(' ')} /usr/lib/trustmix/app/build/cli/main.js device `,
      )
      t.equal(unit, readFileSync(join(unpacked('amd64'), 'usr/lib/systemd/system/trustmix.service'), 'utf8'))
      t.notMatch(unit, /^MemoryDenyWriteExecute/m)
      const copyright = readFileSync(join(files, 'usr/share/doc/trustmix/copyright'), 'utf8')
      t.match(copyright, /^Node\.js is licensed for use as follows:$/m)
      t.match(copyright, /^mqtt [0-9.]+ \(MIT\)$/m)
    })

  t.test('the bill of materials is valid and names what is in the bundle', async (t) => {
    for (const arch of ['amd64', 'arm64']) {
      const text = readFileSync(join(unpacked(arch), 'usr/share/doc/trustmix/sbom.cdx.json'), 'utf8')
      t.equal(text, readFileSync(join(first, `trustmix_${version}_${arch}.cdx.json`), 'utf8'))
      t.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), null)
      const damaged = text.replace('"bomFormat": "CycloneDX"', '"bomFormat": "other"')
      t.not(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(damaged), null)
      const { components } = JSON.parse(text) as {
        components: { purl: string; name: string; hashes?: { content: string }[] }[]
      }
      const node = components.find(({ name }) => name === 'nodejs')
      const { stdout } = await run('sha256sum', [join(unpacked(arch), 'usr/lib/trustmix/node')])
      t.equal(node?.hashes?.[0]?.content, stdout.split(' ')[0])
      // esbuild says above each module where it is from.
      const app = join(unpacked(arch), 'usr/lib/trustmix/app/build/cli')
      const folders = new Set<string>()
      for (const name of readdirSync(app))
        for (const [, from = ''] of readFileSync(join(app, name), 'utf8').matchAll(
          /^ *(?:\/\/ |")(\S*node_modules\/(?:@[^/\s]+\/)?[^/\s]+)\/\S*$/gm,
        ))
          folders.add(from.slice(from.indexOf('node_modules')))
      const found = [...folders].map((folder) => {
        const { name, version } = JSON.parse(readFileSync(join(project, folder, 'package.json'), 'utf8'))
        return `${name}@${version}`
      })
      const named = components.flatMap(({ purl }) => /^pkg:npm\/(.*)$/.exec(decodeURIComponent(purl))?.[1] ?? [])
      t.same(named.sort(), found.sort())
      t.ok(folders.has('node_modules/mqtt') && folders.has('node_modules/ajv'))
    }
  })

  t.test('every command runs from the bundle; a gate says what it says elsewhere', async (t) => {
    const { node, main } = programs(unpacked('amd64'))
    t.equal((await run(node, [main, '--version'])).stdout, `${version}\n`)
    for (const name of Object.keys(commands))
      t.match((await run(node, [main, name, '--help'])).stdout, `trustmix ${name}`, name)
    const here = (
      await run(process.execPath, [fileURLToPath(new URL('../../cli/main.js', import.meta.url)), ...gate()])
    ).stdout
    t.match(here, /"policyAdvantage"/)
    t.equal((await run(node, [main, ...gate()])).stdout, here)
    await t.test('on arm64 too', async (t) => {
      const wrapper = requireArm64Node(t)
      if (wrapper === undefined) return
      const libraries = join(dirname(wrapper), 'root/usr')
      const { node, main } = programs(unpacked('arm64'))
      const emulated = (args: readonly string[]) =>
        run(join(libraries, 'bin/qemu-aarch64-static'), [
          '-L',
          join(libraries, 'aarch64-linux-gnu'),
          node,
          main,
          ...args,
        ])
      t.equal((await emulated(['--version'])).stdout, `${version}\n`)
      t.equal((await emulated(gate())).stdout, here)
    })
  })

  await t.test('in a root of Debian: installed, upgraded, removed and purged', async (t) => {
    if (!requireRoot(t)) return
    for (const out of [first, newer])
      await run('cp', [file(out, 'amd64', out === first ? version : next), join(root, 'root')])
    const install = (of: string) => inRoot(root, 'dpkg', '--install', `/root/trustmix_${of}_amd64.deb`)
    const installed = await install(version)
    t.equal(installed.code, 0, installed.text)
    t.equal((await inRoot(root, 'trustmix', '--version')).text, `${version}\n`)
    t.ok(existsLink(join(root, 'etc/systemd/system/multi-user.target.wants/trustmix.service')), 'it is enabled')
    t.equal((await inRoot(root, 'runuser', '-u', 'trustmix', '--', '/usr/lib/trustmix/configured')).code, 1)

    const offered = join(root, 'etc/trustmix/trustmix-provision.json')
    writeFileSync(offered, '{}', { mode: 0o600 })
    t.match(await inRoot(root, '/usr/lib/trustmix/provision-unit'), { code: 0, text: /trustmix-provision\.json/ })
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
    t.match((await inside('journalctl', '--unit', 'trustmix', '--grep', 'Watchdog timeout')).text, /Watchdog timeout/)

    t.equal((await inside('dpkg', '--install', `/root/trustmix_${version}_amd64.deb`)).code, 0)
    await unit.reached('offline', 3)
    await unit.reached('online', 4)

    t.equal((await inside('systemctl', 'stop', 'trustmix.service')).code, 0)
    await unit.reached('offline', 4)
    t.same([await property('Result'), await property('ExecMainStatus')], ['success', '0'])
  })
}

function makeRootIfRoot(root: string): Promise<void> {
  return process.getuid?.() === 0 ? makeDebianRoot(root) : Promise.resolve()
}

function programs(folder: string): { node: string; main: string } {
  const own = join(folder, 'usr/lib/trustmix')
  return { node: join(own, 'node'), main: join(own, 'app/build/cli/main.js') }
}

/** A gate on vectors whose verdict other tests check. */
function gate(): string[] {
  const [name = ''] = readdirSync(vectors, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  )
  const files = ['own', 'peer', 'experience', 'fisher']
  return ['gate', ...files.flatMap((file) => [`--${file}`, join(vectors, name, `${file}.safetensors`)]), '--json']
}

function existsLink(path: string): boolean {
  return readdirSync(dirname(path)).includes(path.slice(dirname(path).length + 1))
}

/** Runs `npm run image` without the build of the sources before it. */
function build(args: readonly string[], environment: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000', ...environment }
    execFile(process.execPath, [image, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}
