import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type Connection, MessageFrames, openConnection } from '../sim-bridge/sumo/connection.ts'
import * as domains from '../sim-bridge/sumo/domains.ts'
import { SumoError, SumoLostError } from '../sim-bridge/sumo/errors.ts'
import { findFreePort } from '../sim-bridge/sumo/process.ts'
import { StorageReader, StorageWriter } from '../sim-bridge/sumo/storage.ts'
import { createSumoSimulator } from '../sim-bridge/sumo/sumo-simulator.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

t.test('a message is big-endian, starts with its own length and holds several commands', async (t) => {
  const writer = new StorageWriter()
  domains.writeSpeedMode(writer, 'a', 1)
  domains.writeSimulationStep(writer)
  t.same(
    writer.message(),
    hex('0000001b 0d c4 b3 00000001 61 09 00000001 0a 02 0000000000000000'),
    'set command of 13 bytes, step of 10 bytes',
  )
  writer.clear()
  domains.writeSlowDown(writer, 'a', 1, 0)
  t.same(
    writer.message(),
    hex('00000023 1f c4 14 00000001 61 0f 00000002 0b 3ff0000000000000 0b 0000000000000000'),
    'the writer starts again',
  )
})

t.test('a command of more than 255 bytes has a long length, and the buffer grows', async (t) => {
  const writer = new StorageWriter()
  domains.writeLoad(writer, ['x'.repeat(5000)])
  const message = writer.message()
  t.equal(message.length, 4 + 1 + 4 + 1 + 1 + 4 + 4 + 5000)
  t.equal(message.readInt32BE(0), message.length)
  t.equal(message[4], 0)
  t.equal(message.readInt32BE(5), message.length - 4)
  t.equal(message[9], 1)
})

t.test('reading past the end or another type is an error that says so', async (t) => {
  t.throws(() => new StorageReader(hex('0000')).readInteger(), new SumoError(past(4, 0, 2)))
  t.throws(() => new StorageReader(hex('00000005 6162')).readString(), new SumoError(past(5, 4, 2)))
  t.throws(() => new StorageReader(hex('ffffffff 6162')).readString(), new SumoError(past(-1, 4, 2)))
  t.throws(() => new StorageReader(hex('0c 00000000')).readTypedDouble(), /must be of type 11, got 12 at byte 0/)
})

function past(bytes: number, at: number, left: number): string {
  return `a TraCI message must hold what it announces: ${bytes} bytes at ${at}, got ${left}`
}

t.test('the byte stream is cut into messages wherever TCP cuts it', async (t) => {
  const stream = hex('00000006 aabb 00000004 00000005 cc')
  for (let size = 1; size <= stream.length; size++) {
    const frames = new MessageFrames()
    const bodies: string[] = []
    for (let at = 0; at < stream.length; at += size) {
      bodies.push(...frames.push(stream.subarray(at, at + size)).map((body) => body.toString('hex')))
    }
    t.same(bodies, ['aabb', '', 'cc'], `chunks of ${size}`)
  }
  for (const length of ['00000003', 'ffffffff', '01000001']) {
    t.throws(() => new MessageFrames().push(hex(length)), /must have 4 to 16777216 bytes/)
  }
})

t.test('the values of a step are handed to the sink, and refusals are SUMO’s words', async (t) => {
  const status = '07 02 00 00000000'
  const speed = '40 00 0b 4000000000000000'
  const road = '50 00 0c 00000001 72'
  const place = '56 00 0b 3ff0000000000000'
  const vehicle = `26 e4 00000001 61 03 ${speed} ${road} ${place}`
  const collision = '0c 00000001 61 0c 00000001 62 0c 00000000 0c 00000000 0b 0000000000000000 0b 0000000000000000'
  const collisions = `23 00 0f 0000000a 09 00000001 ${collision} 0c 00000000 0c 00000000 0b 0000000000000000`
  const simulation = `00 00000052 eb 00000000 01 ${collisions}`
  const seen: unknown[] = []
  const sink: domains.StateSink = {
    onVehicle: (...values) => seen.push(values),
    onCollision: (...values) => seen.push(values),
  }
  domains.readSimulationStep(new StorageReader(hex(`${status} 00000002 ${vehicle} ${simulation}`)), sink)
  t.same(seen, [
    ['a', 'r', 1, 2],
    ['a', 'b', 0],
  ])
  const refused = new StorageReader(hex('09 c4 ff 00000002 6e6f'))
  t.throws(() => domains.readVehicleCommand(refused, 'slowDown of a'), /refused the command "slowDown of a": no/)
  const wrong = new StorageReader(hex('07 02 00 00000000'))
  t.throws(() => domains.readVehicleCommand(wrong, 'slowDown of a'), /in the order of the commands: 196 .*, got 2/)
  const unknown = new StorageReader(hex('07 c4 01 00000000'))
  t.throws(() => domains.readVehicleCommand(unknown, 'slowDown of a'), /does not know the command "slowDown of a"/)
  const failed = new StorageReader(hex('0b 02 ff 00000004 6f6f7073'))
  t.throws(() => domains.readSimulationStep(failed, sink), /refused the command "simulationStep": oops/)
  const stepOf = (block: string) => () =>
    domains.readSimulationStep(new StorageReader(hex(`${status} 00000001 ${block}`)), sink)
  t.throws(stepOf('14 e4 00000001 61 01 40 ff 0c 00000004 676f6e65'), /refused variable 64 of "a": gone/)
  t.throws(stepOf('11 e4 00000001 61 01 99 00 0b 4000000000000000'), /subscribed variables only, got 153 of "a"/)
  t.throws(stepOf('12 e4 00000001 61 01 40 00 0b 4000000000000000'), /block must end at byte 29, got 30/)
  t.throws(stepOf('11 aa 00000001 61 01 40 00 0b 4000000000000000'), /values subscribed to, got an answer of kind 170/)
  t.throws(stepOf('11 e4 00000001 61 01 40 00 09 4000000000000000'), /must be of type 11, got 9/)
  t.throws(stepOf('11 e4 00000001 61'), /must hold what it announces/, 'and ends too early')
  t.throws(
    stepOf('11 e4 00000001 61 7f 40 00 0b 4000000000000000'),
    /must hold what it announces/,
    'too many variables',
  )
  t.throws(() => new StorageReader(hex('00')).expectEnd(), /must end with the last answer, got 1 bytes more/)
})

t.test('the connection waits for SUMO to listen, takes replies in pieces and one call at a time', async (t) => {
  const { connection, server } = await connectToFake(t, 1000)
  const first = connection.exchange(new StorageWriter())
  await t.rejects(connection.exchange(new StorageWriter()), /await each call/)
  for (const byte of hex('00000005 2a')) server.write(Buffer.of(byte))
  t.equal((await first).readUnsignedByte(), 0x2a)
})

t.test(
  'silence, a lost socket and bytes nobody asked for end the connection with the rule that was broken',
  async (t) => {
    const silent = await connectToFake(t, 20)
    await t.rejects(
      silent.connection.exchange(new StorageWriter()),
      new SumoLostError('SUMO must reply within 20 ms, got nothing'),
    )
    t.equal(silent.connection.isOpen, false)
    const lost = await connectToFake(t, 1000)
    const pending = lost.connection.exchange(new StorageWriter())
    lost.server.end()
    await t.rejects(pending, new SumoLostError('the connection to SUMO must stay open, but SUMO closed it'))
    await t.rejects(lost.connection.exchange(new StorageWriter()), /must stay open/, 'also every later call')
    const chatty = await connectToFake(t, 1000)
    chatty.server.write(hex('00000004'))
    await once(chatty.server, 'close')
    await t.rejects(chatty.connection.exchange(new StorageWriter()), /got a message nobody asked for/)
    const port = await findFreePort()
    await t.rejects(
      openConnection({ port, connectTimeoutMs: 30, replyTimeoutMs: 0 }),
      /must listen on port \d+ within 30 ms/,
    )
  },
)

/** A server that listens only after the client has begun to call. */
async function connectToFake(t: Test, replyTimeoutMs: number): Promise<{ connection: Connection; server: Socket }> {
  const port = await findFreePort()
  const connecting = openConnection({ port, connectTimeoutMs: 5000, replyTimeoutMs })
  const listener = createServer({ noDelay: true }).listen(port, '127.0.0.1')
  const accepted = once(listener, 'connection')
  const connection = await connecting
  const [server]: Socket[] = await accepted
  t.teardown(() => {
    connection.close()
    server?.destroy()
    listener.close()
  })
  server?.on('error', () => {}).resume()
  return { connection, server: server! }
}

t.test('what cannot be is refused as in the embedded world', async (t) => {
  // @ts-expect-error a preset from a command line
  await t.rejects(createSumoSimulator({ preset: 'city' }), new Error('preset must be one of lab,flow, got city'))
  await t.rejects(
    createSumoSimulator({ preset: 'lab', vehicles: ['a', 'a'] }),
    /vehicle ids must be distinct, got a twice/,
  )
  await t.rejects(createSumoSimulator({ preset: 'lab', learners: [14] }), /car indices in 0…13, got 14/)
  await t.rejects(createSumoSimulator({ preset: 'lab', startOffsets: [1] }), /one value per car \(14\), got 1/)
})
