import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { measureBaseline } from '../sim-bridge/baseline.ts'
import {
  createController,
  createEmbeddedWorld,
  createRecorder,
  decodeTrajectory,
  encodeTrajectory,
  roadShape,
  TrafficSimulator,
  type Trajectory,
} from '../sim-bridge/index.ts'
import { orderOf, passagesOf } from '../sim-bridge/trajectory/passages.ts'
import { createTrajectoryFiles, trajectoryFile } from '../sim-bridge/trajectory/trajectory-files.ts'
import { referenceRuns, referenceVehicles } from './support/reference-runs.ts'

const eight = roadShape('figure-eight', 421.94)!
const facts = { network: 'figure-eight', preset: 'flow', sim: 'embedded', seed: 1 } as const

/** One recorded epoch of a controller, copied. */
async function record(controller: string, vehicles?: readonly string[]): Promise<Trajectory> {
  const world = createEmbeddedWorld({ preset: 'flow', ...(vehicles && { vehicles }) })
  const recorded: Trajectory[] = []
  const recorder = createRecorder(world, { ...facts, driver: controller }, (epoch) => recorded.push(epoch))
  const control = createController(controller)
  const accelerations = new Float64Array(world.vehicles.length)
  let state = await world.reset()
  recorder.begin(1)
  for (let k = 0; !state.truncated; k++) {
    control(world, k, accelerations)
    state = await world.step(accelerations)
    recorder.step()
  }
  recorder.end()
  t.equal(recorded.length, 1)
  return recorded[0]!
}

t.test('shapes', async (t) => {
  const near = (at: readonly [number, number] | undefined, x: number, y: number, what: string): void => {
    t.ok(at && Math.hypot(at[0] - x, at[1] - y) < 1e-3, `${what}: (${at}), wanted (${x}, ${y})`)
  }
  t.test('the figure eight has its nodes, its crossing and its circles where the scenario has them', async (t) => {
    near(eight.place(0), 0, -30, 'bottom')
    near(eight.place(34.7), 0, 0, 'the crossing from below')
    near(eight.place(69.4), 0, 30, 'top')
    near(eight.place((69.4 + 210.97) / 2), ...corner(1), 'the far end of the upper circle')
    near(eight.place(210.97), 30, 0, 'right')
    near(eight.place(245.67), 0, 0, 'the crossing from the right')
    near(eight.place(280.37), -30, 0, 'left')
    near(eight.place(421.94), 0, -30, 'once around')
    near(eight.place(-421.94), 0, -30, 'once around backwards')
    let farthest = 0
    for (let s = 69.4; s < 210.97; s += 0.5) {
      const [x, y] = eight.place(s)
      const [u, v] = eight.place(s + 421.94 / 2)
      farthest = Math.max(
        farthest,
        Math.abs(Math.hypot(x - 30, y - 30) - 30),
        Math.abs(Math.hypot(u + 30, v + 30) - 30),
      )
    }
    t.ok(farthest < 1e-3, `circles of radius 30 around (30, 30) and (-30, -30), off by ${farthest}`)
    const rounded = eight.conflicts.map(({ line, from, to }) => [line, from, to].map((s) => Number(s.toFixed(9))))
    t.same(rounded, [
      [30, 33.1, 36.3],
      [240.97, 244.07, 247.27],
    ])
  })

  t.test(
    'lengths in the plane are those of the loop, but for the straight roads that the crossing shortens',
    async (t) => {
      const measured = (shape: typeof eight, from: number, to: number): number => {
        const parts = 4000
        let length = 0
        for (let k = 0; k < parts; k++) {
          const [ax, ay] = shape.place(from + ((to - from) * k) / parts)
          const [bx, by] = shape.place(from + ((to - from) * (k + 1)) / parts)
          length += Math.hypot(bx - ax, by - ay)
        }
        return length
      }
      const within = (actual: number, wanted: number): void => {
        t.ok(Math.abs(actual - wanted) < 0.01 * wanted, `${actual}, wanted ${wanted}`)
      }
      within(measured(eight, 30, 39.4), 9.4)
      within(measured(eight, 240.97, 250.37), 9.4)
      within(measured(eight, 69.4, 210.97), 141.37)
      within(measured(eight, 280.37, 421.94), 141.37)
      // netconvert draws these lanes 25.3 m long on average and counts 30.
      for (const start of [0, 39.4, 210.97, 250.37]) within(measured(eight, start, start + 30), 25.3)
      const ring = roadShape('ring', 230.4)!
      within(measured(ring, 0, 230.4), 230.4)
      near(ring.place(0), 0, -230.4 / (2 * Math.PI), 'the ring begins at the bottom')
      t.same(ring.conflicts, [])
    },
  )

  t.test('a figure eight of another size keeps its junctions', async (t) => {
    const large = roadShape('figure-eight', 2 * 402.74 + 19.2)!
    near(large.place(0), 0, -60, 'bottom')
    t.match(large.conflicts[0], { line: 60, from: 60 + 3.1, to: 60 + 6.3 })
    t.equal(roadShape('merge', 324.72), undefined)
  })
})

t.test('recorder', async (t) => {
  t.test('holds every step as the simulator drives it, bit for bit in float32', async (t) => {
    const { position, speed, steps, vehicles } = await record('headway:5')
    t.equal(steps, 1500)
    const simulator = new TrafficSimulator({ preset: 'flow' })
    const control = createController('headway:5')
    const accelerations = new Float64Array(14)
    t.same(vehicles, simulator.vehicles)
    let differing = 0
    for (let k = 0; k < 1500; k++) {
      control(simulator, k, accelerations)
      simulator.step(accelerations)
      for (let i = 0; i < 14; i++) {
        if (position[14 * k + i] !== Math.fround(simulator.position[i]!)) differing++
        if (speed[14 * k + i] !== Math.fround(simulator.speed[i]!)) differing++
      }
    }
    t.equal(differing, 0)
    t.ok(speed.some((v) => v > 7))
  })

  t.test('marks commands that safety lowered, and no driver', async (t) => {
    const driven = await record('const:3')
    t.ok(driven.braking.some((flag) => flag === 1))
    t.ok(driven.braking.every((flag, k) => flag === 0 || driven.learner[k % 14] === true))
    t.ok((await record('none')).braking.every((flag) => flag === 0))
  })

  t.test('an epoch that begins anew forgets what was driven of it', async (t) => {
    const world = createEmbeddedWorld({ preset: 'flow' }, { epochSteps: 3 })
    const seen: number[][] = []
    const recorder = createRecorder(world, { ...facts, driver: 'none' }, ({ epoch, steps }) =>
      seen.push([epoch, steps]),
    )
    recorder.begin(7)
    recorder.step()
    await measureBaseline(world, 1, recorder)
    t.same(seen, [[0, 3]])
  })
})

t.test('files', async (t) => {
  const trajectory = await record('headway:5')
  t.test('are read as they were written', async (t) => {
    t.same(decodeTrajectory(encodeTrajectory(trajectory)), trajectory)
  })

  t.test('damage is named', async (t) => {
    const bytes = encodeTrajectory(trajectory)
    const refuses = (rule: RegExp, change: Partial<Record<keyof Trajectory, unknown>>): void => {
      t.throws(() => decodeTrajectory(encodeTrajectory({ ...trajectory, ...change } as Trajectory)), { message: rule })
    }
    t.throws(() => decodeTrajectory(bytes.subarray(0, bytes.length - 1)), /must end within|must cover/)
    t.throws(() => decodeTrajectory(new Uint8Array(4)), /at least 8 bytes/)
    refuses(/speed must be finite and not negative, got NaN at index 0/, {
      speed: new Float32Array(21_000).fill(Number.NaN),
    })
    refuses(/learner must hold one flag per vehicle, got \[true\]/, { learner: [true] })
    refuses(/loopLength must be given, got -1/, { loopLength: -1 })
    refuses(/stepLength must be given, got null/, { stepLength: Number.NaN })
    refuses(/loop and step must have a length, got 0 m/, { loopLength: 0 })
    refuses(/preset must be given, got undefined/, { preset: undefined })
    const empty = new Float32Array(0)
    refuses(/at least one step, got 0/, { steps: 0, position: empty, speed: empty, braking: empty })
  })

  t.test('a run keeps its baseline, its first and its newest epoch; trouble is told once', async (t) => {
    const directory = t.testdir()
    const said: string[] = []
    const keep = createTrajectoryFiles(directory, (line) => said.push(line))
    for (const epoch of [0, 1, 2, 3]) keep({ ...trajectory, epoch })
    const epochOf = (name: 'baseline' | 'first' | 'last'): number =>
      decodeTrajectory(readFileSync(trajectoryFile(directory, name))).epoch
    t.same([epochOf('baseline'), epochOf('first'), epochOf('last')], [0, 1, 3])
    t.same(said, [])
    const nowhere = createTrajectoryFiles(join(trajectoryFile(directory, 'last'), 'x'), (line) => said.push(line))
    nowhere(trajectory)
    nowhere(trajectory)
    t.match(said, [/^trajectories are not written: .*ENOTDIR/])
    t.equal(said.length, 1)
  })
})

t.test('passages', async (t) => {
  t.test('of one car at a constant speed follow from its start', async (t) => {
    // 10 m/s from 20 m: at the line after 1 s, in the zone after 1.31 s, its rear (5 m) out of it after 2.13 s.
    const steps = 400
    const position = Float32Array.from({ length: steps }, (_, k) => (20 + k + 1) % 421.94)
    const one = { ...facts, driver: 'none', epoch: 1, vehicles: ['a'], learner: [true], loopLength: 421.94 }
    const columns = { position, speed: new Float32Array(steps).fill(10), braking: new Float32Array(steps) }
    const passages = passagesOf({ ...one, ...columns, stepLength: 0.1, steps }, eight.conflicts)
    t.equal(orderOf(passages), 'AB')
    const [first, second] = passages
    for (const [actual, wanted] of [
      [first?.entered, 1],
      [first?.from, 1.31],
      [first?.to, 2.13],
      [second?.entered, 22.097],
      [second?.to, 23.227],
      [first?.entrySpeed, 10],
    ] as const)
      t.ok(Math.abs(Number(actual) - wanted) < 1e-4, `${actual}, wanted ${wanted}`)
  })

  t.test('of the hand policy are as many as in SUMO, two by two, and of the drivers one by one', async (t) => {
    const runs = referenceRuns().filter(({ preset }) => preset === 'flow')
    for (const controller of ['headway:5', 'none']) {
      const seconds = runs.find((run) => run.controller === controller)!.seconds
      let entries = 0
      for (let car = 0; car < 14; car++)
        for (let k = 1; k < seconds.length; k++) {
          const [before, now] = [seconds[k - 1]!.position[car]!, seconds[k]!.position[car]!]
          const driven = now < before - 200 ? now + 421.94 : now
          for (const line of [30, 240.97, 30 + 421.94]) if (before < line && line <= driven) entries++
        }
      const trajectory = await record(controller, referenceVehicles)
      const passages = passagesOf(trajectory, eight.conflicts)
      // The reference's clock is a step ahead: its first row is at 1 s, after nine steps.
      const compared = passages.filter(({ entered }) => entered > 0.9 && entered <= 149.9)
      t.equal(compared.length, entries, controller)
      const settled = orderOf(passages.filter(({ entered }) => entered > 60))
      // Neither queue nor synchronised pairs ever break up in these two runs.
      if (controller === 'none') t.match(settled.toLowerCase(), /^a?(ba)+b?$/)
      else t.match(settled, /^[Aa]?[ABab]{0,3}(AaBb)+A?a?B?$/)
    }
  })
})

/** The point of a circle that is farthest from the crossing. */
function corner(side: 1 | -1): [number, number] {
  const far = side * (30 + 30 * Math.SQRT1_2)
  return [far, far]
}
