import { execFile } from 'node:child_process'
import { ExitError } from '../../schemas/exit.ts'

/** A disk that an image could be written to, as lsblk(8) sees it. */
export interface Disk {
  readonly path: string
  /** bytes */
  readonly size: number
  readonly model: string
  /** Can be taken out: a card in a reader, a stick. */
  readonly removable: boolean
  readonly readOnly: boolean
  /** Where it, or a part of it, is in use: mount points and swap. */
  readonly mounted: readonly string[]
}

/** All disks of this machine; ExitError 3 where lsblk is not installed. */
export async function listDisks(): Promise<Disk[]> {
  const columns = 'PATH,SIZE,RM,HOTPLUG,RO,TYPE,MOUNTPOINTS,MODEL,TRAN'
  return disksOf(await run('lsblk', ['--json', '--bytes', '--output', columns]))
}

/** Reads what `lsblk --json` printed. */
export function disksOf(json: string): Disk[] {
  const { blockdevices } = JSON.parse(json) as { blockdevices: Entry[] }
  return blockdevices
    .filter(({ type, size }) => type === 'disk' && size > 0)
    .map((entry) => ({
      path: entry.path,
      size: entry.size,
      model: (entry.model ?? '').trim(),
      // A reader inside a laptop says neither; its cards are mmcblk.
      removable: entry.rm || entry.hotplug || entry.tran === 'usb' || /^\/dev\/mmcblk\d+$/.test(entry.path),
      readOnly: entry.ro,
      mounted: mountsOf(entry),
    }))
}

/** Why an image must not go to a disk; `force` lets through what is only unlikely, never what is mounted or too small. */
export function refusalOf(disk: Disk, imageBytes: number, force: boolean): string | undefined {
  if (disk.mounted.length > 0) return `${disk.path} must not be mounted, got ${disk.mounted.join(', ')}`
  if (disk.readOnly) return `${disk.path} must be writable, got a read-only disk`
  if (disk.size < imageBytes) return `${disk.path} must have at least ${imageBytes} bytes, got ${disk.size}`
  if (!disk.removable && !force) return `${disk.path} must be removable unless --force is given, got a fixed disk`
  return undefined
}

/** Has the kernel write what it still holds for a disk and forget what it has read from it. */
export async function flushDisk(path: string): Promise<void> {
  await run('blockdev', ['--flushbufs', path])
}

interface Entry {
  readonly path: string
  readonly size: number
  readonly rm: boolean
  readonly hotplug: boolean
  readonly ro: boolean
  readonly type: string
  readonly model: string | null
  readonly tran: string | null
  readonly mountpoints?: readonly (string | null)[]
  readonly children?: readonly Entry[]
}

function mountsOf({ mountpoints = [], children = [] }: Entry): string[] {
  return [...mountpoints.filter((point) => point !== null), ...children.flatMap(mountsOf)]
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: { ...process.env, LC_ALL: 'C.UTF-8' } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (error.code === 'ENOENT')
        reject(new ExitError('unreachable', `${program} must be installed (Debian: util-linux)`))
      else reject(new ExitError('internal', `${program}: ${stderr.trim()}`))
    })
  })
}
