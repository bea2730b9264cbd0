import t from 'tap'
import { untrainedLaw } from '../cli/baselines.ts'
import { createFeatures } from '../device/features.ts'
import { type Limits, permit } from '../device/safety/envelope.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { lawRanges } from '../schemas/gap-laws.ts'
import { validateAct } from '../schemas/lock-step.ts'
import type { Setting } from '../schemas/setting.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { accelerationOf } from '../sim-bridge/controller.ts'
import { gapLawAcceleration } from '../sim-bridge/sim/gap-law.ts'
import { sineOfTurns } from '../sim-bridge/sim/sine.ts'
import { calm } from './support/devices.ts'

const scales = { preset: 'flow', loopLength: 200, speedLimit: 30, accelerationLimit: 3 } as const
const changed = (change: Partial<Config>): Setting => settingOf({ ...defaultConfig, ...change })
const near = (found: number | undefined, wanted: number): boolean => Math.abs((found ?? Number.NaN) - wanted) < 1e-12

t.test('actions gapLaw and meshLaw: each component spans the range of its parameter', async (t) => {
  const gapLaw = createFeatures(changed({ action: 'gapLaw' }), scales)
  t.same(gapLaw.actionNames, ['gapLaw.timeGap', 'gapLaw.standstillGap'])
  const fixed = { gain: 0.49, cap: 20.2, leaderGain: 0, followerWeight: 0, followerGain: 0 }
  // T = 2·4^((1 + u)/2) s, g0 = 20·u m.
  for (const [u, timeGap, standstillGap] of [
    [[-1, -1], 2, -20],
    [[0, 0], 4, 0],
    [[0.5, 0.25], 4 * Math.SQRT2, 5],
    [[1, 1], 8, 20],
    [[9, -9], 8, -20],
  ] as const) {
    const law = gapLaw.command(...u).gapLaw
    t.ok(near(law?.timeGap, timeGap) && near(law?.standstillGap, standstillGap), `${u}`)
    t.match(law, fixed)
  }
  const meshLaw = createFeatures(changed({ action: 'meshLaw' }), { ...scales, preset: 'lab' })
  t.same(meshLaw.actionNames, ['meshLaw.timeGap', 'meshLaw.standstillGap', 'meshLaw.followerWeight'])
  const { gapLaw: law } = meshLaw.command(-1, 0.5, -0.25)
  t.ok(near(law?.timeGap, 3) && near(law?.standstillGap, 10) && near(law?.followerWeight, -0.25))
  t.match(law, { gain: 0.6839, cap: 25.25, leaderGain: 0.3981, followerGain: -0.05583 })
})

t.test(
  'the general law: a = k(min(c, (gap − g0)/T) + w(gap behind − 10)/10 + extra − v) + p(v ahead − v) + r(v behind − v)',
  async (t) => {
    // Car 0 at 5 m/s; car 1, ahead, at 8; car 2, behind, at 4 with a gap of 30 m.
    const cars = {
      speed: Float64Array.of(5, 8, 4),
      gap: Float64Array.of(20, 1, 30),
      leader: Int32Array.of(1, 2, 0),
      follower: Int32Array.of(2, 0, 1),
    }
    const plain = {
      timeGap: 2,
      standstillGap: 4,
      gain: 0.5,
      cap: 100,
      leaderGain: 0,
      followerWeight: 0,
      followerGain: 0,
    }
    const of = (law: Partial<typeof plain>, extra?: number) => gapLawAcceleration({ ...plain, ...law }, cars, 0, extra)
    t.equal(of({}), 0.5 * (8 - 5))
    t.equal(of({ standstillGap: 0, cap: 9 }), 0.5 * (9 - 5), 'the cap holds the part of the gap ahead')
    t.equal(of({ leaderGain: 0.25 }), 1.5 + 0.25 * 3)
    t.equal(of({ followerWeight: -1 }), 0.5 * (8 - 2 - 5))
    t.equal(of({ followerGain: 0.5 }), 1.5 - 0.5)
    t.equal(of({}, 2), 0.5 * (10 - 5))
    const world = { ...cars, accelerationLimit: 3 }
    t.equal(accelerationOf({ gapLaw: plain }, world, 0), 1.5, 'the bridge drives it')
    t.equal(accelerationOf({ gapLaw: { ...plain, gain: 9 } }, world, 0), 3, 'within the limit of the car')
    t.equal(accelerationOf({ gapLaw: { ...plain, standstillGap: 0.5, timeGap: 4 } }, world, 0), 0.5 * (19.5 / 4 - 5))
    const timeGap = { ...plain, standstillGap: 0 }
    t.equal(
      accelerationOf({ gapLaw: timeGap }, world, 0),
      accelerationOf({ timeGap: 2 }, world, 0),
      'timeGap is a case of it',
    )
  },
)

t.test('the sine of the wave is that of Math', async (t) => {
  let largest = 0
  for (let i = -4000; i <= 4000; i++)
    largest = Math.max(largest, Math.abs(sineOfTurns(i / 997) - Math.sin((2 * Math.PI * i) / 997)))
  t.ok(largest < 1e-13, `${largest}`)
  t.ok(near(sineOfTurns(0.25), 1))
  t.equal(sineOfTurns(12), 0)
})

t.test('the envelope cuts each parameter of a law to its range, and a device that has none takes no law', async (t) => {
  const limits: Limits = { acceleration: 3, timeGap: [2, 8], gapLaw: lawRanges.meshLaw.flow }
  const inside = createFeatures(changed({ action: 'meshLaw' }), scales).command(0.3, -0.4, 0.9).gapLaw
  if (!inside) throw new Error('a law must be commanded')
  t.same(permit({ gapLaw: inside }, calm, limits), { command: { gapLaw: inside } })
  for (const [name, [low, high]] of Object.entries(lawRanges.meshLaw.flow))
    for (const [asked, given] of [
      [low - 1e-9, low],
      [high + 1e-9, high],
      [-1e9, low],
    ] as const)
      t.same(permit({ gapLaw: { ...inside, [name]: asked } }, calm, limits), {
        command: { gapLaw: { ...inside, [name]: given } },
      })
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
    t.match(permit({ gapLaw: { ...inside, gain: value } }, calm, limits), { fallback: 'follow law is not finite' })
  const { gapLaw: _, ...without } = limits
  t.match(permit({ gapLaw: inside }, calm, without), { fallback: 'a follow law is not expected' })
  const act = { version: 1, run: 'r', epoch: 1, step: 0, seq: 1, kind: 'decide' }
  t.ok(validateAct({ ...act, command: { gapLaw: inside } }).ok)
  t.notOk(validateAct({ ...act, command: { gapLaw: { ...inside, timeGap: 0 } } }).ok)
  t.notOk(validateAct({ ...act, command: { gapLaw: inside, timeGap: 3 } }).ok)
})

t.test('an untrained law is what an action of 0 commands', async (t) => {
  for (const preset of ['flow', 'lab'] as const)
    for (const action of ['gapLaw', 'meshLaw'] as const) {
      const law = createFeatures(changed({ action }), { ...scales, preset }).command(0, 0, 0).gapLaw
      const numbers = untrainedLaw(preset, action).split(':').slice(1).map(Number)
      t.ok(
        Object.values(law ?? { none: Number.NaN }).every((value, i) => near(numbers[i], value)),
        `${preset} ${action}: ${numbers}`,
      )
    }
})
