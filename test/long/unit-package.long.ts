import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import t from 'tap'
import { boundedArguments, boundedEnvironment } from '../../cli/bounded-heap.ts'
import { validateConfig } from '../../schemas/config.ts'
import { unitDefaults } from '../../schemas/config-unit.ts'
import { buildPackages, debIn, image, outsideFolder, unpack, version } from '../support/packages.ts'
import { requireTool } from '../support/require.ts'

/** The Debian packages of a unit: how they are built and what is in them. Command: npm run test:unit-package */
const project = fileURLToPath(new URL('../../../', import.meta.url))
const tools = ['dpkg-deb', 'x86_64-linux-gnu-strip', 'aarch64-linux-gnu-strip']
const run = promisify(execFile)
const utc = { ...process.env, TZ: 'UTC' }

t.setTimeout(1_800_000)

t.test('what cannot be built is refused with its rule', async (t) => {
  const refused = async (code: number, words: RegExp, args: readonly string[], path = process.env.PATH) => {
    const { stderr, ...ended } = await buildPackages(args, { PATH: path ?? '' })
    t.equal(ended.code, code, args.join(' '))
    t.match(stderr, words)
  }
  await refused(2, /--arch must be one of amd64, arm64, all, got mips/, ['--deb-only', '--arch', 'mips'])
  await refused(2, /--node must go with one --arch, got all/, ['--deb-only', '--arch', 'all', '--node', 'node'])
  await refused(2, /--deb-version must match .*, got 1:2/, ['--deb-only', '--deb-version', '1:2'])
  await refused(2, /--node must be an ELF program/, ['--deb-only', '--node', image])
  if (process.arch === 'x64')
    await refused(2, /ELF machine 183, got 62/, ['--deb-only', '--arch', 'arm64', '--node', process.execPath])
  const nothing = t.testdir()
  await refused(3, /npm must be installed; try: apt-get install npm/, ['--deb-only', '--out', nothing], nothing)
  t.match((await buildPackages(['--help'])).stdout, /^npm run image: /)
})

t.test('packages of a unit', async (t) => {
  for (const tool of tools) if (!requireTool(t, tool)) return
  const folder = outsideFolder(t)
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  const began = performance.now()
  const built = await buildPackages(['--deb-only', '--arch', 'all', '--out', first])
  t.equal(built.code, 0, built.stderr)
  t.comment(`both packages built in ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  const elsewhere = { TZ: 'Asia/Tokyo', LANG: 'C', TMPDIR: folder }
  const again = await buildPackages(['--deb-only', '--arch', 'all', '--out', second], elsewhere)
  t.equal(again.code, 0, again.stderr)

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
  for (const arch of ['amd64', 'arm64']) await unpack(debIn(first, arch), unpacked(arch))

  for (const [arch, machine] of [
    ['amd64', 'Advanced Micro Devices X86-64'],
    ['arm64', 'AArch64'],
  ] as const)
    t.test(`${arch}: what is in the package`, async (t) => {
      const files = unpacked(arch)
      t.match((await run('readelf', ['-h', join(files, 'usr/lib/trustmix/node')])).stdout, machine)
      const fields = (await run('dpkg-deb', ['--field', debIn(first, arch)])).stdout
      t.match(fields, `Architecture: ${arch}\n`)
      t.match(fields, `Version: ${version}\n`)
      const listing = (await run('dpkg-deb', ['--contents', debIn(first, arch)], { env: utc })).stdout
        .trim()
        .split('\n')
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
      const configured = validateConfig(JSON.parse(readFileSync(join(files, 'etc/trustmix/device.json'), 'utf8')))
      t.match(configured, { ok: true, value: unitDefaults('/var/lib/trustmix') }, 'as a unit file would configure it')
      const unit = readFileSync(join(files, 'usr/lib/systemd/system/trustmix.service'), 'utf8')
      t.match(
        unit,
        `/usr/lib/trustmix/node ${boundedArguments.join(' ')} /usr/lib/trustmix/app/build/cli/main.js device `,
      )
      for (const [name, value] of Object.entries(boundedEnvironment))
        t.match(unit, new RegExp(`^Environment=${name}=${value}$`, 'm'))
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
      for (const name of readdirSync(app).filter((entry) => entry.endsWith('.js')))
        for (const [, from = ''] of readFileSync(join(app, name), 'utf8').matchAll(
          /^ *(?:\/\/ |")(\S*node_modules\/(?:@[^/\s]+\/)?[^/\s]+)\/\S*$/gm,
        ))
          folders.add(from.slice(from.indexOf('node_modules')))
      const found = [...folders].map(packageIn)
      const ofValidators = ['ajv', 'fast-deep-equal'].map((name) => packageIn(`node_modules/${name}`))
      const named = components.flatMap(({ purl }) => /^pkg:npm\/(.*)$/.exec(decodeURIComponent(purl))?.[1] ?? [])
      const licences = readFileSync(join(app, 'page', 'licences.txt'), 'utf8')
      const ofPage = [...licences.matchAll(/^(\S+) (\d\S*) \(.*\)\n-+$/gm)].map(
        ([, name, version]) => `${name}@${version}`,
      )
      t.ok(ofPage.some((one) => one.startsWith('preact@')))
      const validators = join(app, 'compiled')
      t.same(readdirSync(validators).sort(), readdirSync(join(project, 'build', 'schemas', 'compiled')).sort())
      t.same(named.sort(), [...new Set([...found, ...ofPage, ...ofValidators])].sort())
      t.ok(folders.has('node_modules/mqtt'))
      t.notOk(folders.has('node_modules/ajv'), 'the functions that it makes are there, not Ajv itself')
    }
  })
})

/** `name@version` of a package below the project. */
function packageIn(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(project, folder, 'package.json'), 'utf8'))
  return `${name}@${version}`
}
