import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startSumoClient } from '../sim-bridge/sumo/client.ts'
import * as domains from '../sim-bridge/sumo/domains.ts'
import { SumoError, SumoMissingError } from '../sim-bridge/sumo/errors.ts'
import { createSumoSimulator, type SumoSimulator } from '../sim-bridge/sumo/sumo-simulator.ts'
import { testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'

const referenceFolder = new URL('../../test/reference/', import.meta.url)
const vehicles = Array.from({ length: 14 }, (_, i) => `car${i}`)

t.test('without SUMO the error names the program and how to get it', async (t) => {
  await t.rejects(createSumoSimulator({ preset: 'lab', binary: join(testFolder(t), 'sumo') }), SumoMissingError)
  const path = process.env.PATH
  t.teardown(() => {
    process.env.PATH = path
  })
  process.env.PATH = testFolder(t)
  await t.rejects(createSumoSimulator({ preset: 'lab' }), {
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
    const world = await createSumoSimulator({ preset, vehicles })
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
async function follow(world: SumoSimulator, preset: string, controller: string) {
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
function command(world: SumoSimulator, controller: string, accelerations: Float64Array): void {
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
  const world = await createSumoSimulator({ preset: 'flow' })
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

async function drive(world: SumoSimulator, controller: string): Promise<void> {
  const accelerations = new Float64Array(world.vehicles.length)
  command(world, controller, accelerations)
  await world.step(accelerations)
}

t.test('a commanded car follows its command, brakes at any rate asked, and is braked for the car ahead', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const directory = testFolder(t)
  const world = await createSumoSimulator({
    preset: 'lab',
    vehicles: ['a', 'b'],
    directory,
    startOffsets: [60, -121.37],
  })
  t.teardown(() => world.close())
  t.ok(existsSync(join(directory, 'figure-eight.net.xml')), 'the files are in the folder given')
  t.same([...world.position], [69.5, 89.5])
  t.same([...world.gap], [15, 421.94 - 25])
  const step = (a: number, b: number): Promise<void> => world.step(Float64Array.of(a, b))
  await step(Number.NaN, 1)
  t.ok(Math.abs(world.speed[1]! - 0.1 / 1.01) < 1e-9, '1/1.01 of the change')
  t.equal(world.braking[0], 1, 'a driver wants more than the car ahead lets it')
  t.equal(world.braking[1], 0)
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

t.test('files that cannot be made, a SUMO that ends at once and a car without room are told', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const directory = t.testdir({ 'figure-eight.net.xml': {}, sumo: '#!/bin/sh\necho no licence >&2\nexit 7\n' })
  await t.rejects(
    createSumoSimulator({ preset: 'lab', directory }),
    /netconvert must turn our files into a net, got ".+"/s,
  )
  const binary = join(directory, 'sumo')
  chmodSync(binary, 0o755)
  await t.rejects(
    createSumoSimulator({ preset: 'lab', binary }),
    new SumoError('SUMO must start and wait for us, but it ended (exit code 7) and said "no licence"'),
  )
  await t.rejects(
    createSumoSimulator({ preset: 'lab', vehicles: ['a', 'b'], startOffsets: [0, -200] }),
    /cars must start at least 2.5 m apart, got -3.63 m from a to b/,
  )
})

t.test(
  'closing ends SUMO and removes its files; a pending call is rejected; a second close does nothing',
  async (t) => {
    if (!requireTool(t, 'sumo')) return
    const folder = testFolder(t)
    const before = process.env.TMPDIR
    process.env.TMPDIR = folder
    const world = await createSumoSimulator({ preset: 'lab' })
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    const pending = t.rejects(drive(world, 'none'), /closed by us/)
    await world.close()
    await pending
    await world.close()
    t.throws(() => process.kill(world.processId!, 0), /ESRCH/)
    t.same(readdirSync(folder), [])
    await t.rejects(world.reset(), new SumoError('a world must not be used after it was closed'))
  },
)
