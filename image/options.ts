import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ExitError } from '../schemas/exit.ts'
import { type ArchitectureName, architectures } from './architecture.ts'

export interface ImageOptions {
  /** Folder for what is built. */
  readonly out: string
  readonly names: readonly ArchitectureName[]
  /** A Node to take in place of the pinned one. */
  readonly node: string | undefined
  readonly version: string
}

export function usage(names: readonly string[]): string {
  return `npm run image: a package for the units of a fleet.

Usage: npm run image -- --deb-only [OPTIONS]

  --deb-only            build the Debian package (needed: there is no card image yet)
  --arch ${[...names, 'all'].join('|')}  processor of the unit (default arm64)
  --node FILE           a Node for it, with its LICENSE beside, in place of the pinned one
  --deb-version V       version of the package (default: that of package.json)
  --out DIR             folder for what is built (default dist)
  --help                this text

The Node inside is a third party's packing (npm) of the binary that nodejs.org publishes, pinned by its content and stripped.
The same sources give the same bytes: times are those of the last commit, or SOURCE_DATE_EPOCH.
Needs dpkg-deb, npm, tar and, per processor, ${Object.values(architectures)
    .map(({ strip }) => strip)
    .join(' or ')}.
Exit codes: 0 ok, 2 bad usage, 3 a program or package is not to be had, 4 damaged data, 70 internal error.`
}

/** ExitError 2 naming the rule and the value found. */
export function readImageOptions(args: readonly string[], defaults: { version: string; out: string }): ImageOptions {
  const values = parse(args)
  if (!values['deb-only'])
    throw new ExitError('usage', '--deb-only must be given: the card image comes later; --help lists the options')
  const { arch = 'arm64', node, out, 'deb-version': version = defaults.version } = values
  const names = Object.keys(architectures).filter((name) => arch === 'all' || name === arch) as ArchitectureName[]
  if (names.length === 0)
    throw new ExitError('usage', `--arch must be one of ${Object.keys(architectures).join(', ')}, all, got ${arch}`)
  if (node !== undefined && names.length > 1)
    throw new ExitError('usage', `--node must go with one --arch, got ${arch}`)
  // deb-version(7), without an epoch, which is no part of a file's name
  if (!/^\d[A-Za-z0-9.+~-]*$/.test(version))
    throw new ExitError('usage', `--deb-version must match [0-9][A-Za-z0-9.+~-]*, got ${version}`)
  return { out: out === undefined ? defaults.out : resolve(out), names, node: node && resolve(node), version }
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
      },
    }).values
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}
