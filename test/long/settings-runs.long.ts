import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadEngine } from '../../device/engines/index.ts'
import { defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import { driveControlled } from '../../sim-bridge/controlled.ts'
import { createExperiment } from '../../sim-bridge/experiment/experiment.ts'
import { createController } from '../../sim-bridge/sim/controllers.ts'
import { controllerName } from '../../sim-bridge/sim/hand-laws.ts'
import { openWorld } from '../../sim-bridge/worlds.ts'
import { answer, refuses } from '../support/cli.ts'
import { runFleet, runLocally } from '../support/fleet.ts'
import { requireTool } from '../support/require.ts'
import { opens } from '../support/worlds.ts'

/** One change of each kind at least, and each action that has more than one component. */
const runs: Readonly<Record<string, PartialConfig>> = {
  meshLaw: {
    ...{ action: 'meshLaw', observation: 'relative', reward: 'local', gamma: 0.95, lambda: 0.9 },
    ...{ intervalDistribution: 'log-uniform', startJitter: 2, method: 'average' },
  },
  letter: { setting: 'letter', observation: 'gaps', reward: 'fleet', horizonS: 30, intervalMinS: 1, intervalMaxS: 2 },
}

for (const [name, change] of Object.entries(runs))
  t.test(`${name}: two epochs over MQTT end with the policies of the same seed in process`, async (t) => {
    const directory = join(t.testdir(), 'run')
    const summary = await runFleet(directory, ['--epochs', '2', '--seed', '4', ...flags(change)])
    const local = await runLocally({ epochs: 2, seed: 4, ...change })
    const setting = settingOf({ ...defaultConfig, ...change })
    t.equal(summary.setting, setting.name)
    t.same(summary.policies, local.policies)
    t.same(summary.verdicts, local.verdicts)
    t.same(summary.epochs, local.epochs)
    t.equal(summary.deterministic, true)
    t.ok(Object.values(summary.learners ?? {}).some(({ updates }) => updates > 0))
    if (name === 'letter')
      for (const { intervalS } of Object.values(summary.learners ?? {})) t.ok(intervalS >= 1 && intervalS <= 2)
    await evaluated(t, join(directory, 'policies'), name)
  })

/** `evaluate` drives the policies in their own setting, and refuses another. */
async function evaluated(t: Test, policies: string, name: string): Promise<void> {
  const evaluate = ['evaluate', '--policies', policies]
  if (name === 'letter') {
    await refuses(t, 2, /were trained with --setting letter, got headway/, evaluate)
    await refuses(t, 2, /were trained with --observation gaps, got raw/, [...evaluate, '--setting', 'letter'])
    return
  }
  const observation = ['--observation', 'relative']
  await refuses(t, 2, /were trained with --observation relative, got gaps/, evaluate)
  await refuses(t, 2, /were trained with --action meshLaw, got timeGap/, [...evaluate, ...observation])
  const changes = [...observation, '--action', 'meshLaw', '--interval-distribution', 'log-uniform']
  const { meanSpeed } = await answer(t, [...evaluate, ...changes])
  t.ok(Number(meanSpeed) > 3)
}

t.test('in real time a law of two parameters is decided, held and learned from', async (t) => {
  const args = ['--epochs', '1', '--action', 'gapLaw', '--interval-min-s', '2', '--realtime', '--rtf', '20']
  const summary = await runFleet(join(t.testdir(), 'run'), args)
  t.match(summary, { setting: 'headway --action gapLaw --interval-min-s 2', interrupted: false })
  t.ok((summary.epochs[0]?.meanSpeed ?? 0) > 3)
  for (const { samples, updates } of Object.values(summary.learners ?? {})) t.ok(samples > 5 && updates > 0)
})

t.test('on SUMO a law of three parameters learns as in the embedded world', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const config = { ...defaultConfig, action: 'meshLaw', startJitter: 2, epochs: 1 } as const
  const createEngine = await loadEngine(config.engine)
  const speeds: number[] = []
  for (const sim of ['embedded', 'sumo'] as const) {
    const world = await openWorld({ ...config, sim })
    try {
      const experiment = createExperiment({
        config: { ...config, sim },
        world,
        createEngine: (observationSize, hidden, actionSize) => createEngine({ observationSize, actionSize, hidden }),
      })
      const summary = await experiment.run()
      t.ok(Object.values(summary.learners ?? {}).every(({ updates }) => updates > 0))
      speeds.push(summary.epochs[0]?.meanSpeed ?? 0)
    } finally {
      await world.close()
    }
  }
  const [embedded = 0, sumo = 1] = speeds
  t.ok(Math.abs(embedded / sumo - 1) < 0.01, `${embedded} and ${sumo} m/s`)
})

t.test('with --start-jitter each epoch has starts of its own, which the seed gives again', async (t) => {
  const createEngine = await loadEngine('wasm')
  const starts = async (seed: number): Promise<string[]> => {
    const config = { ...defaultConfig, seed, epochs: 3, hidden: [4], startJitter: 2 }
    const world = await openWorld(config)
    const drawn: string[] = []
    const reset = world.reset.bind(world)
    world.reset = async (epochSeed) => {
      const state = await reset(epochSeed)
      drawn.push([...world.position].join())
      return state
    }
    await createExperiment({
      config,
      world,
      createEngine: (observationSize, hidden, actionSize) => createEngine({ observationSize, actionSize, hidden }),
    }).run()
    return drawn.slice(-3)
  }
  const first = await starts(1)
  t.equal(new Set(first).size, 3)
  t.same(await starts(1), first)
  t.equal(new Set([...first, ...(await starts(2))]).size, 6)
})

/** Mean speeds of docs/settings.md from even starts, m/s. */
const speeds = {
  flow: { untrained: 5.86, 'best-headway': 7.49, 'best-gap': 8.57, 'robust-mesh': 8.89, best: 9.1 },
  lab: { untrained: 4.86, 'best-headway': 5.8, 'best-gap': 8.34, 'robust-mesh': 8.18, 'robust-wave': 9.11, best: 9.26 },
} as const

for (const sim of ['embedded', 'sumo'] as const)
  t.test(`the hand laws drive as fast as documented, without a collision: ${sim}`, async (t) => {
    if (sim === 'sumo' && !requireTool(t, 'sumo')) return
    for (const preset of ['flow', 'lab'] as const) {
      const world = await opens[sim](t, { preset })
      for (const [name, speed] of Object.entries(speeds[preset])) {
        const found = await driveControlled(world, createController(controllerName(name, preset)), 1)
        t.ok(Math.abs(found.meanSpeed - speed) < 0.006, `${preset} ${name}: ${found.meanSpeed} is ${speed}`)
        t.equal(found.collisions, 0)
      }
    }
  })

t.test('sim-bridge and plot know the hand laws of their preset', async (t) => {
  const drive = ['sim-bridge', '--controller']
  t.same(await answer(t, [...drive, 'untrained']), await answer(t, [...drive, 'headway:4']))
  t.same(
    await answer(t, [...drive, 'untrained', '--preset', 'lab']),
    await answer(t, [...drive, 'headway:6', '--preset', 'lab']),
  )
  await refuses(t, 2, /--controller: this controller takes 4 to 9 finite numbers separated by ":", got gap:1:2:3/, [
    ...[...drive, 'gap:1:2:3'],
  ])
  await refuses(t, 2, /--controller: the time of controller gap must be positive, got gap:0:2:3:4/, [
    ...[...drive, 'gap:0:2:3:4'],
  ])
})

function flags(change: PartialConfig): string[] {
  return Object.entries(change).flatMap(([key, value]) => [
    `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ])
}
