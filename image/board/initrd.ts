import { chmodSync, lutimesSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../tool.ts'
import { type Board, commonModules } from './boards.ts'
import { type BootParts, copyModules } from './finish-root.ts'

export interface InitrdOptions {
  readonly board: Board
  readonly parts: BootParts
  /** Of the repository. */
  readonly source: string
  readonly root: string
  /** An empty folder. */
  readonly work: string
  readonly epochS: number
}

/**
 * The first programs of a boot: a shell, the modules that a card and its file systems need, and the script that mounts them. udev
 * is not there; the card is found by what is on it. The same bytes for the same content.
 */
export async function buildInitrd({ board, parts, source, root, work, epochS }: InitrdOptions): Promise<Buffer> {
  const tree = join(work, 'initrd')
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'run', 'lower', 'rw', 'data', 'root', 'modules'])
    mkdirSync(join(tree, folder), { recursive: true })
  writeFileSync(join(tree, 'bin/busybox'), parts.busybox)
  chmodSync(join(tree, 'bin/busybox'), 0o755)
  symlinkSync('busybox', join(tree, 'bin/sh'))
  writeFileSync(join(tree, 'init'), readFileSync(join(source, 'image/files/board/init')))
  chmodSync(join(tree, 'init'), 0o755)
  const files = copyModules(root, tree, parts.kernelVersion, [...commonModules, ...board.modules])
  await runTool(
    'unxz',
    files.map((name) => join(tree, 'modules', name)),
    { from: 'xz-utils' },
  )
  writeFileSync(join(tree, 'modules/order'), files.map((name) => `${name.replace(/\.xz$/, '')}\n`).join(''))

  const names = readdirSync(tree, { recursive: true, encoding: 'utf8' }).sort()
  for (const name of [...names].reverse()) lutimesSync(join(tree, name), epochS, epochS)
  const list = join(work, 'initrd.list')
  writeFileSync(list, names.map((name) => `${name}\n`).join(''))
  const pack = 'cd "$0" && cpio --quiet --create --format=newc --reproducible --owner=0:0 <"$1" | zstd -q -19 >"$2"'
  const out = join(work, 'initrd.img')
  await runTool('sh', ['-c', pack, tree, list, out], { from: 'cpio' })
  return readFileSync(out)
}
