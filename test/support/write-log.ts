import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs'

/** One entry of a log of writes. */
export interface LoggedWrite {
  /** In the log, bytes; where the data begin. */
  readonly at: number
  /** On the disk, bytes. */
  readonly offset: number
  readonly size: number
  /** Everything before is on the disk when this entry is. */
  readonly flush: boolean
  readonly discard: boolean
}

const magic = 0x6a736677736872n
const [flushFlag, fuaFlag, discardFlag] = [1n, 2n, 4n]

/**
 * Entries of a log that QEMU's blklogwrites wrote (format: dm-log-writes, Documentation/admin-guide/device-mapper/log-writes.rst),
 * as far as its head counts them: behind that a killed machine leaves entries unfinished.
 */
export function readWriteLog(path: string): LoggedWrite[] {
  const file = openSync(path, 'r')
  try {
    const total = statSync(path).size
    const head = read(file, 0, 28)
    if (head.readBigUInt64LE(0) !== magic || head.readBigUInt64LE(8) !== 1n)
      throw new Error(`${path} must be a log of writes, got magic ${head.readBigUInt64LE(0).toString(16)}`)
    const [count, sectorSize] = [Number(head.readBigUInt64LE(16)), head.readUInt32LE(24)]
    const entries: LoggedWrite[] = []
    for (let at = sectorSize; at + sectorSize <= total && entries.length < count; ) {
      const entry = read(file, at, 32)
      const [sector, sectors, flags] = [0, 8, 16].map((offset) => entry.readBigUInt64LE(offset)) as [
        bigint,
        bigint,
        bigint,
      ]
      const discard = (flags & discardFlag) !== 0n
      const size = Number(sectors) * sectorSize
      const data = discard ? 0 : size
      if (at + sectorSize + data > total) break
      const flush = (flags & (flushFlag | fuaFlag)) !== 0n
      entries.push({ at: at + sectorSize, offset: Number(sector) * sectorSize, size, flush, discard })
      at += sectorSize + data
    }
    return entries
  } finally {
    closeSync(file)
  }
}

/** How many entries a log of this many bytes holds. */
export function entriesWithin(entries: readonly LoggedWrite[], bytes: number): number {
  const first = entries.findIndex(({ at, size, discard }) => at + (discard ? 0 : size) > bytes)
  return first < 0 ? entries.length : first
}

/** Writes what an entry wrote into an image of a part of the disk that begins at `start`, as far as it lies in it. */
export function replayWrite(log: number, image: number, entry: LoggedWrite, start: number, size: number): void {
  const from = Math.max(entry.offset, start)
  const until = Math.min(entry.offset + entry.size, start + size)
  // What a discard leaves is not said; here it stays.
  if (until <= from || entry.discard) return
  const bytes = read(log, entry.at + from - entry.offset, until - from)
  writeSync(image, bytes, 0, bytes.length, from - start)
}

function read(file: number, at: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  readSync(file, bytes, 0, size, at)
  return bytes
}
