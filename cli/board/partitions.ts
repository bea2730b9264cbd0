import { closeSync, openSync, readSync } from 'node:fs'
import { ExitError } from '../../schemas/exit.ts'

/** A partition of a card or its image, bytes. */
export interface Partition {
  /** Of the partition table: 12 is a FAT, 131 is Linux, 5 holds others. */
  readonly type: number
  readonly start: number
  readonly size: number
}

const sector = 512
const extended: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85])
/** More than any card of ours has, so that a chain that bites its tail ends. */
const mostLogical = 60

/** The partitions by their numbers, as the master boot record and its chain tell; ExitError 4 where there is no such record. */
export function partitionsOf(path: string): Map<number, Partition> {
  const file = openSync(path, 'r')
  try {
    const found = new Map<number, Partition>()
    for (const [index, entry] of entriesAt(file, 0, path).entries()) if (entry.size > 0) found.set(index + 1, entry)
    const outer = [...found.values()].find(({ type }) => extended.has(type))
    let at = outer?.start
    for (let number = 5; outer && at !== undefined && number < mostLogical; number++) {
      const [own, next] = entriesAt(file, at, path)
      if (own && own.size > 0) found.set(number, { ...own, start: at + own.start })
      at = next && next.size > 0 ? outer.start + next.start : undefined
    }
    return found
  } finally {
    closeSync(file)
  }
}

/** The first entry of the master boot record alone; the rest of the card need not be there. */
export function firstPartition(path: string): Partition {
  const file = openSync(path, 'r')
  try {
    return entriesAt(file, 0, path)[0] as Partition
  } finally {
    closeSync(file)
  }
}

function entriesAt(file: number, at: number, path: string): Partition[] {
  const record = Buffer.alloc(sector)
  readSync(file, record, 0, sector, at)
  if (record.readUInt16LE(510) !== 0xaa55)
    throw new ExitError('damaged', `${path} must have a partition table at byte ${at}, got none`)
  return [446, 462, 478, 494].map((from) => ({
    type: record.readUInt8(from + 4),
    start: sector * record.readUInt32LE(from + 8),
    size: sector * record.readUInt32LE(from + 12),
  }))
}
