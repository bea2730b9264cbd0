import t, { type Test } from 'tap'
import { defaultConfig } from '../schemas/config.ts'
import { createController } from '../sim-bridge/sim/controllers.ts'
import type { Transition, World } from '../sim-bridge/world.ts'
import { scenarioOf } from '../sim-bridge/worlds.ts'
import { requireTool } from './support/require.ts'
import { driveAlike, type Open, opens } from './support/worlds.ts'

const nobody = (world: World): Float64Array => new Float64Array(world.vehicles.length).fill(Number.NaN)

/** A driver 15 m behind a learner on the ring. */
const platoon = { preset: 'flow', vehicles: ['car00', 'car01'], learners: [1], startOffsets: [180, 0] } as const
/** Two learners on the ring, the first 60 m behind the second. */
const pair = { preset: 'lab', vehicles: ['car00', 'car01'], learners: [0, 1], startOffsets: [70, -66.37] } as const

/** What a world does, told by closed forms; the same over both simulators. */
const suite: Readonly<Record<string, (t: Test, open: Open) => Promise<void>>> = {
  async 'a reset gives the same bits again, whatever was driven before'(t, open) {
    const world = await open(t, { preset: 'flow' })
    const bits = async (): Promise<number[]> => {
      const all = [...(await world.reset()).observations]
      await drive(world, 'headway:5', 150, ({ observations }) => all.push(...observations, ...world.braking))
      return all
    }
    const first = await bits()
    await drive(world, 'const:3', 40)
    t.same(await bits(), first)
  },

  async 'start jitter: a seed has its starts, another seed others, none farther away than asked'(t, open) {
    const even = await open(t, { preset: 'flow' })
    const world = await open(t, { preset: 'flow' }, { startJitter: 2 })
    const starts = async (seed: number): Promise<number[]> => {
      await world.reset(seed)
      t.same([...world.speed], new Array(14).fill(0), 'at rest')
      return [...world.position]
    }
    const first = await starts(1)
    const second = await starts(2)
    t.same(await starts(1), first)
    first.forEach((position, i) => {
      t.not(position, second[i])
      // Even places are measured without the junctions; a car that passes one gains at most its 9.4 m.
      const moved = Math.abs(position - even.position[i]!)
      t.ok(Math.min(moved, 421.94 - moved) < 2 + 9.5)
    })
  },

  async 'rows of observations: the car, the one ahead, the one behind'(t, open) {
    const world = await open(t, { preset: 'flow' })
    await world.reset()
    const { observations } = await drive(world, 'headway:5', 100)
    const order = [...world.position.keys()].sort((a, b) => world.position[a]! - world.position[b]!)
    order.forEach((car, k) => {
      const ahead = order[(k + 1) % 14]!
      const behind = order[(k + 13) % 14]!
      const gap = (from: number, to: number): number =>
        ((world.position[to]! - world.position[from]! + 421.94) % 421.94) - 5
      const expected = [
        world.position[car]!,
        world.speed[car]!,
        gap(car, ahead),
        world.position[ahead]!,
        world.speed[ahead]!,
        gap(behind, car),
        world.position[behind]!,
        world.speed[behind]!,
      ]
      const row = observations.subarray(8 * car, 8 * car + 8)
      t.ok(
        expected.every((value, j) => Math.abs(row[j]! - value) < 1e-9),
        `row of car ${car}`,
      )
    })
  },

  async 'rewards, figures and the end of the time add up'(t, open) {
    const fleet = await open(t, { preset: 'flow' }, { epochSteps: 120 })
    const own = await open(t, { preset: 'flow' }, { epochSteps: 120, reward: 'own' })
    for (const world of [fleet, own]) {
      const start = await world.reset()
      t.same([...start.rewards], new Array(14).fill(0), 'nothing is earned at the start')
      t.match(start, { terminated: false, truncated: false, info: { step: 0, collisions: 0 } })
      let [speeds, nas, forced, stopped] = [0, 0, 0, 0]
      const end = await drive(world, 'const:3', 120, (state, k, commands) => {
        const mean = world.speed.reduce((sum, v) => sum + v, 0) / 14
        speeds += mean
        nas += mean / 20
        stopped += world.speed.filter((v) => v < 0.1).length
        forced += commands.filter((a, i) => !Number.isNaN(a) && world.braking[i] === 1).length
        const right =
          Math.abs(state.info.meanSpeed - mean) < 1e-12 &&
          state.rewards.every((r, i) => Math.abs(r - (world === own ? world.speed[i]! : mean) / 20) < 1e-12) &&
          state.truncated === (k === 119) &&
          !state.terminated
        if (!right) t.fail(`step ${k + 1}: ${state.rewards}, ${JSON.stringify(state)}`)
      })
      t.ok(Math.abs(end.info.epochMeanSpeed - speeds / 120) < 1e-9)
      t.ok(Math.abs(end.info.epochNas - nas / 120) < 1e-9)
      t.equal(end.info.stoppedShare, stopped / (120 * 14))
      t.equal(end.info.forcedBrakings, forced)
      t.ok(forced > 0, '3 m/s² is more than the 2.6 of a car')
      t.equal(end.info.step, 120)
    }
  },

  async 'a collision costs its steps, or ends the epoch'(t, open) {
    const crash = async (world: World): Promise<Transition> => {
      await world.reset()
      const commands = Float64Array.of(Number.NaN, 2)
      let zeros = 0
      let colliding = 0
      for (let k = 1; ; k++) {
        if (k === 140) commands[1] = -1000
        const state = await world.step(commands)
        colliding += world.collisions.length
        if (state.info.nas === 0 && state.info.meanSpeed > 0) zeros++
        if (!state.terminated && !state.truncated) continue
        t.ok(zeros > 0, 'a step with a collision earns nothing')
        t.equal(colliding, k - 162, 'it lasts from step 163 on')
        return state
      }
    }
    const goesOn = await crash(await open(t, platoon, { epochSteps: 200 }))
    t.match(goesOn, { terminated: false, truncated: true, info: { step: 200, collisions: 1 } })
    const ends = await crash(await open(t, platoon, { epochSteps: 200, collision: 'end' }))
    t.match(ends, { terminated: true, truncated: false, info: { step: 163, collisions: 1, nas: 0 } })
    t.same([...ends.rewards], [0, 0])
  },

  async 'braking: soft is capped at the safe speed, latched goes on with the limit until it stands'(t, open) {
    const latched = await open(t, pair, { brake: 'latched' })
    const soft = await open(t, pair)
    await latched.reset()
    await soft.reset()
    const commands = Float64Array.of(1.5, -1.5)
    let apart = 0
    let latchedAt = 0
    let [steps, exact] = [0, 0]
    for (let k = 1; latchedAt === 0 && k < 400; k++) {
      const before = latched.speed[0]!
      await latched.step(commands)
      await soft.step(commands)
      apart = Math.max(apart, Math.abs(latched.speed[0]! - soft.speed[0]!))
      if (latched.braking[0] === 1 && latched.speed[0]! < before - 1e-3) latchedAt = k
    }
    t.ok(apart < 1e-9, 'alike until safety brakes')
    const entry = latched.speed[0]!
    while (latched.speed[0]! >= 0.1) {
      const before = latched.speed[0]!
      await latched.step(commands)
      // 0.1 s of −1.5 m/s², not below a stand, of which slowDown applies 0.1/0.101; the safe speed may ask for more.
      const commanded = before - Math.min(0.15, before) / 1.01
      if (!(latched.speed[0]! <= commanded + 1e-9)) t.fail(`must brake to ${commanded}, got ${latched.speed[0]} m/s`)
      if (Math.abs(latched.speed[0]! - commanded) < 1e-9) exact++
      steps++
    }
    t.comment(`braked at step ${latchedAt} from ${entry} m/s in ${steps} steps, ${exact} of them with the limit alone`)
    t.ok(entry > 1 && exact > steps / 2)
    const stand = latched.gap[0]!
    await latched.step(commands)
    t.ok(latched.speed[0]! > 0.1, 'and goes again')
    for (let k = 0; k < 400; k++) await soft.step(commands)
    t.ok(
      soft.gap[0]! < 4 && stand > 2 * soft.gap[0]!,
      `soft draws nearer: ${soft.gap[0]} m, latched stood at ${stand} m`,
    )
  },

  async 'commands of any size leave speeds and places that are numbers'(t, open) {
    const world = await open(t, { preset: 'flow' })
    await world.reset()
    const extremes = [Number.NaN, Infinity, -Infinity, 1e308, -1e308, 0, -0, 1e-320, 3]
    const commands = new Float64Array(14)
    for (let k = 0; k < 200; k++) {
      for (let i = 0; i < 14; i++) commands[i] = extremes[(i + (k >> 4)) % extremes.length]!
      const { observations, rewards, info } = await world.step(commands)
      const sane =
        world.speed.every((v) => v >= 0 && v <= world.speedLimit + 1e-9) &&
        world.position.every((x) => x >= 0 && x < world.loopLength) &&
        world.gap.every((gap) => gap >= 0) &&
        [...observations, ...rewards, info.epochNas].every(Number.isFinite)
      if (!sane) t.fail(`step ${k}: ${world.speed}, ${world.position}`)
    }
    await t.rejects(world.step(new Float64Array(13)), /one value per car \(14\), got 13/)
    await world.step(nobody(world))
  },
}

for (const [name, open] of Object.entries(opens)) {
  t.test(`the world on ${name}`, async (t) => {
    if (name === 'sumo' && !requireTool(t, 'sumo')) return
    for (const [title, run] of Object.entries(suite)) await t.test(title, (t) => run(t, open))
  })
}

t.test('both worlds start and drive alike with jitter, and with any number of cars and learners', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const cases = [
    { vehicles: 14, learners: 7, startJitter: 2 },
    ...[2, 7, 14, 40].flatMap((vehicles) =>
      [0, 1, vehicles].map((learners) => ({ vehicles, learners, startJitter: 0 })),
    ),
  ]
  for (const { vehicles, learners, startJitter } of cases) {
    const scenario = { ...scenarioOf({ ...defaultConfig, vehicles, learners }) } as const
    const embedded = await opens.embedded(t, scenario, { startJitter })
    const sumo = await opens.sumo(t, scenario, { startJitter })
    const title = `${vehicles} cars, ${learners} learners, ±${startJitter} m`
    t.equal(embedded.learner.filter(Boolean).length, learners, title)
    t.same(sumo.learner, embedded.learner, title)
    t.same(sumo.vehicles, embedded.vehicles, title)
    for (const seed of startJitter === 0 ? [0] : [1, 2, 3, 4]) {
      await embedded.reset(seed)
      await sumo.reset(seed)
      const apart = embedded.position.map((x, i) => Math.abs(x - sumo.position[i]!))
      t.ok(Math.max(...apart) < 1e-9, `${title}: the same starts`)
      const { largest, parted } = await driveAlike(embedded, sumo, {
        steps: 150,
        drive: createController('headway:5'),
        seed,
      })
      t.ok(largest < 1e-3, `${title}, seed ${seed}: speeds within ${largest} m/s ${parted}`)
    }
    await sumo.close()
  }
})

/** Drives `steps` steps with a controller of the reference runs; returns the last transition. */
async function drive(
  world: World,
  name: string,
  steps: number,
  each: (state: Transition, k: number, commands: Float64Array) => void = () => {},
): Promise<Transition> {
  const controller = createController(name)
  const commands = nobody(world)
  let state: Transition | undefined
  for (let k = 0; k < steps; k++) {
    controller(world, k, commands)
    state = await world.step(commands)
    each(state, k, commands)
  }
  if (state === undefined) throw new Error(`steps must be positive, got ${steps}`)
  return state
}
