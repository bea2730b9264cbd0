import { createHash } from 'node:crypto'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { McapIndexedReader, McapStreamReader } from '@mcap/core'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { createRng } from '../device/core/rng.ts'
import { readLogFile } from '../device/recorder/log-reader.ts'
import { replayLog } from '../device/recorder/replay.ts'
import { calm } from './support/devices.ts'
import {
  chainStart,
  createRecording,
  drive,
  filesIn,
  type Message,
  messagesOf,
  turnUntil,
  withSmallDisk,
} from './support/recording.ts'
import type { Rig } from './support/rig.ts'

t.test('the log is MCAP: other readers find every message, its schema and right sums', async (t) => {
  const recording = createRecording(t.testdir())
  await drive(recording.rig, 1)
  const [path = ''] = await recording.end()
  const bytes = readFileSync(path)
  const reader = await McapIndexedReader.Initialize({
    readable: {
      size: async () => BigInt(bytes.length),
      read: async (offset, size) => bytes.subarray(Number(offset), Number(offset + size)),
    },
  })
  const messages = messagesOf(bytes)
  t.equal(reader.header.profile, 'trustmix-log/1')
  t.equal(reader.statistics?.messageCount, BigInt(messages.length))

  const stream = new McapStreamReader({ validateCrcs: true })
  stream.append(bytes)
  const ajv = new Ajv({ strict: false })
  const schemas = new Map<number, ReturnType<Ajv['compile']>>()
  const channels = new Map<number, { topic: string; schema: number }>()
  let previous = -1n
  let read = 0
  for (let record = stream.nextRecord(); record; record = stream.nextRecord()) {
    if (record.type === 'Schema') {
      if (record.encoding !== 'jsonschema') t.fail(record.encoding)
      schemas.set(record.id, ajv.compile(JSON.parse(Buffer.from(record.data).toString())))
    } else if (record.type === 'Channel') {
      if (record.messageEncoding !== 'json') t.fail(record.messageEncoding)
      channels.set(record.id, { topic: record.topic, schema: record.schemaId })
    } else if (record.type === 'Message') {
      const channel = channels.get(record.channelId)
      const json: unknown = JSON.parse(Buffer.from(record.data).toString())
      const validate = schemas.get(channel?.schema ?? -1)
      if (!validate?.(json)) t.fail(`${channel?.topic}: ${JSON.stringify(validate?.errors)}`)
      if (!(record.logTime >= previous)) t.fail('times go forward')
      previous = record.logTime
      read++
    }
  }
  t.ok(stream.done())
  t.equal(read, messages.length)

  let chain = chainStart(bytes, messages)
  for (const [i, { offset, length, json }] of messages.entries()) {
    const blank = Buffer.from(bytes.subarray(offset, offset + length)).fill('0', 41, 105)
    chain = createHash('sha256').update(chain).update(blank).digest()
    if (json.chain !== chain.toString('hex') || json.record !== i + 1) t.fail(`message ${i}: chain or number`)
  }
  const decision = messages.find(({ topic }) => topic === '/in/decide')?.json as { bits: string; observation: object }
  const numbers = new Float64Array(new Uint8Array(Buffer.from(decision.bits, 'base64')).buffer)
  const { position, speed, gap, leaderPosition, leaderSpeed, followerGap, followerPosition, followerSpeed } = {
    ...calm,
    ...decision.observation,
  }
  const readable = [position, speed, gap, leaderPosition, leaderSpeed, followerGap, followerPosition, followerSpeed]
  t.same([...numbers], readable, 'bits and readable copy say the same')
  t.equal(statSync(path).mode & 0o777, 0o600, 'nobody else reads it')
})

const rng = createRng(1, 'damage')

t.test('1,000 logs cut anywhere give every record that was whole', async (t) => {
  const { bytes, messages } = await shortLog(t)
  const wrong: string[] = []
  for (let i = 0; i < 1000; i++) {
    const length = rng.integer(bytes.length)
    const whole = messages.filter((message) => message.offset + message.length <= length)
    const { records, end, damage } = readLogFile(bytes.subarray(0, length))
    const right = end === 'cut' && damage === undefined && records.length === whole.length
    if (!right || records.at(-1)?.record !== whole.at(-1)?.json.record) wrong.push(`${length}: ${damage?.what}`)
  }
  t.same(wrong, [])
  const padded = Buffer.concat([bytes.subarray(0, messages[9]?.offset), Buffer.alloc(5000)])
  t.match(readLogFile(padded), { end: 'cut', damage: undefined, records: { length: 9 } }, 'zeros are a cut too')
})

t.test('1,000 flipped bits are found, each where it is', async (t) => {
  const { bytes, messages } = await shortLog(t)
  const [first] = messages as [Message]
  const last = messages.at(-1) as Message
  const behind = last.offset + last.length
  const wrong: string[] = []
  for (let i = 0; i < 1000; i++) {
    // Half of them in a log that was never ended, some of those in a torn record at its end.
    const length = i % 2 === 0 ? bytes.length : behind - rng.integer(200)
    const flipped = Buffer.from(bytes.subarray(0, length))
    const whole = messages.filter((message) => message.offset + message.length <= length)
    const end = i % 2 === 0 ? length : (whole.at(-1)?.offset ?? 0) + (whole.at(-1)?.length ?? 0)
    const at = rng.integer(end)
    const bit = rng.integer(8)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
    const { records, damage } = readLogFile(flipped)
    const hit = messages.findIndex((message) => at >= message.offset && at < message.offset + message.length)
    const named =
      hit >= 0
        ? damage?.offset === messages[hit]?.offset && damage?.record === messages[hit]?.json.record
        : at < first.offset
          ? damage?.record === 0 && damage.offset <= first.offset
          : damage !== undefined && damage.offset >= behind
    const before = hit >= 0 ? hit : at < first.offset ? 0 : messages.length
    if (!named || records.length !== before)
      wrong.push(`bit ${bit} of byte ${at} of ${length}, message ${hit}: ${JSON.stringify(damage)}, ${records.length}`)
  }
  t.same(wrong, [])
})

t.test('where nothing can be written the car drives on, and its status says so until it can', async (t) => {
  const directory = t.testdir({ logs: 'a file' })
  const logs = join(directory, 'logs')
  const { rig, log } = createRecording(logs)
  await drive(rig, 1)
  await turnUntil(rig, () => notesOf(rig).length > 0)
  t.match(notesOf(rig), [/^nothing is recorded: (ENOTDIR|EEXIST)/])
  t.match(rig.last('mix'), { step: 500 })
  rmSync(logs)
  await drive(rig, 2, 2)
  rig.clock.ms += 10_000
  await drive(rig, 2, 4)
  await turnUntil(rig, () => /^recording again, \d+ records are lost$/.test(notesOf(rig)[1] ?? ''))
  await log.close()
  const files = filesIn(logs)
  const result = await replayLog(files)
  t.match(result, { identical: true, lost: log.lost, policyHash: rig.devices.get('car01')?.policyHash })
  t.ok(log.lost > 100, `${log.lost} records are missing, and the log says so`)
})

t.test('a full disk loses records and nothing else', async (t) => {
  const directory = t.testdir({ disk: {} })
  const disk = join(directory, 'disk')
  await withSmallDisk(t, disk, 300_000, async () => {
    const { rig, log } = createRecording(disk)
    await drive(rig, 3)
    await turnUntil(rig, () => notesOf(rig).some((note) => note.includes('ENOSPC')))
    const before = rig.acts.length
    await drive(rig, 2, 4)
    t.equal(rig.acts.length - before, 2 * 15, 'it decides, learns and mixes on')
    await log.close()
    t.ok(log.lost > 0)
    const [first = ''] = filesIn(disk)
    t.match(await replayLog([first]), { identical: true, cut: 1 }, 'what came to the disk is whole')
  })
})

async function shortLog(t: Test): Promise<{ bytes: Buffer; messages: Message[] }> {
  const { rig, end } = createRecording(t.testdir())
  await drive(rig, 1)
  const [path = ''] = await end()
  const bytes = readFileSync(path)
  return { bytes, messages: messagesOf(bytes) }
}

function notesOf(rig: Rig): readonly string[] {
  return rig.statuses.at(-1)?.notes ?? []
}
