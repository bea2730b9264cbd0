import { type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory } from '../directory.ts'

export interface LogFilesOptions {
  readonly directory: string
  /** First part of the names; only files of exactly this vehicle are ever removed. */
  readonly vehicle: string
  readonly boot: number
  /** Files kept, the one in the making included. */
  readonly files: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Told of an error of the disk: so many queued records are lost, and nothing is written until the next `open`. */
  readonly onError: (error: Error, lostRecords: number) => void
}

/** The files of one start of a device, written in the background in the order of the calls. */
export interface LogFiles {
  /** Begins the next file and removes the oldest ones. */
  open(): void
  /** Appends bytes that hold so many records. */
  write(bytes: Buffer, records: number): void
  /** Bytes that wait for the disk. */
  readonly waiting: number
  /** Resolves when all that was queued is written, or lost, and the file is closed. */
  close(): Promise<void>
}

/** A file is brought to the disk at most this often, so that a power cut costs little more than this. */
const syncEveryMs = 1_000
const sliceBytes = 262_144

interface Piece {
  readonly bytes: Buffer
  readonly records: number
}

export function createLogFiles(options: LogFilesOptions): LogFiles {
  const { directory, vehicle, boot, now } = options
  let queue: (Piece | 'open' | 'close')[] = []
  let waiting = 0
  let index = 0
  let handle: FileHandle | undefined
  let syncedAt = Number.NEGATIVE_INFINITY
  let working: Promise<void> | undefined

  const work = async (): Promise<void> => {
    try {
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        if (typeof next !== 'string') await write(slice())
        else {
          queue.shift()
          await shut()
          if (next === 'open') handle = await openNext()
        }
      }
    } catch (error) {
      const lost = queue.reduce((sum, one) => sum + (typeof one === 'string' ? 0 : one.records), 0)
      queue = []
      waiting = 0
      await shut().catch(() => {})
      options.onError(error as Error, lost)
    }
    working = undefined
    if (queue.length > 0) start()
  }

  const start = (): void => {
    working ??= work()
  }

  /** What can be written at once; it leaves the queue when it is written. */
  const slice = (): Buffer[] => {
    const taken: Buffer[] = []
    let bytes = 0
    for (const one of queue) {
      if (typeof one === 'string' || (bytes > 0 && bytes + one.bytes.length > sliceBytes)) break
      taken.push(one.bytes)
      bytes += one.bytes.length
    }
    return taken
  }

  const write = async (taken: Buffer[]): Promise<void> => {
    const bytes = taken.length === 1 ? (taken[0] as Buffer) : Buffer.concat(taken)
    await handle?.appendFile(bytes)
    queue.splice(0, taken.length)
    waiting -= bytes.length
    if (now() - syncedAt < syncEveryMs) return
    syncedAt = now()
    await handle?.datasync()
  }

  const shut = async (): Promise<void> => {
    const closing = handle
    handle = undefined
    try {
      await closing?.datasync()
    } finally {
      await closing?.close()
    }
  }

  const openNext = async (): Promise<FileHandle> => {
    makeDirectory(directory, 0o700)
    const kept = await logsOf(directory, vehicle)
    for (const name of kept.slice(0, Math.max(0, kept.length - options.files + 1))) await rm(join(directory, name))
    for (;;) {
      const path = join(directory, `${vehicle}-${padded(boot)}-${padded(index++)}.mcap`)
      try {
        return await open(path, 'wx', 0o600)
      } catch (error) {
        // Of an earlier life, before the counter of starts was lost: it is kept.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  return {
    open() {
      queue.push('open')
      start()
    },
    write(bytes, records) {
      queue.push({ bytes, records })
      waiting += bytes.length
      start()
    },
    get waiting() {
      return waiting
    },
    async close() {
      queue.push('close')
      start()
      while (working) await working
    },
  }
}

/** Names of a vehicle's logs, oldest first. */
export async function logsOf(directory: string, vehicle: string): Promise<string[]> {
  const names = await readdir(directory)
  return names.filter((name) => logName.exec(name)?.[1] === vehicle).sort()
}

/** Vehicle, number of its start, number of the file. */
export const logName = /^([A-Za-z0-9_-]{1,23})-(\d{6,})-(\d{6,})\.mcap$/

function padded(number: number): string {
  return String(number).padStart(6, '0')
}
