import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { debianMirror } from './debian-root.ts'

const run = promisify(execFile)
const emulator = '/usr/bin/qemu-aarch64-static'

/**
 * A small Debian for arm64 in which dpkg runs, emulated. Its packages are unpacked by this machine's own programs, and their
 * scripts never ran: an emulated installation takes half an hour. dpkg is told that they are installed, of the versions that
 * they are, so that it checks what a further package needs.
 */
export async function makeArm64Root(root: string, packages: readonly string[]): Promise<void> {
  const { codename, mirror } = await debianMirror()
  await run(
    'mmdebstrap',
    [
      ...['--quiet', '--mode=root', '--arch=arm64', '--variant=extract', '--skip=check/qemu', '--skip=cleanup/apt'],
      ...['--aptopt=Apt::Install-Recommends "false"', '--include=?essential', `--include=${packages.join(',')}`],
      ...[codename, root, mirror],
    ],
    { maxBuffer: 1 << 26 },
  )
  const archives = join(root, 'var/cache/apt/archives')
  const status: string[] = []
  for (const name of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
    const { stdout } = await run('dpkg-deb', ['--field', join(archives, name)])
    status.push(stdout.trim().replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed'))
    const own = /^Package: (.*)$/m.exec(stdout)?.[1]
    const architecture = /^Multi-Arch: same$/m.test(stdout) ? ':arm64' : ''
    const { stdout: list } = await run('dpkg-deb', ['--contents', join(archives, name)])
    writeFileSync(join(root, `var/lib/dpkg/info/${own}${architecture}.list`), pathsOf(list))
    rmSync(join(archives, name))
  }
  writeFileSync(join(root, 'var/lib/dpkg/status'), `${status.join('\n\n')}\n`)
  for (const name of ['passwd', 'group'])
    copyFileSync(join(root, `usr/share/base-passwd/${name}.master`), join(root, 'etc', name))
  mkdirSync(join(root, 'usr/bin'), { recursive: true })
  copyFileSync(emulator, join(root, emulator))
}

/** Of what `tar -tv` prints: absolute paths, without the targets of links. */
function pathsOf(listing: string): string {
  const paths = listing
    .split('\n')
    .flatMap((line) => /\d\d:\d\d \.(\/.*?)\/?( -> .*| link to .*)?$/.exec(line)?.[1] ?? [])
  return ['/.', ...paths.filter((path) => path !== '/'), ''].join('\n')
}

const registry = '/proc/sys/fs/binfmt_misc'
const name = 'trustmix-arm64'

/**
 * Has the kernel run programs for arm64 by QEMU until the test ends, unless it does already. False where it cannot.
 * https://docs.kernel.org/admin-guide/binfmt-misc.html
 */
export async function runForeignPrograms(t: Test): Promise<boolean> {
  if (!existsSync(emulator)) return false
  if (existsSync(join(registry, 'qemu-aarch64'))) return true
  try {
    if (!existsSync(join(registry, 'register'))) await run('mount', ['-t', 'binfmt_misc', 'binfmt_misc', registry])
    // e_ident, e_type (program or shared object) and e_machine (183) of an ELF file.
    const magic = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`
    const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`
    if (!existsSync(join(registry, name)))
      writeFileSync(join(registry, 'register'), `:${name}:M::${magic}:${mask}:${emulator}:F`)
  } catch {
    return false
  }
  t.teardown(() => writeFileSync(join(registry, name), '-1'))
  return readFileSync(join(registry, name), 'utf8').startsWith('enabled')
}
