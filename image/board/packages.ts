import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import { runTool } from '../tool.ts'
import type { Board } from './boards.ts'

/** A package of Debian that is on a card. */
export interface DebianPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  /** Of the .deb, hexadecimal. */
  readonly sha256: string
}

export interface RootOptions {
  readonly board: Board
  /** Folder that must not be there yet; gets the root. */
  readonly root: string
  /** Address of a mirror of Debian; undefined: those of this machine's apt. */
  readonly mirror: string | undefined
  /** Exactly these packages, in place of the newest ones. */
  readonly packages: readonly DebianPackage[] | undefined
  /** Folder in which .deb files are kept, for a build of exactly these packages. */
  readonly cache: string | undefined
  readonly sshKey: boolean
  /** s since 1970 */
  readonly epochS: number
}

export const suite = 'trixie'

/** What every unit needs, beside the packages that are essential to Debian. */
const common = [
  ...['systemd-sysv', 'udev', 'dbus', 'systemd-timesyncd', 'systemd-resolved', 'kmod', 'busybox-static', 'netbase'],
  ...['iproute2', 'e2fsprogs', 'dosfstools', 'fdisk', 'passwd', 'libstdc++6', 'libgcc-s1', 'rauc', 'rauc-service'],
]

/**
 * Unpacks Debian for arm64 into a folder; nothing of it is run. Returns its packages. ExitError 3 where the mirror or a package
 * is not to be had, 4 where a package is not the one that was asked for.
 */
export async function unpackDebian(options: RootOptions): Promise<DebianPackage[]> {
  const { board, root, packages, cache, sshKey, epochS } = options
  const archives = join(root, 'var/cache/apt/archives')
  const wanted = packages
    ? packages.map(({ name, version }) => `${name}=${version}`)
    : ['?essential', ...common, ...board.packages, ...(sshKey ? ['openssh-server'] : [])]
  const cached = cache === undefined ? [] : debsIn(cache)
  const names = packages?.map(fileName).filter((name) => cached.includes(name)) ?? []
  const excluded = ['man/*', 'locale/*', 'info/*', 'doc/*', 'bash-completion/*', 'zsh/*', 'lintian/*']
  try {
    await runTool(
      'mmdebstrap',
      [
        ...['--mode=chrootless', '--arch=arm64', '--variant=extract', '--format=directory', '--quiet'],
        // Nothing of the packages is run; what apt leaves is looked at below.
        ...['--skip=check/qemu', '--skip=check/chrootless', '--skip=essential/unlink', '--skip=cleanup/apt'],
        '--aptopt=Apt::Install-Recommends "false"',
        ...excluded.map((path) => `--dpkgopt=path-exclude=/usr/share/${path}`),
        '--dpkgopt=path-include=/usr/share/doc/*/copyright',
        ...seed(cache, names),
        ...wanted.map((name) => `--include=${name}`),
        ...[suite, root, ...(await sources(options))],
      ],
      { from: 'mmdebstrap', environment: { SOURCE_DATE_EPOCH: String(epochS) } },
    )
  } catch (error) {
    if (error instanceof ExitError) throw error
    throw new ExitError('unreachable', `Debian's packages are not to be had: ${(error as Error).message}`)
  }
  const found = await describe(archives)
  if (packages) compare(found, packages)
  if (cache !== undefined) {
    mkdirSync(cache, { recursive: true })
    for (const file of debsIn(archives))
      if (!cached.includes(file)) copyFileSync(join(archives, file), join(cache, file))
  }
  return found
}

/** Lines for apt: the mirrors of this machine with the suite replaced, since no address is written down here. */
async function sources({ board, mirror, packages }: RootOptions): Promise<string[]> {
  const line = (address: string, name: string): string => `deb ${address} ${name} main non-free-firmware`
  const backports = board.backports ? ['-backports'] : []
  if (mirror !== undefined) return ['', ...backports].map((end) => line(mirror, `${suite}${end}`))
  const targets = ['indextargets', '--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages']
  const text = await runTool('apt-get', targets, { from: 'apt' })
  const pairs = [...new Set(text.trim().split('\n'))].map((pair) => pair.split(' ') as [string, string])
  const own = pairs.find(([, codename]) => /^[a-z]+$/.test(codename))
  if (!own)
    throw new ExitError('usage', `apt must have a mirror of Debian, or --mirror name one, got ${text.trim() || 'none'}`)
  const security = pairs.find(([, codename]) => codename === `${own[1]}-security`)
  return [
    line(own[0], suite),
    ...(security ? [line(security[0], `${suite}-security`)] : []),
    ...(board.backports || packages ? backports : []).map((end) => line(own[0], `${suite}${end}`)),
  ]
}

/** Only packages of which it is known that they are wanted: what lies in apt's folder is taken for part of the card. */
function seed(cache: string | undefined, names: readonly string[]): string[] {
  if (cache === undefined || names.length === 0) return []
  const files = names.map((name) => `'${join(cache, name).replaceAll("'", "'\\''")}'`)
  const folder = '"$1/var/cache/apt/archives"'
  return [`--setup-hook=mkdir -p ${folder} && cp ${files.join(' ')} ${folder}`]
}

/** As apt names it. */
function fileName({ name, version, architecture }: DebianPackage): string {
  return `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`
}

async function describe(archives: string): Promise<DebianPackage[]> {
  const found = debsIn(archives).map(async (file) => {
    const path = join(archives, file)
    const text = await runTool('dpkg-deb', ['--field', path, 'Package', 'Version', 'Architecture'], { from: 'dpkg' })
    const [name = '', version = '', architecture = ''] = text.split('\n').map((line) => line.replace(/^[^:]*: /, ''))
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
    return { name, version, architecture, sha256 }
  })
  return Promise.all(found)
}

function compare(found: readonly DebianPackage[], wanted: readonly DebianPackage[]): void {
  const text = ({ name, version, sha256 }: DebianPackage): string => `${name} ${version} with SHA-256 ${sha256}`
  const [has, should] = [new Set(found.map(text)), new Set(wanted.map(text))]
  const missing = [...should].filter((entry) => !has.has(entry))
  const surplus = [...has].filter((entry) => !should.has(entry))
  if (missing.length + surplus.length > 0)
    throw new ExitError(
      'damaged',
      `the packages must be those of the bill: ${missing[0] ?? 'no other'}, got ${surplus[0]}`,
    )
}

function debsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.deb'))
      .sort()
  } catch {
    return []
  }
}
