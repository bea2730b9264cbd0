import { crc32 } from 'node:zlib'
import { sha256 } from '../identity.ts'
import { chainMark, follow, membersOf, messageHead } from './chain.ts'

/** One message of a log file whose place in the chain is right. */
export interface LoggedRecord {
  readonly topic: string
  readonly record: number
  /** ns since 1970. */
  readonly logTime: bigint
  /** Its members beside chain and number, as JSON text exactly as it was written. */
  readonly members: string
}

export interface LogFile {
  /** Every complete record, up to the first damage. */
  readonly records: readonly LoggedRecord[]
  /** Whether the file was ended, or is cut: by a power cut, or because it is still written to. */
  readonly end: 'whole' | 'cut'
  readonly damage: Damage | undefined
  /** Of the last record. */
  readonly chain: string
}

/** `record` is the damaged one; what is before the first record and behind the last counts as its neighbour. */
export interface Damage {
  readonly record: number
  readonly offset: number
  readonly what: string
}

const magic = Buffer.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a])
const opcode = { header: 1, footer: 2, schema: 3, channel: 4, message: 5, dataEnd: 15 } as const
const frame = 9

/** Reads one file and checks framing, chain and sums; never throws, whatever the bytes are. */
export function readLogFile(bytes: Buffer): LogFile {
  const records: LoggedRecord[] = []
  let chain: Buffer = Buffer.alloc(0)
  const ended = bytes.length >= 2 * magic.length && bytes.subarray(-magic.length).equals(magic)
  const result = (end: LogFile['end'], damage?: Damage): LogFile => ({
    ...{ records, end, damage, chain: chain.toString('hex') },
  })
  const record = (): number => (records.at(-1)?.record ?? -1) + 1
  const damaged = (offset: number, what: string): LogFile => result('cut', { record: record(), offset, what })

  if (!bytes.subarray(0, magic.length).equals(magic.subarray(0, bytes.length)))
    return damaged(0, 'the file does not begin as an MCAP file')
  const topics = new Map<number, string>()
  let inData = false
  let at = magic.length
  for (;;) {
    const length = lengthAt(bytes, at)
    const next = at + frame + length
    if (!(next <= bytes.length)) {
      if (!ended && isCut(bytes, at)) return result('cut')
      return damaged(at, `a record of ${length} bytes does not fit`)
    }
    const kind = bytes[at]
    if (kind === 0 && !ended && isCut(bytes, at)) return result('cut')
    if (kind === opcode.message) {
      if (!inData) {
        chain = Buffer.from(sha256(bytes.subarray(0, at)), 'hex')
        inData = true
      }
      const whole = bytes.subarray(at, next)
      const read = whole.length > messageHead ? membersOf(whole.subarray(messageHead)) : undefined
      const after = read && follow(whole, chain)
      if (!read || !after) return records.length === 0 ? result('cut', inFirst(at, whole, read)) : damaged(at, badChain)
      if (records.length > 0 && read.record !== record())
        return damaged(at, `its number must be ${record()}, got ${read.record}`)
      chain = after
      const topic = topics.get(whole.readUInt16LE(frame)) ?? ''
      records.push({ topic, record: read.record, logTime: whole.readBigUInt64LE(frame + 6), members: read.members })
    } else if (kind === opcode.dataEnd && inData) {
      const wrong = checkEnd(bytes, at, next)
      if (wrong === 'cut' && !ended) return result('cut')
      return wrong === undefined ? result('whole') : damaged(at, wrong === 'cut' ? 'its end is not right' : wrong)
    } else if (!inData && (kind === opcode.header || kind === opcode.schema || kind === opcode.channel)) {
      if (kind === opcode.channel) noteChannel(bytes.subarray(at + frame, next), topics)
    } else return damaged(at, `a record of kind ${kind} is unexpected here`)
    at = next
  }
}

/** NaN where the length itself is cut, Infinity where nothing could be so long. */
function lengthAt(bytes: Buffer, at: number): number {
  if (at + frame > bytes.length) return Number.NaN
  const length = bytes.readBigUInt64LE(at + 1)
  return length > BigInt(bytes.length) ? Number.POSITIVE_INFINITY : Number(length)
}

/**
 * Whether what begins at `at` and does not fit is one record that was cut off. A whole message in it, or the beginning of
 * another one, shows that its length is wrong instead. Zeros are what a file system leaves of bytes that never came.
 */
function isCut(bytes: Buffer, at: number): boolean {
  const rest = bytes.subarray(at)
  if (rest.every((byte) => byte === 0)) return true
  if (rest[0] === 0) return false
  const first = rest.indexOf(chainMark)
  if (first >= 0 && rest.indexOf(chainMark, first + 1) >= 0) return false
  const kind = rest[0]
  if (kind !== opcode.message) return kind === undefined || isOther(kind)
  // What is left of a next record is shorter than its mark, or it would have been found.
  const room = rest.length - messageHead - chainMark.length
  for (let to = rest.lastIndexOf('}'); to > messageHead && to >= room; to = rest.lastIndexOf('}', to - 1))
    if (isJson(rest.toString('utf8', messageHead, to + 1))) return false
  return true
}

function isOther(kind: number): boolean {
  return kind === opcode.header || kind === opcode.schema || kind === opcode.channel || kind === opcode.dataEnd
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const badChain = 'its chain is not right'

/** A snapshot states the hash of what is before it, so that damage there is told from damage in the snapshot. */
function inFirst(offset: number, whole: Buffer, read: ReturnType<typeof membersOf>): Damage {
  const stated = /"preamble":"([0-9a-f]{64})"/.exec(read?.members ?? '')?.[1]
  const preamble = stated !== undefined && follow(whole, Buffer.from(stated, 'hex')) !== undefined
  if (preamble) return { record: 0, offset, what: 'header, schemas or channels before the first record are not right' }
  return { record: read?.record ?? 1, offset, what: badChain }
}

function noteChannel(body: Buffer, topics: Map<number, string>): void {
  if (body.length < 8) return
  const length = body.readUInt32LE(4)
  topics.set(body.readUInt16LE(0), body.toString('utf8', 8, 8 + length))
}

/** Checks data end, summary and footer; undefined where all is right, `cut` where the file ends before. */
function checkEnd(bytes: Buffer, at: number, next: number): string | undefined {
  if (next - at !== frame + 4) return 'the data end must hold 4 bytes'
  if (bytes.readUInt32LE(at + frame) !== crc32(bytes.subarray(0, at))) return 'the sum of the data is not right'
  let to = next
  while (bytes[to] !== opcode.footer) {
    const length = lengthAt(bytes, to)
    if (!(to + frame + length <= bytes.length)) return 'cut'
    to += frame + length
  }
  const end = to + frame + 20
  if (end + magic.length > bytes.length) return 'cut'
  const rightLength = bytes.readBigUInt64LE(to + 1) === 20n && bytes.readBigUInt64LE(to + frame) === BigInt(next)
  if (!rightLength) return 'the footer is not right'
  if (bytes.readUInt32LE(end - 4) !== crc32(bytes.subarray(next, end - 4))) return 'the sum of the summary is not right'
  const rest = bytes.subarray(end)
  return rest.equals(magic) ? undefined : 'the file does not end as an MCAP file'
}
