import t from 'tap'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import { createFeatures, featureNames } from '../device/features.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import type { Observation } from '../schemas/lock-step.ts'
import { type Setting, settings } from '../schemas/setting.ts'
import { settingChanges, settingOf } from '../schemas/setting-of.ts'
import { drawSchedules } from '../sim-bridge/schedule.ts'
import { createEmbeddedWorld } from '../sim-bridge/worlds.ts'
import { createCar } from './support/cars.ts'
import { refuses } from './support/cli.ts'

const scales = { preset: 'flow', loopLength: 200, speedLimit: 30, accelerationLimit: 3 } as const
const observation: Observation = {
  ...{ position: 50, speed: 5, gap: 20, leaderPosition: 75, leaderSpeed: 10 },
  ...{ followerGap: 50, followerPosition: 190, followerSpeed: 0 },
}
const changed = (change: Partial<Config>): Setting => settingOf({ ...defaultConfig, ...change })
const near = (found: number | undefined, wanted: number): boolean => Math.abs((found ?? Number.NaN) - wanted) < 1e-12

t.test('without changes a configuration has the named setting itself', async (t) => {
  for (const setting of ['headway', 'letter', 'gap-law'] as const) t.equal(changed({ setting }), settings[setting])
  const same: Partial<Config> = { observation: 'gaps', action: 'timeGap', reward: 'fleet', horizonS: 60, lambda: 1 }
  t.equal(changed({ ...same, intervalMinS: 0.1, intervalMaxS: 10, returnRounds: 2 }), settings.headway)
})

t.test('each key changes exactly what it says, and the name says what was changed', async (t) => {
  const { headway, letter } = settings
  const { interval } = headway
  const cases: readonly (readonly [Partial<Config>, Partial<Setting>, string])[] = [
    [{ observation: 'relative' }, { observation: 'relative' }, '--observation relative'],
    [{ action: 'meshLaw' }, { action: 'meshLaw' }, '--action meshLaw'],
    [{ reward: 'local' }, { reward: 'local' }, '--reward local'],
    [{ gamma: 0.95 }, { gamma: 0.95 }, '--gamma 0.95'],
    [{ horizonS: 30 }, { horizonS: 30 }, '--horizon-s 30'],
    [{ lambda: 0.9 }, { lambda: 0.9 }, '--lambda 0.9'],
    [{ intervalMinS: 2 }, { interval: { ...interval, minS: 2 } }, '--interval-min-s 2'],
    [{ intervalMaxS: 20 }, { interval: { ...interval, maxS: 20 } }, '--interval-max-s 20'],
    [
      { intervalDistribution: 'log-uniform' },
      { interval: { ...interval, distribution: 'log-uniform' } },
      '--interval-distribution log-uniform',
    ],
    [{ initialLogStd: -1 }, { initialLogStd: -1 }, '--initial-log-std -1'],
    [{ returnRounds: 0 }, { returnRounds: 0 }, '--return-rounds 0'],
    [{ reuseSamples: 0 }, { reuseSamples: 0 }, '--reuse-samples 0'],
  ]
  t.same(new Set(cases.flatMap(([change]) => Object.keys(change))), new Set(settingChanges), 'every key is here')
  for (const [change, part, flags] of cases)
    t.same(changed(change), { ...headway, ...part, name: `headway ${flags}` }, flags)
  const timed = changed({ setting: 'letter', horizonS: 60 })
  t.same(
    timed,
    { ...letter, gamma: null, name: 'letter --horizon-s 60' },
    'a horizon replaces the discount per decision',
  )
})

t.test('what contradicts itself is refused with exit code 2, before anything is started', async (t) => {
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [
      /one of --gamma and --horizon-s can be given, got --gamma 0.9 and --horizon-s 60/,
      ['--gamma', '0.9', '--horizon-s', '60'],
    ],
    [
      /--interval-min-s must be at most --interval-max-s \(2\), got 3/,
      ['--interval-min-s', '3', '--interval-max-s', '2'],
    ],
    [/--interval-min-s must be at most --interval-max-s \(10\), got 11/, ['--interval-min-s', '11']],
    [/--interval-max-s must be whole steps of 0.1 s, got 0.25/, ['--interval-max-s', '0.25']],
    [/gamma must be < 1, got 1/, ['--gamma', '1']],
    [/horizonS must be > 0, got 0/, ['--horizon-s', '0']],
    [/observation must be equal to one of .*"gaps", "raw", "relative".*got "absolute"/, ['--observation', 'absolute']],
    [/action must be equal to one of .*got "steer"/, ['--action', 'steer']],
    [/reward must be equal to one of .*got "global"/, ['--reward', 'global']],
  ]
  for (const [rule, args] of cases) {
    await refuses(t, 2, rule, ['fleet', ...args])
    await refuses(t, 2, rule, ['sim-bridge', '--controller', 'none', ...args])
  }
  await refuses(t, 2, /--observation must be gaps or raw with --serve, got relative/, [
    ...['sim-bridge', '--serve', '--observation', 'relative'],
  ])
  await refuses(t, 2, /--action must be timeGap or acceleration with --serve, got gapLaw/, [
    ...['sim-bridge', '--serve', '--action', 'gapLaw'],
  ])
})

t.test('observation relative: gaps as gaps, speeds of the neighbours as differences', async (t) => {
  const row = new Float32Array(6)
  createFeatures(changed({ observation: 'relative' }), scales).encode(observation, row)
  // 2·50/200 − 1, 5/10 − ½, 20/25 − 1, (10 − 5)/10, 50/25 − 1, (0 − 5)/10
  t.same([...row], [-0.5, 0, Math.fround(-0.2), 0.5, 1, -0.5])
  createFeatures(changed({ observation: 'relative' }), scales).encode({ ...observation, speed: 7 }, row)
  t.same([...row], [-0.5, 0.2, -0.2, 0.3, 1, -0.7].map(Math.fround), 'both differences move with the own speed')
  const names = new Set(
    (['gaps', 'raw', 'relative'] as const).flatMap((name) =>
      featureNames(changed({ observation: name })).observationNames.join(),
    ),
  )
  t.equal(names.size, 3, 'no two observations share their names: policies of one are not mixed with those of another')
})

t.test(
  'reward local: the car, its leader and its follower; nothing for those who meet one that collides',
  async (t) => {
    // Two drivers collide 5.6 s after these starts.
    const world = createEmbeddedWorld({ preset: 'flow' }, { reward: 'local', startJitter: 3 })
    const nobody = new Float64Array(14).fill(Number.NaN)
    await world.reset(2)
    let withCollision = 0
    for (let k = 0; k < 100; k++) {
      const { rewards } = await world.step(nobody)
      const colliding = new Set(world.collisions.flat())
      if (colliding.size > 0) withCollision++
      for (let i = 0; i < 14; i++) {
        const around = [i, world.leader[i]!, world.follower[i]!]
        const mean = around.reduce((sum, car) => sum + world.speed[car]!, 0) / 3
        const wanted = around.some((car) => colliding.has(car)) ? 0 : mean / 20
        if (!near(rewards[i], wanted)) t.fail(`step ${k} car ${i}: ${rewards[i]} is ${wanted}`)
      }
      if (colliding.size > 0)
        t.ok(
          rewards.some((r) => r > 0),
          'others are paid',
        )
    }
    t.ok(withCollision > 0)
  },
)

t.test('gamma, horizon and λ reach the agent', async (t) => {
  const discount = (change: Partial<Config>, seconds: number) =>
    createCar('car01', createLocalBroker().connect(), change).agent.discount(seconds)
  t.ok(near(discount({}, 6), Math.exp(-0.1)))
  t.ok(near(discount({ horizonS: 12 }, 6), Math.exp(-0.5)))
  t.equal(discount({ gamma: 0.8 }, 6), 0.8)
  t.equal(discount({ setting: 'letter' }, 6), 0.9)
  t.ok(near(discount({ setting: 'letter', horizonS: 60 }, 6), Math.exp(-0.1)))
})

t.test('decision intervals: equal ends give one, log-uniform gives equal ratios equal chances', async (t) => {
  const ids = Array.from({ length: 4000 }, (_, i) => `car${i}`)
  const steps = (change: Partial<Config>) =>
    [...drawSchedules(1, ids, changed(change).interval).values()].map(({ intervalSteps }) => intervalSteps)
  t.same(drawSchedules(3, ids, changed({}).interval), drawSchedules(3, ids), 'no change, no other draw')
  t.same(new Set(steps({ intervalMinS: 0.3, intervalMaxS: 0.3 })), new Set([3]))
  for (const intervalDistribution of ['uniform', 'log-uniform'] as const) {
    const drawn = steps({ intervalMinS: 0.2, intervalMaxS: 6.3, intervalDistribution })
    t.same([Math.min(...drawn), Math.max(...drawn)], [2, 63], `${intervalDistribution}: both ends`)
    // Below 1.6 s: 14 of 62 step counts; log 8 / log 32 of the ratio.
    const share = drawn.filter((n) => n < 16).length / drawn.length
    const wanted = intervalDistribution === 'uniform' ? 14 / 62 : 3 / 5
    t.ok(Math.abs(share - wanted) < 4 * Math.sqrt((wanted * (1 - wanted)) / 4000), `${intervalDistribution}: ${share}`)
  }
})
