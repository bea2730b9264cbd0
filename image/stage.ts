import { createHash } from 'node:crypto'
import { chmodSync, lutimesSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A tree of files with fixed modes and times, on its way into a package. */
export interface Stage {
  /** Writes a file at a path below the root. */
  put(path: string, content: string | Uint8Array, mode?: number): void
  /** All files by path, sorted. */
  files(): string[]
  /** Gives every file and folder the same time, s since 1970; nothing is put afterwards. */
  settle(epochS: number): void
  /** As md5sums(5) has it, for `dpkg --verify`. */
  md5sums(): string
  /** Sum of the files' sizes, KiB. */
  sizeKiB(): number
}

/** Stages below `root`, an empty folder. */
export function createStage(root: string): Stage {
  const walk = (below: string): string[] =>
    readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      return entry.isDirectory() ? walk(path) : [path]
    })
  const folders = (below: string): string[] => [
    below,
    ...readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? folders(join(below, entry.name)) : [],
    ),
  ]
  const files = (): string[] => walk('').sort()
  return {
    put(path, content, mode = 0o644) {
      const file = join(root, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
      chmodSync(file, mode)
    },
    files,
    settle(epochS) {
      for (const path of files()) lutimesSync(join(root, path), epochS, epochS)
      for (const path of folders('').reverse()) {
        chmodSync(join(root, path), 0o755)
        lutimesSync(join(root, path), epochS, epochS)
      }
    },
    md5sums: () =>
      files()
        .map(
          (path) =>
            `${createHash('md5')
              .update(readFileSync(join(root, path)))
              .digest('hex')}  ${path}\n`,
        )
        .join(''),
    sizeKiB: () => Math.ceil(files().reduce((sum, path) => sum + statSync(join(root, path)).size, 0) / 1_024),
  }
}
