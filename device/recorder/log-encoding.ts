import { crc32 } from 'node:zlib'
import { type RecordTopic, recordSchemas, recordTopics } from '../../schemas/record.ts'
import { sha256 } from '../identity.ts'
import { messageHead, seal, unchained } from './chain.ts'

/** What is used of `@mcap/core`, which is loaded where something is recorded. */
export type Mcap = Pick<typeof import('@mcap/core'), 'McapRecordBuilder'>

/** One MCAP file in the making: unchunked, so that what is written before a power cut is all there. */
export interface LogEncoding {
  /** Magic, header, schemas and channels. */
  readonly preamble: Buffer
  /** SHA-256 of the preamble, from which the chain starts. */
  readonly preambleHash: string
  /** Encodes a message and goes on with the chain; undefined, and nothing has changed, where it is larger than `maxBytes`. */
  message(topic: RecordTopic, record: number, logTime: bigint, body: object, maxBytes: number): Buffer | undefined
  /** The chain so far, hexadecimal. */
  readonly chain: string
  /** Takes note of bytes on their way to the file, in order. */
  passed(bytes: Buffer): void
  /** Data end, summary and footer. */
  ending(): Buffer
}

type Builder = InstanceType<Mcap['McapRecordBuilder']>

export const logProfile = 'trustmix-log/1'

/** Throws nothing; `library` names the writer. */
export function createLogEncoding({ McapRecordBuilder }: Mcap, library: string): LogEncoding {
  const ids = new Map(recordTopics.map((topic, i) => [topic, i + 1]))
  const channelsAndSchemas = (): { readonly schemas: Buffer; readonly channels: Buffer } => {
    const [schemas, channels] = [new McapRecordBuilder(), new McapRecordBuilder()]
    for (const [topic, id] of ids) {
      const data = Buffer.from(JSON.stringify(recordSchemas[topic]))
      schemas.writeSchema({ id, name: `trustmix${topic.replaceAll('/', '.')}`, encoding: 'jsonschema', data })
      channels.writeChannel({ id, schemaId: id, topic, messageEncoding: 'json', metadata: new Map() })
    }
    return { schemas: copied(schemas), channels: copied(channels) }
  }
  const head = new McapRecordBuilder()
  head.writeMagic()
  head.writeHeader({ profile: logProfile, library })
  const { schemas, channels } = channelsAndSchemas()
  const preamble = Buffer.concat([copied(head), schemas, channels])
  const preambleHash = sha256(preamble)

  const builder = new McapRecordBuilder()
  const counts = new Map<number, bigint>()
  let chain: Uint8Array = Buffer.from(preambleHash, 'hex')
  let [messageStartTime, messageEndTime, messageCount] = [0n, 0n, 0n]
  let [size, crc] = [0, 0]

  return {
    preamble,
    preambleHash,
    get chain() {
      return Buffer.from(chain).toString('hex')
    },
    message(topic, record, logTime, body, maxBytes) {
      const channelId = ids.get(topic) ?? 0
      const data = Buffer.from(unchained(record, body))
      if (messageHead + data.length > maxBytes) return undefined
      // A snapshot is a thousand times as large as what follows: its buffer is not kept.
      const at = topic === '/snapshot' ? new McapRecordBuilder() : builder
      at.reset()
      at.writeMessage({ channelId, sequence: record >>> 0, logTime, publishTime: logTime, data })
      const bytes = copied(at)
      chain = seal(bytes, chain)
      counts.set(channelId, (counts.get(channelId) ?? 0n) + 1n)
      if (messageCount++ === 0n) messageStartTime = logTime
      messageEndTime = logTime
      return bytes
    },
    passed(bytes) {
      crc = crc32(bytes, crc)
      size += bytes.length
    },
    ending() {
      builder.reset()
      builder.writeDataEnd({ dataSectionCrc: crc })
      const dataEnd = copied(builder)
      builder.reset()
      const start = BigInt(size + dataEnd.length)
      builder.writeStatistics({
        ...{ messageCount, messageStartTime, messageEndTime, channelMessageCounts: counts },
        ...{ schemaCount: ids.size, channelCount: ids.size, attachmentCount: 0, metadataCount: 0, chunkCount: 0 },
      })
      const summary = Buffer.concat([schemas, channels, copied(builder)])
      builder.reset()
      builder.writeFooter({ summaryStart: start, summaryOffsetStart: 0n, summaryCrc: 0 })
      const footer = copied(builder)
      // The check covers the summary and the footer up to the check itself.
      footer.writeUInt32LE(crc32(footer.subarray(0, -4), crc32(summary)), footer.length - 4)
      builder.reset()
      builder.writeMagic()
      return Buffer.concat([dataEnd, summary, footer, copied(builder)])
    },
  }
}

/** What a builder holds; it hands out a copy. */
function copied(builder: Builder): Buffer {
  const { buffer } = builder
  return Buffer.from(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength)
}
