import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startSumoClient } from '../sim-bridge/sumo/client.ts'
import { type Connection, MessageFrames, openConnection } from '../sim-bridge/sumo/connection.ts'
import * as domains from '../sim-bridge/sumo/domains.ts'
import { SumoError, SumoMissingError } from '../sim-bridge/sumo/errors.ts'
import { LoopOrder } from '../sim-bridge/sumo/loop.ts'
import { startPositions } from '../sim-bridge/sumo/network.ts'
import { findFreePort } from '../sim-bridge/sumo/process.ts'
import { StorageReader, StorageWriter } from '../sim-bridge/sumo/storage.ts'
import { createSumoWorld, type SumoWorld } from '../sim-bridge/sumo/sumo-world.ts'
import { requireTool } from './support/require.ts'

const referenceFolder = new URL('../../test/reference/', import.meta.url)
const vehicles = Array.from({ length: 14 }, (_, i) => `car${i}`)
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
    ['a', 'b'],
  ])
  const refused = new StorageReader(hex('09 c4 ff 00000002 6e6f'))
  t.throws(() => domains.readVehicleCommand(refused, 'slowDown of a'), /refused the command "slowDown of a": no/)
  const wrong = new StorageReader(hex('07 02 00 00000000'))
  t.throws(() => domains.readVehicleCommand(wrong, 'slowDown of a'), /in the order of the commands/)
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
    await t.rejects(silent.connection.exchange(new StorageWriter()), /must reply within 20 ms, got nothing/)
    t.equal(silent.connection.isOpen, false)
    const lost = await connectToFake(t, 1000)
    const pending = lost.connection.exchange(new StorageWriter())
    lost.server.end()
    await t.rejects(pending, /must stay open, but SUMO closed it/)
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

t.test('gap, leader and follower follow the loop coordinate, over its end too', async (t) => {
  const order = new LoopOrder(3)
  const gap = new Float64Array(3)
  const leader = new Int32Array(3)
  const follower = new Int32Array(3)
  order.update(Float64Array.of(10, 18, 95), 100, gap, leader, follower)
  t.same([...gap], [3, 72, 10])
  t.same([...leader], [1, 2, 0])
  t.same([...follower], [2, 0, 1])
  order.update(Float64Array.of(11, 19, 4), 100, gap, leader, follower)
  t.same([...gap], [3, 80, 2])
  t.same([...leader], [1, 2, 0])
  order.update(Float64Array.of(11, 19, 7), 100, gap, leader, follower)
  t.equal(gap[2], 0, 'cars that overlap have no negative gap')
})

t.test('the cars start where the reference runs start them', async (t) => {
  const routes = readFileSync(new URL('sumo-lab/fig8.rou.xml', referenceFolder), 'utf8')
  const expected = [...routes.matchAll(/route="from_(\w+)" .*departPos="([\d.]+)"/g)]
  const starts = startPositions(new Array<number>(14).fill(0))
  t.same(
    starts.map(({ edge, position }) => [edge, position]),
    expected.map(([, edge, position]) => [edge, Number(position)]),
  )
  t.same(startPositions([-0.01, 0.5]), [
    { edge: 'lower_ring', position: 141.36 },
    { edge: 'right', position: 0.5 },
  ])
})

t.test('what cannot be is refused with the rule and the value', async (t) => {
  // @ts-expect-error a preset from a command line
  await t.rejects(createSumoWorld({ preset: 'city' }), new SumoError('preset must be one of lab, flow, got "city"'))
  await t.rejects(createSumoWorld({ preset: 'lab', vehicles: ['a', 'a'] }), /vehicle ids must differ, got a, a/)
  await t.rejects(createSumoWorld({ preset: 'lab', vehicles: ['a"b'] }), /a vehicle id must match/)
  await t.rejects(createSumoWorld({ preset: 'lab', vehicles: [] }), /there must be 1 to 53 vehicles, got 0/)
  await t.rejects(createSumoWorld({ preset: 'lab', learners: [14] }), /indices of vehicles, 0 to 13, got 14/)
  await t.rejects(createSumoWorld({ preset: 'lab', startOffsets: [1] }), /one value per car, 14, got 1/)
})

t.test('without SUMO the error names the program and how to get it', async (t) => {
  await t.rejects(createSumoWorld({ preset: 'lab', binary: join(t.testdir(), 'sumo') }), SumoMissingError)
  const path = process.env.PATH
  t.teardown(() => {
    process.env.PATH = path
  })
  process.env.PATH = t.testdir()
  await t.rejects(createSumoWorld({ preset: 'lab' }), {
    name: 'SumoMissingError',
    message: /^sumo must be installed, but it was not found: run "apt-get install sumo"/,
  })
})

for (const [preset, controllers] of [
  ['flow', ['none', 'headway:5']],
  ['lab', ['none', 'headway:7']],
] as const) {
  t.test(`real SUMO drives the reference runs of ${preset}`, async (t) => {
    if (!requireTool(t, 'sumo')) return
    const world = await createSumoWorld({ preset, vehicles })
    t.teardown(() => world.close())
    t.match(world.version, /^SUMO \d/)
    t.comment(world.version)
    t.equal(world.loopLength, 421.94)
    t.same(
      world.learner,
      vehicles.map((_, i) => i % 2 === 1),
    )
    for (const controller of controllers) {
      await world.reset()
      const { meanSpeed, worst, microseconds } = await follow(world, preset, controller)
      const expected = referenceMean(preset, controller)
      t.comment(`${preset} ${controller}: ${meanSpeed.toFixed(5)} m/s, ${microseconds.toFixed(0)} µs a step`)
      t.ok(Math.abs(meanSpeed / expected - 1) < 0.001, `${controller}: ${meanSpeed} m/s is ${expected} within 0.1 %`)
      t.ok(worst < 0.0006, `${controller}: every speed of every second is as printed, worst difference ${worst} m/s`)
    }
  })
}

/** Drives rows 1 to 1499 of a reference run (row 0 is the start); compares with its speeds, printed once a second. */
async function follow(world: SumoWorld, preset: string, controller: string) {
  const name = controller.replaceAll(':', '_')
  const csv = readFileSync(new URL(`sumo-${preset}/${name}.csv`, referenceFolder), 'utf8')
    .trim()
    .split('\n')
  const accelerations = new Float64Array(14)
  const start = performance.now()
  let sum = 0
  let worst = 0
  for (let row = 1; row < 1500; row++) {
    command(world, controller, accelerations)
    await world.step(accelerations)
    for (const v of world.speed) sum += v
    if (row % 10 !== 9) continue
    const second = csv[(row + 1) / 10]!.split(',')
    for (const [i, v] of world.speed.entries()) worst = Math.max(worst, Math.abs(v - Number(second[2 + 2 * i])))
  }
  return { meanSpeed: sum / 14 / 1500, worst, microseconds: (1000 * (performance.now() - start)) / 1499 }
}

/** `none`: SUMO drives all; `headway:T`: a learning car keeps T seconds to the car ahead. */
function command(world: SumoWorld, controller: string, accelerations: Float64Array): void {
  const [kind, headway] = controller.split(':')
  const limit = world.accelerationLimit
  for (let i = 0; i < accelerations.length; i++) {
    const wanted = 0.5 * (world.gap[i]! / Number(headway) - world.speed[i]!)
    const commanded = kind === 'headway' && world.learner[i]
    accelerations[i] = commanded ? Math.min(Math.max(wanted, -limit), limit) : Number.NaN
  }
}

function referenceMean(preset: string, controller: string): number {
  const text = readFileSync(new URL(`sumo-${preset}/summary.json`, referenceFolder), 'utf8')
  const summary: { runs: { controller: string; mean_speed: number }[] } = JSON.parse(text)
  return summary.runs.find((run) => run.controller === controller)?.mean_speed ?? Number.NaN
}

t.test('reset gives the start and then the same bits again, whatever was driven before', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const world = await createSumoWorld({ preset: 'flow' })
  t.teardown(() => world.close())
  const bits = async (): Promise<number[]> => {
    const all = [...world.position, ...world.speed, ...world.gap]
    for (let k = 0; k < 200; k++) {
      await drive(world, 'headway:5')
      all.push(...world.position, ...world.speed, ...world.gap, ...world.braking)
    }
    return all
  }
  t.same([...world.speed], new Array(14).fill(0), 'at rest')
  t.ok(world.position.every((x) => x >= 0 && x < world.loopLength))
  t.same([...world.leader], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0])
  const first = await bits()
  await world.reset()
  const second = await bits()
  for (let k = 0; k < 20; k++) await world.step(new Float64Array(14).fill(1))
  await world.reset()
  t.same(await bits(), first)
  t.same(second, first)
})

async function drive(world: SumoWorld, controller: string): Promise<void> {
  const accelerations = new Float64Array(world.vehicles.length)
  command(world, controller, accelerations)
  await world.step(accelerations)
}

t.test('a commanded car follows its command, brakes at any rate asked, and is braked for the car ahead', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const directory = t.testdir()
  const world = await createSumoWorld({ preset: 'lab', vehicles: ['a', 'b'], directory, startOffsets: [60, -121.37] })
  t.teardown(() => world.close())
  t.ok(existsSync(join(directory, 'fig8.net.xml')), 'the files are in the folder given')
  t.same([...world.position], [69.5, 89.5])
  t.same([...world.gap], [15, 421.94 - 25])
  const step = (a: number, b: number): Promise<void> => world.step(Float64Array.of(a, b))
  await step(Number.NaN, 1)
  t.ok(Math.abs(world.speed[1]! - 0.1 / 1.01) < 1e-9, '1/1.01 of the change')
  t.same([...world.braking], [0, 0])
  for (let k = 0; k < 20; k++) await step(1, 1)
  t.same([...world.braking], [0, 0])
  await step(1, -30)
  t.ok(world.speed[1]! < 0.1)
  let braked = 0
  for (let k = 0; k < 60; k++) {
    await step(1.5, -30)
    braked += world.braking[0]!
  }
  t.ok(braked > 10, 'the safe speed is stronger than the command')
  t.ok(world.speed[0]! < 0.1 && world.gap[0]! > 1, 'it stands behind the other')
  t.equal(world.braking[1], 0)
  await t.rejects(world.step(new Float64Array(3)), /one acceleration per car, 2, got 3/)
})

t.test('collisions come from SUMO as pairs of ids', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const file = (name: string): string => new URL(`sumo-flow/fig8.${name}.xml`, referenceFolder).pathname
  const files = ['-n', file('net'), '-r', file('rou'), '--no-warnings', 'true', '--step-length', '0.1']
  const sumoArguments = [...files, '--collision.action', 'warn', '--collision.check-junctions', 'true']
  const client = await startSumoClient({ binary: 'sumo', port: undefined, gui: false, sumoArguments })
  t.teardown(() => client.close())
  const pairs = new Set<string>()
  const sink: domains.StateSink = {
    onVehicle: () => {},
    onCollision: (collider, victim) => pairs.add([collider, victim].sort().join(' ')),
  }
  domains.writeSimulationStep(client.begin())
  await client.exchange()
  domains.writeSimulationSubscription(client.begin())
  domains.readSimulationSubscription(await client.exchange(), sink)
  // Blind cars (speed mode 0), all at 10 m/s: those that meet at the crossing go through each other.
  for (let k = 0; k < 40; k++) {
    const writer = client.begin()
    for (const id of vehicles) {
      domains.writeSpeedMode(writer, id, 0)
      domains.writeSlowDown(writer, id, 10, 1e-3)
    }
    domains.writeSimulationStep(writer)
    const reply = await client.exchange()
    for (const id of vehicles) {
      domains.readVehicleCommand(reply, id)
      domains.readVehicleCommand(reply, id)
    }
    domains.readSimulationStep(reply, sink)
    t.equal(reply.remaining, 0)
  }
  t.same([...pairs], ['car1 car8', 'car0 car7'])
})

t.test('where SUMO dies, the pending call says how, and so does every later one', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const world = await createSumoWorld({ preset: 'lab' })
  t.teardown(() => world.close())
  await drive(world, 'none')
  t.ok(world.processId)
  process.kill(world.processId!, 'SIGKILL')
  const rule = /SUMO must run until this world is closed, but it ended \(signal SIGKILL\).*create a new one/
  await t.rejects(drive(world, 'none'), rule)
  await t.rejects(world.reset(), rule)
})

t.test('a SUMO that cannot start is quoted', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const directory = t.testdir({ 'fig8.net.xml': {} })
  await t.rejects(createSumoWorld({ preset: 'lab', directory }), /netconvert must turn our files into a net, got ".+"/s)
})

t.test(
  'closing ends SUMO and removes its files; a pending call is rejected; a second close does nothing',
  async (t) => {
    if (!requireTool(t, 'sumo')) return
    const folder = t.testdir()
    const before = process.env.TMPDIR
    process.env.TMPDIR = folder
    const world = await createSumoWorld({ preset: 'lab' })
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    const pending = t.rejects(drive(world, 'none'), /closed by us/)
    await world.close()
    await pending
    await world.close()
    t.throws(() => process.kill(world.processId!, 0), /ESRCH/)
    t.same(readdirSync(folder), [])
    await t.rejects(world.reset(), SumoError)
  },
)

t.test('a SUMO that already waits at a port is used as it is', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const port = await findFreePort()
  const net = new URL('sumo-lab/fig8.net.xml', referenceFolder).pathname
  const sumo: ChildProcess = spawn('sumo', ['-n', net, '--remote-port', String(port)], { stdio: 'ignore' })
  t.teardown(() => sumo.kill('SIGKILL'))
  const ended = once(sumo, 'close')
  const world = await createSumoWorld({ preset: 'flow', port })
  t.equal(world.processId, undefined)
  await drive(world, 'headway:5')
  t.ok(world.speed[0]! > 0)
  await world.close()
  t.same(await ended, [0, null], 'it ended by itself')
})
