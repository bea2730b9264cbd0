import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { runTool } from '../tool.ts'
import { type Board, type BoardName, commonModules, keptModules } from './boards.ts'
import { idle, idleGenerators, logins, programs, units } from './services.ts'
import { raucConfiguration } from './update-bundle.ts'

export interface FinishOptions {
  readonly name: BoardName
  readonly board: Board
  /** Of the repository. */
  readonly source: string
  /** The unpacked Debian. */
  readonly root: string
  /** The unit's own package. */
  readonly deb: string
  readonly version: string
  /** Public keys that may log in as root. */
  readonly sshKey: string | undefined
  /** File of the certificate (PEM) that updates must be signed by. */
  readonly certificate: string
  readonly epochS: number
}

/** What of a root goes into the boot partition and the initrd; the folders are outside of the root. */
export interface BootParts {
  readonly kernel: Buffer
  readonly kernelVersion: string
  readonly deviceTrees: ReadonlyMap<string, Buffer>
  readonly firmware: ReadonlyMap<string, Buffer>
  /** Pi 3's first program, which lies on the first partition. */
  readonly bootcode: Buffer | undefined
  readonly busybox: Buffer
}

/** Numbers of the unit's user: its files outlive the system that they were written by. */
const unitUser = 900

/**
 * Makes of an unpacked Debian what the scripts of its packages would have made, and a unit of that: users, modules, services, the
 * unit's package. Nothing of the root is run. What belongs to the boot partition is taken out of the root and returned.
 */
export async function finishRoot(options: FinishOptions): Promise<BootParts> {
  const { root, source, deb, epochS, sshKey } = options
  const environment = { SOURCE_DATE_EPOCH: String(epochS) }
  await runTool('sh', ['-c', `dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"`, deb, root], {
    from: 'dpkg',
  })
  const put = (path: string, content: string | Buffer, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    rmSync(join(root, path), { force: true })
    writeFileSync(join(root, path), content, { mode })
    chmodSync(join(root, path), mode)
  }
  const own = (name: string): Buffer => readFileSync(join(source, 'image/files/board', name))

  for (const name of ['passwd', 'group'])
    put(`etc/${name}`, readFileSync(join(root, `usr/share/base-passwd/${name}.master`)))
  put('etc/shadow', 'root:*:1:0:99999:7:::\n', 0o640)
  put(
    'usr/lib/sysusers.d/trustmix.conf',
    `u trustmix ${unitUser} "trustmix unit" /var/lib/trustmix /usr/sbin/nologin\n`,
  )
  await runTool('systemd-sysusers', [`--root=${root}`, '-'], { from: 'systemd', environment, input: wantedUsers(root) })
  for (const name of ['passwd-', 'group-', 'shadow-', 'gshadow-', '.pwd.lock'])
    rmSync(join(root, 'etc', name), { force: true })
  giveToUnit(root)

  for (const name of readdirSync(join(source, 'image/files/board/etc'), { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const path = join(name.parentPath, name.name)
    put(path.slice(join(source, 'image/files/board/').length), readFileSync(path))
  }
  for (const name of programs) put(`usr/lib/trustmix/board/${name}`, own(name), 0o755)
  for (const name of units) put(`usr/lib/systemd/system/${name}`, own(name))
  put('etc/rauc/system.conf', raucConfiguration(options.name, options.version))
  put('etc/rauc/keyring.pem', readFileSync(options.certificate))
  // It would let everybody on the bus install; ours is in /etc.
  rmSync(join(root, 'usr/share/dbus-1/system.d/de.pengutronix.rauc.conf'))
  put('usr/lib/trustmix/board/image', `${options.version} ${options.name}\n`)
  put(
    'etc/systemd/system/trustmix.service.d/image.conf',
    `[Service]\nEnvironment="TRUSTMIX_IMAGE=${options.version} ${options.name}" TRUSTMIX_UPDATE_RESULT_FILE=/data/update/result.json\n`,
  )
  put('etc/hostname', 'trustmix\n')
  put('etc/hosts', '127.0.0.1 localhost\n127.0.1.1 trustmix\n::1 localhost ip6-localhost ip6-loopback\n')
  put('etc/fstab', '')
  // The initrd puts the unit's own there.
  put('etc/machine-id', '')
  // Time never begins before the card was made, whatever the board's clock says.
  put('usr/lib/clock-epoch', '')
  utimesSync(join(root, 'usr/lib/clock-epoch'), epochS, epochS)
  rmSync(join(root, 'etc/resolv.conf'), { force: true })
  symlinkSync('../run/systemd/resolve/stub-resolv.conf', join(root, 'etc/resolv.conf'))
  if (sshKey === undefined) rmSync(join(root, 'etc/ssh'), { recursive: true, force: true })
  else {
    put('root/.ssh/authorized_keys', sshKey, 0o600)
    chmodSync(join(root, 'root/.ssh'), 0o700)
    put('etc/systemd/system-preset/10-ssh.preset', 'enable ssh.service\n')
  }

  // What update-alternatives would choose; the kernel knows Debian's signature.
  for (const name of ['regulatory.db', 'regulatory.db.p7s'])
    if (existsSync(join(root, `usr/lib/firmware/${name}-debian`)))
      symlinkSync(`${name}-debian`, join(root, `usr/lib/firmware/${name}`))

  const parts = await takeBootParts(options)
  for (const path of ['var/cache/apt', 'var/lib/apt', 'var/cache/debconf', 'boot', 'dev', 'usr/lib/raspi-firmware'])
    rmSync(join(root, path), { recursive: true, force: true })
  for (const path of ['boot', 'data', 'proc', 'sys', 'dev', 'run', 'tmp', 'var/lib/trustmix'])
    mkdirSync(join(root, path), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o1777)
  await runTool('systemctl', [`--root=${root}`, '--preset-mode=full', 'preset-all'], { from: 'systemd' })
  const without = sshKey === undefined ? [...idle, ...logins] : idle
  await runTool('systemctl', [`--root=${root}`, '--quiet', 'mask', ...without], { from: 'systemd' })
  mkdirSync(join(root, 'etc/systemd/system-generators'))
  // systemd.generator(7)
  for (const name of idleGenerators)
    symlinkSync('/dev/null', join(root, `etc/systemd/system-generators/systemd-${name}-generator`))
  return parts
}

/** The users of all packages, as an older systemd reads them too: `u!` (locked) came with systemd 257, and nobody has a password. */
function wantedUsers(root: string): string {
  const folder = join(root, 'usr/lib/sysusers.d')
  const names = readdirSync(folder).sort()
  return names.map((name) => readFileSync(join(folder, name), 'utf8').replace(/^u!/gm, 'u')).join('\n')
}

/** What postinst does on a system that is installed otherwise. */
function giveToUnit(root: string): void {
  const [etc, state] = [join(root, 'etc/trustmix'), join(root, 'var/lib/trustmix')]
  chownSync(etc, 0, unitUser)
  chmodSync(etc, 0o770)
  mkdirSync(state, { recursive: true })
  chownSync(state, unitUser, unitUser)
  chmodSync(state, 0o700)
}

async function takeBootParts({ root, board }: FinishOptions): Promise<BootParts> {
  const versions = readdirSync(join(root, 'usr/lib/modules'))
  const [kernelVersion] = versions
  if (kernelVersion === undefined || versions.length > 1)
    throw new Error(`a root must have one kernel, got ${versions.join(', ') || 'none'}`)
  await keepModules(root, kernelVersion, board)
  const modules = join(root, 'usr/lib/modules', kernelVersion)
  const trees = join(root, `usr/lib/linux-image-${kernelVersion}`)
  // Newer packages have kernel and device trees beside the modules, and a link where the trees were.
  const inBoot = join(root, `boot/vmlinuz-${kernelVersion}`)
  const kernel = existsSync(inBoot) ? inBoot : join(modules, 'vmlinuz')
  const firmware = join(root, 'usr/lib/raspi-firmware')
  const read = (folder: string, names: readonly string[]): Map<string, Buffer> =>
    new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
  const wantedTrees = existsSync(join(trees, 'broadcom'))
    ? readdirSync(join(trees, 'broadcom')).filter((name) => board.deviceTrees.test(name))
    : []
  const parts = {
    kernel: readFileSync(kernel),
    kernelVersion,
    deviceTrees: read(join(trees, 'broadcom'), wantedTrees.sort()),
    firmware: read(firmware, board.firmware),
    bootcode: board.firmware.includes('start.elf') ? readFileSync(join(firmware, 'bootcode.bin')) : undefined,
    busybox: readFileSync(join(root, 'usr/bin/busybox')),
  }
  for (const path of [trees, join(modules, 'dtb'), join(modules, 'vmlinuz'), join(modules, 'System.map')])
    rmSync(path, { recursive: true, force: true })
  return parts
}

/** Leaves the modules that a unit may need, and those that these need. */
async function keepModules(root: string, kernelVersion: string, board: Board): Promise<void> {
  const folder = join(root, 'usr/lib/modules', kernelVersion)
  const depmod = (): Promise<string> => runTool('depmod', ['-b', root, kernelVersion], { from: 'kmod' })
  await depmod()
  const needs = readNeeds(folder)
  const named = new Set([...commonModules, ...board.modules].map(moduleName))
  const first = [...needs.keys()].filter(
    (path) => named.has(moduleName(path)) || keptModules.some((kept) => `${path}/`.startsWith(`kernel/${kept}/`)),
  )
  const keep = withNeeds(first, needs)
  for (const path of needs.keys()) if (!keep.has(path)) rmSync(join(folder, path))
  await depmod()
}

/** Copies modules and what they need, in the order in which they load, into a folder like that of the root; returns their paths. */
export function copyModules(root: string, into: string, kernelVersion: string, names: readonly string[]): string[] {
  const folder = join('usr/lib/modules', kernelVersion)
  const needs = readNeeds(join(root, folder))
  const byName = new Map([...needs.keys()].map((path) => [moduleName(path), path]))
  // One that is built into the kernel is in no file.
  const first = names.flatMap((name) => byName.get(moduleName(name)) ?? [])
  const paths = [...withNeeds(first, needs)]
  for (const path of paths) cpSync(join(root, folder, path), join(into, 'modules', path.split('/').at(-1) as string))
  return paths.map((path) => path.split('/').at(-1) as string)
}

/** All of these and what they need; what is needed stands before what needs it. */
function withNeeds(paths: readonly string[], needs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const all = new Set<string>()
  // modules.dep lists the needs of a module so that the last one loads first.
  for (const path of paths) for (const one of [...(needs.get(path) ?? [])].reverse().concat(path)) all.add(one)
  return all
}

function readNeeds(folder: string): Map<string, string[]> {
  const lines = readFileSync(join(folder, 'modules.dep'), 'utf8').trim().split('\n')
  return new Map(
    lines.map((line) => line.split(': ')).map(([path = '', more]) => [path.replace(/:$/, ''), more?.split(' ') ?? []]),
  )
}

function moduleName(path: string): string {
  return (path.split('/').at(-1) as string).replace(/\.ko.*$/, '').replaceAll('-', '_')
}
