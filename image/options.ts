import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ExitError } from '../schemas/exit.ts'
import { type ArchitectureName, architectures } from './architecture.ts'
import { type BoardName, boards } from './board/boards.ts'
import type { CardOptions } from './board/build.ts'

export interface ImageOptions {
  /** Folder for what is built. */
  readonly out: string
  readonly names: readonly ArchitectureName[]
  /** A Node to take in place of the pinned one. */
  readonly node: string | undefined
  readonly version: string
  /** Undefined: packages alone. */
  readonly card: CardOptions | undefined
}

export function usage(names: readonly string[]): string {
  return `npm run image: a card for a board, or a package for an existing system, with a unit of a fleet.

Usage: npm run image -- [--board ${Object.keys(boards).join('|')}] [OPTIONS]
       npm run image -- --deb-only [--arch ${[...names, 'all'].join('|')}] [OPTIONS]

  --board NAME          card for this board (default pi4; virt is QEMU's machine); needs root or fakeroot
  --mirror URL          mirror of Debian (default: that of this machine's apt)
  --packages-from BILL  exactly the packages in this bill (.cdx.json) of a card
  --cache DIR           folder where packages are kept for --packages-from
  --ssh-key FILE        public keys that may log in as root; without, there is no SSH on the card
  --sign-key FILE       key (PEM) that signs the update bundle of a card, with
  --sign-cert FILE      its own certificate (PEM, self-signed), which cards of this build ask of updates; without these
                        two the development key signs, which is public: only for trying it out
  --deb-only            build the Debian package alone
  --arch NAME           processor of that package (default arm64)
  --node FILE           a Node for it, with its LICENSE beside, in place of the pinned one
  --deb-version V       version of package and card (default: that of package.json)
  --out DIR             folder for what is built (default dist)
  --help                this text

The Node inside is a third party's packing (npm) of the binary that nodejs.org publishes, pinned by its content and stripped.
The same sources give the same bytes: times are those of the last commit, or SOURCE_DATE_EPOCH.
Needs dpkg-deb, npm, tar and, per processor, ${Object.values(architectures)
    .map(({ strip }) => strip)
    .join(' or ')}; a card
also mmdebstrap, systemd, kmod, cpio, xz, zstd, mksquashfs, mkfs.vfat, mtools, mkfs.ext4, sfdisk, rauc. No loop device, no mount.
Exit codes: 0 ok, 2 bad usage, 3 a program or package is not to be had, 4 damaged data, 70 internal error.`
}

/** ExitError 2 naming the rule and the value found. */
export function readImageOptions(args: readonly string[], defaults: { version: string; out: string }): ImageOptions {
  const values = parse(args)
  const card = cardOptions(values)
  const { arch = 'arm64', node, out, 'deb-version': version = defaults.version } = values
  const names = Object.keys(architectures).filter((name) => arch === 'all' || name === arch) as ArchitectureName[]
  if (names.length === 0)
    throw new ExitError('usage', `--arch must be one of ${Object.keys(architectures).join(', ')}, all, got ${arch}`)
  if (node !== undefined && names.length > 1)
    throw new ExitError('usage', `--node must go with one --arch, got ${arch}`)
  // deb-version(7), without an epoch, which is no part of a file's name
  if (!/^\d[A-Za-z0-9.+~-]*$/.test(version))
    throw new ExitError('usage', `--deb-version must match [0-9][A-Za-z0-9.+~-]*, got ${version}`)
  // RAUC compares versions (https://semver.org) so that no update goes back.
  if (card && !/^\d+(\.\d+){0,2}(-[A-Za-z0-9.-]+)?$/.test(version))
    throw new ExitError('usage', `--deb-version of a card must be MAJOR.MINOR.PATCH[-PRERELEASE], got ${version}`)
  return { out: out === undefined ? defaults.out : resolve(out), names, node: node && resolve(node), version, card }
}

function cardOptions(values: ReturnType<typeof parse>): CardOptions | undefined {
  const { board = 'pi4', mirror, cache, 'packages-from': packagesFrom, 'ssh-key': sshKey } = values
  const { 'sign-key': signKey, 'sign-cert': signCert } = values
  if (values['deb-only']) {
    for (const name of ['board', 'mirror', 'cache', 'packages-from', 'ssh-key', 'sign-key', 'sign-cert'] as const)
      if (values[name] !== undefined) throw new ExitError('usage', `--deb-only must stand without --${name}, got both`)
    return undefined
  }
  if (!Object.hasOwn(boards, board))
    throw new ExitError('usage', `--board must be one of ${Object.keys(boards).join(', ')}, got ${board}`)
  if ((values.arch ?? 'arm64') !== 'arm64')
    throw new ExitError('usage', `--arch must be arm64 for a card, got ${values.arch}`)
  if (mirror !== undefined && !/^(https?|file|copy):\/\/\S+$/.test(mirror))
    throw new ExitError('usage', `--mirror must be the address of a mirror of Debian, got ${mirror}`)
  if ((signKey === undefined) !== (signCert === undefined))
    throw new ExitError('usage', `--sign-key must go with --sign-cert, got --sign-${signKey ? 'key' : 'cert'} alone`)
  const signing = signKey && signCert ? { key: resolve(signKey), cert: resolve(signCert) } : undefined
  return {
    ...{ name: board as BoardName, mirror, cache: cache && resolve(cache) },
    ...{ packagesFrom: packagesFrom && resolve(packagesFrom), sshKey: sshKey && resolve(sshKey), signing },
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'deb-only': { type: 'boolean' },
        arch: { type: 'string' },
        node: { type: 'string' },
        'deb-version': { type: 'string' },
        out: { type: 'string' },
        board: { type: 'string' },
        mirror: { type: 'string' },
        cache: { type: 'string' },
        'packages-from': { type: 'string' },
        'ssh-key': { type: 'string' },
        'sign-key': { type: 'string' },
        'sign-cert': { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}
