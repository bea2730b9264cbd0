import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import { runTool } from '../tool.ts'
import type { BoardName } from './boards.ts'

/** Whose key signs the updates of a card: everybody's, or somebody's own. */
export type UpdateKey = 'development' | 'own'

/** What signs updates: files of key and certificate, PEM. */
export interface Signing {
  readonly key: string
  /** Self-signed: a card asks for exactly this one. */
  readonly cert: string
  readonly updateKey: UpdateKey
}

/** ExitError 2 where a file cannot be read. Says so where the development key signs, which is no secret: it is in the sources. */
export function openSigning(given: Omit<Signing, 'updateKey'> | undefined, source: string): Signing {
  if (!given) {
    process.stderr.write('updates are signed with the development key, which everybody has: only for trying it out\n')
    const folder = join(source, 'image/development-key')
    return { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem'), updateKey: 'development' }
  }
  for (const name of ['key', 'cert'] as const)
    try {
      readFileSync(given[name])
    } catch (error) {
      throw new ExitError('usage', `--sign-${name} must be a file: ${(error as Error).message}`)
    }
  return { ...given, updateKey: 'own' }
}

export interface BundleOptions {
  readonly board: BoardName
  readonly version: string
  /** Image of a boot partition. */
  readonly boot: string
  /** Image of the system that belongs to it. */
  readonly system: string
  readonly signing: Signing
  /** Folder on the file system of the images. */
  readonly work: string
  /** Path of the bundle. */
  readonly out: string
}

/**
 * Writes a RAUC bundle that holds boot and system as one group, and reads it again as a card would. ExitError 4 where key and
 * certificate do not belong together, or the certificate is not its own authority. https://rauc.readthedocs.io/en/latest/reference.html
 */
export async function buildBundle({ board, version, boot, system, signing, work, out }: BundleOptions): Promise<void> {
  const folder = join(work, 'bundle')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  linkSync(boot, join(folder, 'boot.img'))
  linkSync(system, join(folder, 'rootfs.img'))
  writeFileSync(join(folder, 'manifest.raucm'), manifest(board, version))
  const part = `${out}.part`
  rmSync(part, { force: true })
  try {
    // What is inside is compressed already.
    const squashing = '--mksquashfs-args=-comp zstd -Xcompression-level 1'
    const { key, cert } = signing
    await runTool('rauc', ['bundle', `--key=${key}`, `--cert=${cert}`, squashing, folder, part], { from: 'rauc' })
    await runTool('rauc', ['info', `--keyring=${cert}`, part], { from: 'rauc' })
  } catch (error) {
    rmSync(part, { force: true })
    if (error instanceof ExitError) throw error
    throw new ExitError(
      'damaged',
      `--sign-cert must be self-signed and belong to --sign-key: ${(error as Error).message}`,
    )
  }
  renameSync(part, out)
}

function manifest(board: BoardName, version: string): string {
  return [
    ...['[update]', `compatible=${compatible(board)}`, `version=${version}`, ''],
    ...['[bundle]', 'format=verity', ''],
    ...['[image.boot]', 'filename=boot.img', '', '[image.rootfs]', 'filename=rootfs.img', ''],
  ].join('\n')
}

/** `system.conf` of a card: never an older version than its own, and a slot becomes the one that counts only once it was tried. */
export function raucConfiguration(board: BoardName, version: string): string {
  const slots = ['A', 'B'].flatMap((name, i) => [
    ...[`[slot.rootfs.${i}]`, `device=/run/trustmix-slots/rootfs.${i}`, 'type=raw', `bootname=${name}`, ''],
    ...[`[slot.boot.${i}]`, `device=/run/trustmix-slots/boot.${i}`, 'type=raw', `parent=rootfs.${i}`, ''],
  ])
  return [
    ...['[system]', `compatible=${compatible(board)}`, `min-bundle-version=${version}`, 'bundle-formats=-plain'],
    ...['bootloader=custom', 'activate-installed=false', 'data-directory=/data/update/rauc', ''],
    // A board's clock may be behind the day on which the certificate was made.
    ...['[keyring]', 'path=/etc/rauc/keyring.pem', 'use-bundle-signing-time=true', ''],
    ...['[handlers]', 'bootloader-custom-backend=/usr/lib/trustmix/board/bootloader'],
    ...['post-install=/usr/lib/trustmix/board/boot-words', ''],
    ...slots,
  ].join('\n')
}

function compatible(board: BoardName): string {
  return `trustmix-${board}`
}
