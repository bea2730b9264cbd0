import type { RecordTopic } from '../../schemas/record.ts'
import { createLogEncoding, type LogEncoding, type Mcap } from './log-encoding.ts'
import { createLogFiles, type LogFilesOptions } from './log-files.ts'

export interface RecordLogOptions extends Omit<LogFilesOptions, 'onError'> {
  readonly mcap: Mcap
  /** Largest file, bytes. */
  readonly fileBytes: number
  readonly software: string
  /** Time of day at the start, ms since 1970; records go on from there by the monotonic clock. */
  readonly startedAt: number
}

/** Where records go. Never throws and never waits: what the disk does not take in time is lost and counted. */
export interface RecordLog {
  /** A new file should begin: there is none, or it is nearly full. */
  readonly wantsSnapshot: boolean
  /** Ends the file, if there is one, and begins another with a snapshot. */
  begin(snapshot: object): void
  append(topic: RecordTopic, body: object): void
  /** One sentence where recording began to fail or works again since the last call. */
  news(): string | undefined
  /** Records lost so far. */
  readonly lost: number
  close(): Promise<void>
}

/** Bytes that may wait for a slow disk beside a snapshot. */
const maxWaiting = 1_048_576
/** A file that is full to this share is ended at the next occasion, so that there is room until it comes. */
const fullShare = 0.75
/** After an error of the disk a new file is tried this much later. */
const retryAfterMs = 10_000
/** For the statistics at the end of a file, beside its schemas and channels. */
const statisticsRoom = 2_048

export function createRecordLog(options: RecordLogOptions): RecordLog {
  const { now, mcap, fileBytes } = options
  const began = now()
  let encoding: LogEncoding | undefined
  let size = 0
  let snapshotSize = 0
  let record = 0
  let lost = 0
  /** Lost since the last file, and why. */
  let gap: { lost: number; reason: string } | undefined
  let follows: string | null = null
  let started = false
  let retryAt = Number.NEGATIVE_INFINITY
  let told: 'well' | 'failing' = 'well'

  const lose = (reason: string, records: number): void => {
    lost += records
    gap = { lost: (gap?.lost ?? 0) + records, reason: gap?.reason ?? reason }
  }

  const files = createLogFiles({
    ...options,
    onError(error, lostRecords) {
      lose(error.message, lostRecords)
      encoding = undefined
      follows = null
      retryAt = now() + retryAfterMs
    },
  })

  const put = (bytes: Buffer, records: number): void => {
    encoding?.passed(bytes)
    size += bytes.length
    files.write(bytes, records)
  }

  const endFile = (): void => {
    if (!encoding) return
    follows = encoding.chain
    files.write(encoding.ending(), 0)
    encoding = undefined
  }

  const encode = (topic: RecordTopic, body: object): Buffer | undefined => {
    if (!encoding) return undefined
    const logTime = BigInt(options.startedAt) * 1_000_000n + BigInt(Math.round((now() - began) * 1e6))
    const room = fileBytes - size - encoding.preamble.length - statisticsRoom
    return encoding.message(topic, record, logTime, body, room)
  }

  const append = (topic: RecordTopic, body: object): void => {
    record++
    const tooSlow = files.waiting > maxWaiting + snapshotSize
    const bytes = tooSlow ? undefined : encode(topic, body)
    if (bytes) {
      put(bytes, 1)
      return
    }
    endFile()
    lose(tooSlow ? 'the disk is too slow' : `files of ${fileBytes} bytes are too small for a round`, 1)
  }

  return {
    get wantsSnapshot() {
      if (encoding) return size >= fullShare * fileBytes && files.waiting <= maxWaiting
      return files.waiting === 0 && now() >= retryAt
    },
    begin(snapshot) {
      endFile()
      started = true
      record++
      encoding = createLogEncoding(mcap, options.software)
      const { preamble, preambleHash } = encoding
      size = preamble.length
      const bytes = encode('/snapshot', { ...snapshot, preamble: preambleHash, follows })
      if (!bytes) {
        encoding = undefined
        follows = null
        retryAt = Number.POSITIVE_INFINITY
        lose(`files of ${fileBytes} bytes are too small for a snapshot`, 1)
        return
      }
      files.open()
      size = 0
      snapshotSize = bytes.length
      put(preamble, 0)
      put(bytes, 1)
      if (gap) append('/gap', gap)
      gap = undefined
    },
    append(topic, body) {
      if (started) append(topic, body)
    },
    news() {
      const state = gap ? 'failing' : encoding && files.waiting === 0 ? 'well' : told
      if (state === told) return undefined
      told = state
      return state === 'well'
        ? `recording again, ${lost} records are lost`
        : `nothing is recorded: ${gap?.reason}`.slice(0, 200)
    },
    get lost() {
      return lost
    },
    async close() {
      endFile()
      started = false
      await files.close()
    },
  }
}
