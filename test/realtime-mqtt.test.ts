import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { User } from '../broker/admission.ts'
import type { Refusal } from '../device/bus/bus.ts'
import type { Fault } from '../schemas/faults.ts'
import { type Report, validateReport } from '../schemas/report.ts'
import { settings } from '../schemas/setting.ts'
import { createBridge } from '../sim-bridge/bridge.ts'
import { planFaults } from '../sim-bridge/faults/fault-plan.ts'
import { createFaultyBus } from '../sim-bridge/faults/faults.ts'
import { createMeter } from '../sim-bridge/report/meter.ts'
import { start } from './support/broker-fixture.ts'
import { busTo } from './support/buses.ts'
import { createCar, createSmallWorld, learners, runOnVirtualClock } from './support/cars.ts'
import { trustmix } from './support/cli.ts'
import { smallConfig } from './support/devices.ts'
import { startFleet } from './support/fleet.ts'
import { testFolder } from './support/program.ts'

const users = new Map<string, User>([
  ['bridge', { id: 'bridge', role: 'bridge', password: 'bridge-secret' }],
  ...learners.map((id) => [id, { id, role: 'device', password: `${id}-secret` }] as const),
])

t.test(
  'over MQTT faults do what they do in process; corrupt bytes are refused by the receiver and made up for',
  async (t) => {
    const broker = await start(t, { users })
    const refused: Refusal[] = []
    for (const id of learners) {
      const bus = busTo(t, broker.port, id)
      bus.onRefused((refusal) => refused.push(refusal))
      const device = createCar(id, bus)
      every(t, () => device.tick())
      await bus.ready
    }
    const bus = busTo(t, broker.port, 'bridge')
    await bus.ready
    const window = { at: 0, until: 10 }
    const faults: Fault[] = [
      { kind: 'corrupt', ...window, probability: 0.3 },
      { kind: 'dropout', ...window, vehicles: ['car01'] },
      { kind: 'noise', ...window, sigma: { gap: 0.5, leaderSpeed: 0.2 } },
      { kind: 'duplicate', ...window, probability: 0.5 },
      { kind: 'reorder', ...window, probability: 0.2 },
    ]
    const seed = 1
    const world = createSmallWorld(100)
    // Ten times as fast as the clock on the wall, so that a question is repeated after a tenth of a second.
    const now = (): number => 10 * performance.now()
    const faulty = createFaultyBus({
      ...{ bus, encoded: true, plan: planFaults({ version: 1, faults }, learners), seed, rtf: 1, now },
      ...{ stepLength: world.stepLength, later: (ms, work) => setTimeout(work, ms / 10) },
    })
    const meter = createMeter({ vehicles: learners, now, onCount: faulty.blame })
    faulty.onRefused(({ address }) => meter.count(address.vehicle ?? '', 'refused'))
    const bridge = createBridge({
      ...{
        world,
        bus: faulty,
        fleet: smallConfig.fleet,
        run: 'run1',
        seed,
        epochs: 1,
        network: 'figure-eight',
        preset: 'flow',
        sim: 'embedded',
      },
      ...{ setting: settings.headway, method: 'gated', now, meter, roundSteps: 50, onStep: faulty.at },
      ...{ answerTimeoutMs: 3_600_000, gatherTimeoutMs: 3_600_000 },
    })
    every(t, () => bridge.tick())
    const summary = await bridge.run()
    const inProcess = await runOnVirtualClock({ epochSteps: 100, roundSteps: 50, faults })
    t.same(summary, inProcess.summary, 'the same bits')
    const [effect, dropout] = faulty.effects()
    t.ok((dropout?.counts.fallbacks ?? 0) > 0, 'a question without an observation is one that a device answers')
    const { repeats = 0, refused: refusedHere = 0 } = effect?.counts ?? {}
    t.ok(refused.length > 0 && refusedHere > 0 && repeats > 0, `${refused.length} there, ${refusedHere} here`)
    t.ok((effect?.messages ?? 0) > 0 && refused.length + refusedHere >= (effect?.messages ?? 0), 'each one was refused')
    t.ok(refused.every(({ channel, reason }) => channel === 'obs' && reason.match(/malformed|unsupported-version/)))
  },
)

t.test('a fleet in real time keeps going under faults; the report, its files and the exit code say so', async (t) => {
  const directory = testFolder(t)
  const faults = join(directory, 'freeze.json')
  const freeze = { kind: 'freeze', vehicles: ['car05'], at: 5, until: 145 }
  writeFileSync(faults, JSON.stringify({ version: 1, faults: [freeze] }))
  const lenient = ['--max-misses', '1000000', '--max-handed-over', '1000000', '--max-rebases', '1000000']
  const base = ['--realtime', '--rtf', '50', '--epochs', '1', '--hidden', '8,8', '--judge']
  const run = async (name: string, more: readonly string[]): Promise<{ code: number | null; report: Report }> => {
    const path = join(directory, name)
    const { code, stdout, stderr } = await startFleet(path, [...base, ...more]).ended
    t.match(JSON.parse(stdout), { epochs: [{ epoch: 1 }], interrupted: false }, 'stdout is the summary alone')
    t.match(stderr, /real-time factor/)
    const report = validateReport(JSON.parse(readFileSync(join(path, 'report.json'), 'utf8')))
    if (!report.ok) throw new Error(report.detail)
    return { code, report: report.value }
  }

  const kept = await run('kept', lenient)
  t.equal(kept.code, 0)
  t.equal(kept.report.world.steps, 1500)
  // 150 simulated seconds at 50 times the clock are 3 s; a loaded machine may need much longer, never less.
  t.ok(kept.report.world.clockS > 2.99 && kept.report.world.clockS < 30, `${kept.report.world.clockS} s`)
  t.equal(kept.report.world.jitter?.count, 1500)
  t.equal(
    kept.report.world.jitterBins.reduce((sum, { count }) => sum + count, 0),
    1500,
  )
  for (const { roundTrip, decisions } of Object.values(kept.report.devices)) {
    t.ok(decisions >= 14 && roundTrip.decide.count > 0, 'an interval is at most 10 s')
    t.ok(roundTrip.learn.count >= 1 && roundTrip.mix.count >= 1)
    const { min, p50, p99, p999, max } = roundTrip.decide
    t.same(
      [min, p50, p99, p999, max],
      [min, p50, p99, p999, max].toSorted((a, b) => (a ?? 0) - (b ?? 0)),
    )
  }

  const red = await run('red', ['--faults', faults])
  t.equal(red.code, 5)
  t.equal(red.report.passed, false)
  t.equal(red.report.world.steps, 1500)
  const effects = red.report.faults[0]?.effects
  // 2.8 s of the clock, in which even a tenth of the pace is more than the interval of 4.3 s and as long a hold.
  t.ok((effects?.misses ?? 0) > 0 && (effects?.handedOverSteps ?? 0) > 0, JSON.stringify(effects))
  const file = (name: string): string => readFileSync(join(directory, 'red', name), 'utf8')
  t.match(file('junit.xml'), /<testcase classname="car05" name="missed deadlines: at most 0">\n +<failure /)
  t.match(file('tap.txt'), /^not ok \d+ - car05: missed deadlines: at most 0$/m)
})

t.test('a scenario that does not fit is refused before anything is started', async (t) => {
  const file = join(testFolder(t), 'f.json')
  writeFileSync(file, '{"version":1,"faults":[{"kind":"freeze","at":1,"until":2,"vehicles":["car00"]}]}')
  for (const args of [['fleet'], ['sim-bridge', '--run', 'r', '--broker', 'mqtt://127.0.0.1:1']]) {
    const { code, stderr } = await trustmix([...args, '--faults', file])
    t.equal(code, 2)
    t.match(
      stderr,
      /^trustmix: --faults: .*f\.json: \/faults\/0\/vehicles must be learners \(car01, .*\), got car00\n$/,
    )
  }
})

/** Calls `work` often until the test is over. */
function every(t: Test, work: () => void): void {
  const timer = setInterval(work, 10)
  t.teardown(() => clearInterval(timer))
}

t.test('Ctrl-C ends a run in real time at once', async (t) => {
  const fleet = startFleet(join(testFolder(t), 'run'), [
    '--realtime',
    '--rtf',
    '50',
    '--epochs',
    '50',
    '--hidden',
    '8,8',
  ])
  await fleet.epochDone(1)
  fleet.child.kill('SIGINT')
  const { code, stdout, stderr } = await fleet.ended
  t.equal(code, 130)
  const { interrupted, epochs } = JSON.parse(stdout)
  t.equal(interrupted, true)
  t.ok(epochs.length < 50)
  t.match(stderr, /^ending$/m)
  t.notMatch(stderr, /Ctrl-C again/)
})
