import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createEmbeddedWorld } from '../sim-bridge/embedded-world.ts'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { bodiesOverlap } from '../sim-bridge/sim/collisions.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { brakeGap, commandedSpeed, createDriver, drive, follow, free, stop } from '../sim-bridge/sim/idm.ts'
import { createScenario, type ScenarioOptions } from '../sim-bridge/sim/scenario.ts'
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
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const simulator = new TrafficSimulator({ preset: 'flow' })
  const { position, speed, gap, leader, follower, braking, collisions } = simulator
  run(simulator, 'headway:5', 20000)
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  run(simulator, 'headway:5', 20000)
  collectGarbage()
  t.ok(process.memoryUsage().heapUsed - before < 100_000, 'less than 5 bytes a step, and the heap is noisy by more')
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

t.test('car-following has its closed-form values', async (t) => {
  const driver = createDriver(2.6, 1.5, 30)
  t.equal(free(driver, 0), 0.26, 'full acceleration from rest')
  t.ok(Math.abs(free(driver, 30) - 30) < 1e-9, 'none at the limit')
  const equilibrium = (2.5 + 12) / Math.sqrt(1 - (12 / 30) ** 4)
  t.ok(Math.abs(follow(driver, 12, equilibrium, 12) - 12) < 1e-12, 'the equilibrium gap (s0 + vT)/√(1 − (v/v0)⁴)')
  t.equal(follow(driver, 5, 0, 0), 0, 'no gap')
  t.equal(stop(driver, 5, 0.009), 0, 'at the stop')
  t.ok(stop(driver, 0, 0.05) > 0, 'from rest a stop can be reached')
  // 0.45 m/s: 3 reductions of 0.15 m/s, so 0.1 s at 0.30 and 0.1 s at 0.15.
  t.ok(Math.abs(brakeGap(driver, 0.4501) - 0.1 * (0.3001 + 0.1501 + 0.0001)) < 1e-12)
  t.ok(Math.abs(drive(driver, 20, 0) - (20 - 0.9)) < 1e-12, 'emergency braking at 9 m/s²')
  t.ok(Math.abs(drive(driver, 20, 19.5) - 19.5) < 1e-12, 'the safe speed in between')
  t.equal(drive(driver, 20, 30), 20.26, 'not faster than it can accelerate')
  t.ok(Math.abs(commandedSpeed(10, -2) - (10 - (0.2 * 0.1) / 0.101)) < 1e-12)
})

t.test('two cars collide in the crossing when both cover its point', async (t) => {
  t.equal(bodiesOverlap(3.81, -1.19, 3.81, -1.19), true, 'both fronts 0.9 m before the crossing point')
  t.equal(bodiesOverlap(3.79, -1.21, 3.81, -1.19), false)
  t.equal(bodiesOverlap(10.59, 5.59, 5, 0), true, 'a rear 0.9 m behind it')
  t.equal(bodiesOverlap(10.61, 5.61, 5, 0), false)
})

t.test('collisions list each pair of bodies while they overlap', async (t) => {
  let seen = 0
  for (let seed = 1; seed <= 20; seed++) {
    const simulator = new TrafficSimulator({ preset: 'flow' })
    const accelerations = new Float64Array(14).fill(Number.NaN)
    const random = minimalStandard(seed)
    for (let k = 0; k < 1500; k++) {
      for (let i = 1; i < 14; i += 2) {
        if (k === 0 || random() < 1 / 30) accelerations[i] = random() < 0.25 ? -20 : 3
      }
      simulator.step(accelerations)
      for (const [a, b] of simulator.collisions) {
        seen++
        t.ok(a < b)
        const [onMajor, onMinor] = simulator.position[a]! < 100 ? [a, b] : [b, a]
        const touching =
          Math.abs(simulator.position[onMajor]! - 2.5 - 34.7) < 3.4 &&
          Math.abs(simulator.position[onMinor]! - 2.5 - 245.67) < 3.4
        const close = Math.min(simulator.gap[a]!, simulator.gap[b]!) < 0.25
        t.ok(touching || close, 'both over the crossing point, or one behind the other')
      }
    }
  }
  t.ok(seen > 0, 'hard and late braking makes some')
})

t.test('starts are even on the normal lanes, rounded to a centimetre', async (t) => {
  const { starts, learner, vehicles } = createScenario({ preset: 'flow' })
  t.same(
    starts.map(({ lane, position }) => [lane, position]),
    [
      [0, 0],
      [0, 28.77],
      [2, 27.53],
      [4, 26.3],
      [4, 55.07],
      [4, 83.84],
      [4, 112.6],
      [6, 0],
      [6, 28.77],
      [8, 27.53],
      [10, 26.3],
      [10, 55.07],
      [10, 83.84],
      [10, 112.6],
    ],
    'as in the route files of the reference runs',
  )
  t.same(learner, [false, true, false, true, false, true, false, true, false, true, false, true, false, true])
  t.equal(vehicles[0], 'car00')
  t.equal(vehicles[13], 'car13')
  const moved = createScenario({ preset: 'flow', startOffsets: offsets({ 0: -1, 2: 1.234, 7: -0.5 }) }).starts
  t.same(
    [moved[0], moved[2], moved[7]],
    [
      { lane: 10, position: 140.37 },
      { lane: 2, position: 28.77 },
      { lane: 4, position: 140.87 },
    ],
  )
})

t.test('bad options name the rule and the value', async (t) => {
  const refused: [Partial<Record<keyof ScenarioOptions, unknown>>, RegExp][] = [
    [{ preset: 'town' }, /preset must be one of lab,flow, got town/],
    [{ vehicles: [] }, /at least one car, got none/],
    [{ vehicles: ['a', ''] }, /must not be empty, got ""/],
    [{ vehicles: ['a', 'b', 'a'] }, /must be distinct, got a twice/],
    [{ learners: [1, 14] }, /car indices in 0…13, got 14/],
    [{ learners: [0.5] }, /car indices in 0…13, got 0.5/],
    [{ startOffsets: [1] }, /one value per car \(14\), got 1/],
    [{ startOffsets: offsets({ 3: Number.NaN }) }, /must be finite, got NaN/],
    [{ startOffsets: offsets({ 3: 25 }) }, /at least 2.5 m apart, got -1.23 m from car03 to car04/],
    [{ startOffsets: offsets({ 3: 22 }) }, /at least 2.5 m apart, got 1.77 m/],
    [{ startOffsets: offsets({ 3: 40 }) }, /must keep the cars in order/],
    [{ startOffsets: offsets({ 1: 2, 8: 2 }) }, /at most one car may start in the crossing, got car01,car08/],
  ]
  for (const [options, message] of refused) {
    t.throws(() => new TrafficSimulator({ preset: 'flow', ...options } as ScenarioOptions), message)
  }
  t.doesNotThrow(
    () => new TrafficSimulator({ preset: 'flow', startOffsets: offsets({ 1: 2 }) }),
    'one in the crossing is fine',
  )
  for (const name of ['', 'full', 'const', 'const:x', 'const:', 'cap:1:2', 'alt:4', 'toString']) {
    t.throws(() => createController(name), /got/, name)
  }
  t.throws(() => createController('headway:0'), /must be positive, got headway:0/)
  t.throws(() => createController('pulse:1:-5'), /must be positive, got pulse:1:-5/)
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

function run(simulator: TrafficSimulator, name: string, steps: number): void {
  const controller = createController(name)
  const accelerations = new Float64Array(simulator.vehicles.length)
  for (let k = 0; k < steps; k++) {
    controller(simulator, k, accelerations)
    simulator.step(accelerations)
  }
}

/** Park and Miller's generator, in [0, 1). */
function minimalStandard(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

/** Start offsets of 14 cars, 0 but for those given. */
function offsets(given: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: 14 }, (_, i) => given[i] ?? 0)
}
