import t, { type Test } from 'tap'
import { answer, json, refuses } from './support/cli.ts'
import { type ReferenceRun, referenceRuns } from './support/reference-runs.ts'
import { requireTool } from './support/require.ts'

const runs = referenceRuns()
/** Car ids as users get them; the reference runs have others, and SUMO's last tie break compares ids. */
const ask = ({ preset, controller }: ReferenceRun, ...more: string[]): string[] => {
  return ['sim-bridge', '--controller', controller, '--preset', preset, ...more]
}

t.test('sim-bridge --controller prints the figures of every reference run of SUMO', async (t) => {
  for (const run of runs) judge(t, run, await answer(t, ask(run)))
})

t.test('the bin prints one object of five figures', async (t) => {
  const run = runs.find(({ preset, controller }) => preset === 'flow' && controller === 'cap:6') as ReferenceRun
  const figures = await json(t, ask(run))
  t.same(Object.keys(figures), ['meanSpeed', 'nas', 'meanSpeed10s', 'stoppedShare', 'collisions'])
  judge(t, run, figures)
})

t.test('--sim sumo prints the same', async (t) => {
  if (!requireTool(t, 'sumo')) return
  for (const run of runs.filter(({ controller }) => ['none', 'alt:4:8', 'pulse:1:5'].includes(controller)))
    judge(t, run, await answer(t, ask(run, '--sim', 'sumo')))
})

t.test('what cannot be driven is refused with its rule', async (t) => {
  await refuses(t, 2, /--controller: controller must be one of none,.*got full/, ['sim-bridge', '--controller', 'full'])
  await refuses(t, 2, /--controller: the time of controller headway must be positive, got headway:0/, [
    ...['sim-bridge', '--controller', 'headway:0'],
  ])
  await refuses(t, 2, /--learners must be at most --vehicles \(4\), got 5/, [
    ...['sim-bridge', '--controller', 'none', '--vehicles', '4', '--learners', '5'],
  ])
  await refuses(t, 2, /vehicles must be <= 40, got 41/, ['sim-bridge', '--controller', 'none', '--vehicles', '41'])
  await refuses(t, 2, /speedMode must be equal to one of the allowed values .1, 25, 31., got 2/, [
    ...['sim-bridge', '--controller', 'none', '--speed-mode', '2'],
  ])
})

/** The tolerances are those of the promise; the figures of the reference have four digits, those of the 10 s three. */
function judge(t: Test, run: ReferenceRun, found: Record<string, unknown>): void {
  const name = `${run.preset} ${run.controller}`
  const meanSpeed = Number(found.meanSpeed)
  t.ok(Math.abs(meanSpeed / run.meanSpeed - 1) < 0.001, `${name}: mean speed ${meanSpeed} is ${run.meanSpeed}`)
  t.ok(Math.abs(Number(found.nas) - meanSpeed / 20) < 1e-12, `${name}: NAS`)
  const means = found.meanSpeed10s as number[]
  t.equal(means.length, 15)
  const squares = means.map((v, k) => (v - (run.meanSpeed10s[k] ?? Number.NaN)) ** 2)
  t.ok(Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / 15) < 0.05, `${name}: 10-s means ${means}`)
  t.ok(Math.abs(Number(found.stoppedShare) - run.stoppedShare) < 0.005, `${name}: stopped share`)
  t.equal(found.collisions, run.collidingVehicleSteps, `${name}: collisions`)
}
