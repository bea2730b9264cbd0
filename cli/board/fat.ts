import { execFile } from 'node:child_process'
import { ExitError } from '../../schemas/exit.ts'
import type { Partition } from './partitions.ts'

/** Files of a FAT partition, read and written by mtools without a mount. */
export interface Fat {
  names(): Promise<string[]>
  read(name: string): Promise<string>
  copyOut(name: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  put(from: string, name: string): Promise<void>
}

/** ExitErrors of what it does: 3 where mtools is not installed, 4 where it fails. */
export function fatOf(image: string, { start }: Pick<Partition, 'start'>): Fat {
  const at = ['-i', `${image}@@${start}`]
  return {
    names: async () =>
      (await mtools('mdir', ['-b', ...at, '::']))
        .split('\n')
        .map((name) => name.replace(/^::\//, ''))
        .filter((name) => name !== ''),
    read: (name) => mtools('mtype', [...at, `::${name}`]),
    copyOut: async (name, to) => void (await mtools('mcopy', ['-n', '-o', ...at, `::${name}`, to])),
    remove: async (name) => void (await mtools('mdel', [...at, `::${name}`])),
    put: async (from, name) => void (await mtools('mcopy', ['-o', ...at, from, `::${name}`])),
  }
}

function mtools(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C.UTF-8', MTOOLS_SKIP_CHECK: '1' }
    execFile(program, args, { env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (error.code === 'ENOENT')
        reject(new ExitError('unreachable', `${program} must be installed (Debian: mtools)`))
      else reject(new ExitError('damaged', `${program}: ${stderr.trim() || stdout.trim()}`))
    })
  })
}
