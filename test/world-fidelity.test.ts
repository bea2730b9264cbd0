import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readPolicies } from '../cli/policy-folder.ts'
import { settings } from '../schemas/setting.ts'
import { evaluatePolicies } from '../sim-bridge/policy-controller.ts'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { requireTool } from './support/require.ts'
import { driveAlike, minimalStandard, opens } from './support/worlds.ts'

/** Every run here is driven on a SUMO that the test starts; nothing is compared with stored files. */
const presets = ['flow', 'lab'] as const

const everyStep = {
  flow: ['none', 'cap:6', 'const:1.5', 'headway:5', 'pulse:1:5'],
  lab: ['cap:4', 'cap:6', 'headway:7'],
} as const

for (const preset of presets) {
  t.test(`${preset}: every car has SUMO's speed at every step`, async (t) => {
    if (!requireTool(t, 'sumo')) return
    const embedded = await opens.embedded(t, { preset })
    const sumo = await opens.sumo(t, { preset })
    for (const controller of everyStep[preset]) {
      const { largest, parted, meanSpeed } = await driveAlike(embedded, sumo, { drive: createController(controller) })
      t.ok(
        largest < 1e-3,
        `${controller}: ${meanSpeed[1].toFixed(4)} m/s, within ${largest.toExponential(1)} m/s ${parted}`,
      )
    }
  })
}

/** Bounds of the parameters of each kind: m/s² or m/s, then s. */
const bounds: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  const: [[0.2, 3]],
  cap: [[2, 12]],
  lead: [[2, 12]],
  headway: [[1.5, 10]],
  alt: [
    [2, 12],
    [2, 12],
  ],
  pulse: [
    [0.3, 3],
    [1, 15],
  ],
}

/** Runs of each kind and preset; every second one with start jitter. TRUSTMIX_FIDELITY_RUNS asks for more. */
const runs = Number(process.env.TRUSTMIX_FIDELITY_RUNS ?? 6)

for (const preset of presets) {
  t.test(`${preset}: the mean speed is SUMO's within 0.5 % for parameters drawn at random`, async (t) => {
    if (!requireTool(t, 'sumo')) return
    const even = [await opens.embedded(t, { preset }), await opens.sumo(t, { preset })] as const
    const jittered = [
      await opens.embedded(t, { preset }, { startJitter: 2 }),
      await opens.sumo(t, { preset }, { startJitter: 2 }),
    ] as const
    const random = minimalStandard(preset === 'flow' ? 20_261 : 20_262)
    t.comment(
      'controller             start   embedded       SUMO   error %   pairs that collided, first difference > 1e-3 m/s',
    )
    for (const [kind, ranges] of Object.entries(bounds)) {
      for (let seed = 1; seed <= runs; seed++) {
        const controller = [kind, ...ranges.map(([low, high]) => (low + (high - low) * random()).toFixed(2))].join(':')
        const [embedded, sumo] = seed % 2 === 0 ? jittered : even
        const run = await driveAlike(embedded, sumo, { drive: createController(controller), seed })
        const error = 100 * (run.meanSpeed[0] / run.meanSpeed[1] - 1)
        t.comment(
          [
            controller.padEnd(22),
            (seed % 2 === 0 ? `±2 m ${seed}` : 'even').padEnd(7),
            run.meanSpeed[0].toFixed(5).padStart(9),
            run.meanSpeed[1].toFixed(5).padStart(10),
            error.toFixed(4).padStart(9),
            String(run.collisions).padStart(5),
            run.parted,
          ].join(' '),
        )
        if (run.collisions[1] === 0) t.ok(Math.abs(error) < 0.5, `${controller}, seed ${seed}: within 0.5 %`)
      }
    }
  })
}

/** Queues that stand in the crossing with a front at the edge of the conflict zone: who goes first decides for minutes. */
const standing = [
  ['flow', 'pulse:0.51:12.04', 2, 6],
  ['lab', 'pulse:0.45:9.68', 0, 1],
  ['lab', 'pulse:0.66:11.66', 0, 1],
] as const

t.test('a queue that stands in the crossing is cleared as on SUMO', async (t) => {
  if (!requireTool(t, 'sumo')) return
  for (const [preset, controller, startJitter, seed] of standing) {
    const embedded = await opens.embedded(t, { preset }, { startJitter })
    const sumo = await opens.sumo(t, { preset }, { startJitter })
    const { meanSpeed } = await driveAlike(embedded, sumo, { drive: createController(controller), seed })
    t.ok(Math.abs(meanSpeed[0] / meanSpeed[1] - 1) < 0.001, `${preset} ${controller}: ${meanSpeed}`)
  }
})

t.test('policies trained here drive the same on SUMO, within 0.5 % of the mean speed', async (t) => {
  if (!requireTool(t, 'sumo')) return
  // trustmix fleet --epochs 60 --seed 1
  const policies = readPolicies(fileURLToPath(new URL('../../test/policies/', import.meta.url)), settings.headway)
  t.equal(policies.size, 7)
  for (const startJitter of [0, 2]) {
    const embedded = await opens.embedded(t, { preset: 'flow' }, { startJitter })
    const sumo = await opens.sumo(t, { preset: 'flow' }, { startJitter })
    for (const seed of [1, 2, 3]) {
      const options = { preset: 'flow', setting: settings.headway, seed } as const
      const here = await evaluatePolicies(embedded, policies, options)
      const there = await evaluatePolicies(sumo, policies, options)
      const title = `±${startJitter} m, seed ${seed}: ${here.epochMeanSpeed} and ${there.epochMeanSpeed} m/s`
      t.ok(Math.abs(here.epochMeanSpeed / there.epochMeanSpeed - 1) < 0.005, title)
      t.ok(there.epochMeanSpeed > 6.5, 'better than the drivers, 5.63 m/s')
      t.equal(here.collisions, there.collisions)
    }
  }
})
