import { createHash } from 'node:crypto'
import t from 'tap'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'
import { run } from './support/driving.ts'
import { heapGrowth } from './support/heap.ts'
import { type ReferenceRun, referenceRuns, referenceVehicles } from './support/reference-runs.ts'

/** Runs whose standing queues amplify the last bits of a double: IDM just before a stop is unstable. */
const amplifying = new Set(['lab const:0.5', 'lab pulse:1:5', 'flow const:0.5'])

t.test('every reference run of SUMO is reproduced', async (t) => {
  t.comment('preset controller    mean (SUMO)      error %   RMS-10    stopped    max |v| error at whole seconds')
  for (const run of referenceRuns()) {
    const ours = replay(run)
    const error = ours.meanSpeed / run.meanSpeed - 1
    const stopped = ours.stoppedShare - run.stoppedShare
    t.comment(
      [
        run.preset.padEnd(6),
        run.controller.padEnd(13),
        `${ours.meanSpeed.toFixed(4)} (${run.meanSpeed.toFixed(4)})`,
        (100 * error).toFixed(4).padStart(8),
        ours.rms10s.toFixed(5).padStart(9),
        stopped.toFixed(5).padStart(10),
        ours.maxSpeedError.toFixed(4).padStart(9),
      ].join(' '),
    )
    const name = `${run.preset} ${run.controller}`
    t.ok(Math.abs(error) < 1e-4, `${name}: mean speed within 0.01 %`)
    t.ok(ours.rms10s < 0.01, `${name}: 10-s means within 0.01 m/s`)
    t.ok(Math.abs(stopped) < 0.0005, `${name}: stopped share within 0.05 points`)
    t.equal(ours.collisions, run.collidingVehicleSteps, `${name}: collisions`)
    if (!amplifying.has(name)) {
      t.ok(ours.maxSpeedError < 0.00051, `${name}: every car's speed at every second, to the printed digit`)
      t.ok(ours.maxPositionError < 0.0051, `${name}: every car's position at every second, to the printed digit`)
    }
  }
})

/** SHA-256 of the positions and then the speeds after 1500 steps, taken before the roads became data. */
const hashes = {
  'flow headway:5': '130682d2dc668d6e066d45637dccb788e03a21cff1ded604917351ccd4b2b54d',
  'flow cap:6': '9acdd9941c50889f174bb28b297666d04610292979ad0f888d90dada737b3275',
  'lab none': '5a85444ede72ebb72c56dbca4943113b6078107ba4efb04f7ed3cf9c6e46a086',
} as const

t.test('the figure eight drives to the same bits as ever', async (t) => {
  for (const [name, hash] of Object.entries(hashes)) {
    const [preset, controller] = name.split(' ')
    const simulator = new TrafficSimulator({ preset: preset === 'lab' ? 'lab' : 'flow' })
    run(simulator, controller!, 1500)
    const { position, speed } = simulator
    t.equal(createHash('sha256').update(position).update(speed).digest('hex'), hash, name)
  }
})

t.test('the same run twice gives the same bits, also after a reset', async (t) => {
  const a = new TrafficSimulator({ preset: 'flow' })
  const b = new TrafficSimulator({ preset: 'flow' })
  run(b, 'cap:6', 700)
  b.reset()
  run(a, 'headway:5', 1500)
  run(b, 'headway:5', 1500)
  t.same(a.position, b.position)
  t.same(a.speed, b.speed)
})

t.test('a step keeps its arrays and leaves nothing on the heap', async (t) => {
  const simulator = new TrafficSimulator({ preset: 'flow' })
  const { position, speed, gap, leader, follower, braking, collisions } = simulator
  const grown = heapGrowth(() => run(simulator, 'headway:5', 20000))
  t.ok(grown < 100_000, `${grown} bytes: less than 5 a step`)
  t.equal(simulator.position, position)
  t.equal(simulator.speed, speed)
  t.equal(simulator.gap, gap)
  t.equal(simulator.leader, leader)
  t.equal(simulator.follower, follower)
  t.equal(simulator.braking, braking)
  t.equal(simulator.collisions, collisions)
})

t.test('a learner that gets NaN is the driver', async (t) => {
  const mixed = new TrafficSimulator({ preset: 'lab' })
  const drivers = new TrafficSimulator({ preset: 'lab', learners: [] })
  run(mixed, 'none', 1500)
  run(drivers, 'none', 1500)
  t.same(mixed.speed, drivers.speed)
  t.same(mixed.position, drivers.position)
  const flow = new TrafficSimulator({ preset: 'flow' })
  const flowDrivers = new TrafficSimulator({ preset: 'flow', learners: [] })
  run(flow, 'none', 1500)
  run(flowDrivers, 'none', 1500)
  t.not(flow.speed.join(), flowDrivers.speed.join(), 'in flow the learners have the decel of their vehicle type')
})

t.test('gaps, leaders and followers fit around the loop', async (t) => {
  const simulator = new TrafficSimulator({ preset: 'flow' })
  run(simulator, 'headway:5', 333)
  const total = simulator.gap.reduce((sum, gap) => sum + gap + 5, 0)
  t.ok(Math.abs(total - simulator.loopLength) < 1e-9)
  simulator.leader.forEach((car, i) => {
    t.equal(simulator.follower[car], i)
    const ahead = (simulator.position[car]! - simulator.position[i]! + simulator.loopLength) % simulator.loopLength
    t.ok(Math.abs(ahead - 5 - simulator.gap[i]!) < 1e-9)
  })
})

t.test('at a symmetric arrival the smaller id yields', async (t) => {
  for (const [first, second, yielding] of [
    ['car1', 'car8', 1],
    ['car8', 'car1', 8],
    ['car10', 'car2', 1],
  ] as const) {
    const vehicles = referenceVehicles.map((_, i) => (i === 1 ? first : i === 8 ? second : `x${i}`))
    const simulator = new TrafficSimulator({ preset: 'flow', vehicles, learners: [] })
    run(simulator, 'none', 40)
    const [one, eight] = [simulator.speed[1]!, simulator.speed[8]!]
    t.equal(one < eight ? 1 : 8, yielding, `${first} on the major road, ${second} on the minor`)
  }
})

t.test('a command is followed, and braking tells where safety lowered it', async (t) => {
  const simulator = new TrafficSimulator({ preset: 'flow' })
  const accelerations = new Float64Array(14).fill(Number.NaN)
  accelerations[3] = 1
  simulator.step(accelerations)
  t.ok(Math.abs(simulator.speed[3]! - (0.1 * 0.1) / 0.101) < 1e-15, '0.1 / 0.101 of the change')
  t.equal(simulator.braking[3], 0)
  accelerations[3] = 100
  simulator.step(accelerations)
  t.ok(simulator.speed[3]! < 1, 'not the 10 m/s that were asked for')
  t.equal(simulator.braking[3], 1)
  for (let k = 0; k < 50; k++) simulator.step(accelerations)
  const before = simulator.speed[3]!
  accelerations[3] = -1000
  simulator.step(accelerations)
  t.ok(Math.abs(simulator.speed[3]! - before * (1 - 0.1 / 0.101)) < 1e-12, 'a commanded car brakes at any rate')
  t.throws(() => simulator.step(new Float64Array(13)), /one value per car \(14\), got 13/)
})

t.test('one car alone drives as on SUMO, slowed before the minor road only', async (t) => {
  const simulator = new TrafficSimulator({ preset: 'flow', vehicles: ['only'], learners: [] })
  run(simulator, 'none', 1499)
  t.ok(Math.abs(simulator.speed[0]! - 27.67316900528422) < 1e-12, 'the speed SUMO 1.15 has after as many steps')
  t.equal(simulator.leader[0], 0)
  t.equal(simulator.collisions.length, 0)
})

t.test('the embedded world is the simulator behind the World interface', async (t) => {
  const world = createEmbeddedWorld({ preset: 'lab' })
  const simulator = new TrafficSimulator({ preset: 'lab' })
  const controller = createController('headway:7')
  const accelerations = new Float64Array(14)
  for (let k = 0; k < 300; k++) {
    controller(world, k, accelerations)
    await world.step(accelerations)
  }
  run(simulator, 'headway:7', 300)
  t.same(world.position, simulator.position)
  t.same(world.speed, simulator.speed)
  t.equal(world.speed, world.simulator.speed)
  t.equal(world.loopLength, 421.94)
  t.equal(world.speedLimit, 20)
  t.equal(world.accelerationLimit, 1.5)
  t.equal(world.stepLength, 0.1)
  await world.reset()
  t.equal(Math.max(...world.speed), 0)
  await t.rejects(world.step(new Float64Array(2)), /got 2/)
  await world.close()
})

/** The figures of a reference run, driven here. Its row 0 is the state at rest, its controllers count steps from that row. */
function replay(reference: ReferenceRun) {
  const simulator = new TrafficSimulator({ preset: reference.preset, vehicles: referenceVehicles })
  const controller = createController(reference.controller)
  const accelerations = new Float64Array(14)
  const means = new Array<number>(15).fill(0)
  let stopped = 14
  let collisions = 0
  let maxSpeedError = 0
  let maxPositionError = 0
  for (let k = 1; k < 1500; k++) {
    controller(simulator, k, accelerations)
    simulator.step(accelerations)
    for (const v of simulator.speed) {
      means[Math.floor(k / 100)]! += v / 1400
      if (v < 0.1) stopped++
    }
    collisions += simulator.collisions.length
    if (k % 10 !== 9) continue
    const row = reference.seconds[(k - 9) / 10]!
    for (let i = 0; i < 14; i++) {
      const apart = Math.abs(row.position[i]! - simulator.position[i]!)
      maxSpeedError = Math.max(maxSpeedError, Math.abs(row.speed[i]! - simulator.speed[i]!))
      maxPositionError = Math.max(maxPositionError, Math.min(apart, simulator.loopLength - apart))
    }
  }
  return {
    meanSpeed: means.reduce((sum, mean) => sum + mean, 0) / 15,
    rms10s: Math.sqrt(means.reduce((sum, mean, k) => sum + (mean - reference.meanSpeed10s[k]!) ** 2, 0) / 15),
    stoppedShare: stopped / 21000,
    collisions,
    maxSpeedError,
    maxPositionError,
  }
}
