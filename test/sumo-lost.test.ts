import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import type { Summary } from '../schemas/summary.ts'
import { createExperiment } from '../sim-bridge/experiment/experiment.ts'
import { SimulatorLostError } from '../sim-bridge/simulator.ts'
import { SumoError, SumoLostError } from '../sim-bridge/sumo/errors.ts'
import { findFreePort } from '../sim-bridge/sumo/process.ts'
import { SumoSimulator } from '../sim-bridge/sumo/sumo-simulator.ts'
import { createSumoWorld, openWorld } from '../sim-bridge/worlds.ts'
import { killWithTest } from './support/program.ts'
import { requireTool } from './support/require.ts'

const nobody = new Float64Array(14).fill(Number.NaN)

/** Speeds of all cars after `steps` steps of an epoch of the drivers. */
async function drivenSpeeds(world: Awaited<ReturnType<typeof openWorld>>, steps: number): Promise<number[]> {
  await world.reset(1)
  for (let k = 0; k < steps; k++) await world.step(nobody)
  return [...world.speed]
}

function pidOf({ simulator }: { readonly simulator: unknown }): number {
  if (!(simulator instanceof SumoSimulator)) throw new Error('the world must be on SUMO')
  return simulator.processId ?? Number.NaN
}

t.test(
  'a SUMO killed in mid-epoch is a lost simulator; the next reset starts another one with the same bits',
  async (t) => {
    if (!requireTool(t, 'sumo')) return
    const world = await createSumoWorld({ preset: 'flow' })
    t.teardown(() => world.close())
    const undisturbed = await drivenSpeeds(world, 60)
    await world.reset(1)
    for (let k = 0; k < 40; k++) await world.step(nobody)
    const first = pidOf(world)
    process.kill(first, 'SIGKILL')
    const lost = await world.step(nobody).catch((error: unknown) => error)
    t.ok(lost instanceof SimulatorLostError)
    t.ok(lost instanceof SumoLostError)
    t.match(lost, { message: 'SUMO must run until this world is closed, but it ended (signal SIGKILL)' })
    await t.rejects(world.step(nobody), SumoLostError, 'every step is refused until the next reset')
    t.same(await drivenSpeeds(world, 60), undisturbed)
    t.not(pidOf(world), first)
    process.kill(pidOf(world), 'SIGKILL')
    await t.rejects(world.reset(1), SumoLostError, 'a SUMO that ends unnoticed is missed by the reset')
    t.same(await drivenSpeeds(world, 60), undisturbed)
    await world.close()
    await t.rejects(world.reset(1), new SumoError('a world must not be used after it was closed'))
  },
)

t.test('the run goes on after a crash of SUMO, says so, and ends with the same figures and policies', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const undisturbed = await run(t, Number.NaN)
  t.equal(undisturbed.deterministic, true)
  // Baseline of 1500 steps, then step 200 of the first epoch: the first learning round is after step 250.
  const crashed = await run(t, 1500 + 200)
  t.equal(crashed.deterministic, false)
  t.same(crashed.causes, [
    'epoch 1 began anew: SUMO must run until this world is closed, but it ended (signal SIGKILL)',
  ])
  t.same(crashed.epochs, undisturbed.epochs)
  t.same(crashed.policies, undisturbed.policies)
  t.same(crashed.baseline, undisturbed.baseline)
  const inBaseline = await run(t, 700)
  t.same(inBaseline.causes.length, 1)
  t.match(inBaseline.causes[0], /^epoch 0 began anew: SUMO must run/)
  t.same(inBaseline.epochs, undisturbed.epochs)
})

/** One epoch of learning over LocalBus; SUMO is killed before the step of that number, counted from the start of the run. */
async function run(t: Test, killBefore: number): Promise<Summary> {
  const config: Config = { ...defaultConfig, sim: 'sumo', epochs: 1 }
  const world = await openWorld(config)
  t.teardown(() => world.close())
  const step = world.step.bind(world)
  let steps = 0
  world.step = (accelerations) => {
    if (++steps === killBefore) process.kill(pidOf(world), 'SIGKILL')
    return step(accelerations)
  }
  const { run } = createExperiment({
    config,
    world,
    createEngine: (observationSize, hidden) => createReferenceEngine({ observationSize, actionSize: 1, hidden }),
  })
  return run()
}

t.test('a SUMO of someone else at a port is used, and connected to again after it was lost', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const port = await findFreePort()
  const net = new URL('../../test/reference/sumo-flow/fig8.net.xml', import.meta.url).pathname
  const start = (): ChildProcess => {
    const sumo = spawn('sumo', ['-n', net, '--remote-port', String(port)], { stdio: 'ignore' })
    killWithTest(t, sumo)
    return sumo
  }
  const first = start()
  const world = await openWorld({ ...defaultConfig, sim: 'sumo', sumoPort: port })
  t.teardown(() => world.close())
  t.ok(Number.isNaN(pidOf(world)), 'it is not ours')
  const speeds = await drivenSpeeds(world, 30)
  first.kill('SIGKILL')
  await t.rejects(world.step(nobody), SumoLostError)
  const second = start()
  t.same(await drivenSpeeds(world, 30), speeds)
  const ended = once(second, 'close')
  await world.close()
  t.same(await ended, [0, null])
})

t.test('sumo-gui drives the same bits in its window, through resets and a crash', async (t) => {
  if (!requireTool(t, 'sumo-gui') || !requireTool(t, 'Xvfb')) return
  const embedded = await openWorld({ ...defaultConfig, sim: 'sumo' })
  t.teardown(() => embedded.close())
  const speeds = await drivenSpeeds(embedded, 60)
  await withDisplay(t)
  const world = await openWorld({ ...defaultConfig, sim: 'sumo', sumoGui: true })
  t.teardown(() => world.close())
  t.same(await drivenSpeeds(world, 60), speeds)
  t.same(await drivenSpeeds(world, 60), speeds)
  process.kill(pidOf(world), 'SIGKILL')
  await t.rejects(world.step(nobody), SumoLostError)
  t.same(await drivenSpeeds(world, 60), speeds)
})

/** Runs an X server without a screen on a free display until the end of the test. */
async function withDisplay(t: Test): Promise<void> {
  const server = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const before = process.env.DISPLAY
  t.teardown(() => {
    server.kill()
    if (before === undefined) delete process.env.DISPLAY
    else process.env.DISPLAY = before
  })
  const [display] = await once(createInterface({ input: server.stdout }), 'line')
  process.env.DISPLAY = `:${display}`
}

t.test('without a display the error is what sumo-gui says', async (t) => {
  if (!requireTool(t, 'sumo-gui')) return
  const before = process.env.DISPLAY
  t.teardown(() => {
    if (before !== undefined) process.env.DISPLAY = before
  })
  delete process.env.DISPLAY
  await t.rejects(createSumoWorld({ preset: 'flow', gui: true }), {
    name: 'SumoError',
    message: /SUMO must start and wait for us, but it ended \(exit code 1\) and said ".*unable to open display/,
  })
})
