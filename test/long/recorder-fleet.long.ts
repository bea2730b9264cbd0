import { join } from 'node:path'
import t from 'tap'
import type { ReplayResult } from '../../device/recorder/replay.ts'
import { trustmix } from '../support/cli.ts'
import { runFleet, runLocally, startFleet } from '../support/fleet.ts'
import { testFolder } from '../support/program.ts'

interface Answer {
  readonly identical: boolean
  readonly logs: readonly ReplayResult[]
}

t.test('a fleet that records learns the same policies, and every log replays bit for bit', async (t) => {
  const directory = testFolder(t)
  const logs = join(directory, 'logs')
  const run = { epochs: 1, seed: 4, vehicles: 6, learners: 3 }
  const size = Object.entries(run).flatMap(([name, value]) => [`--${name}`, String(value)])
  const summary = await runFleet(join(directory, 'run'), [...size, '--record-dir', logs])
  t.same(summary.policies, (await runLocally(run)).policies)
  const { code, stdout, stderr } = await trustmix(['replay', logs, '--json'])
  t.equal(code, 0, stderr)
  const answer = JSON.parse(stdout) as Answer
  t.equal(answer.identical, true)
  t.same(Object.fromEntries(answer.logs.map(({ vehicle, policyHash }) => [vehicle, policyHash])), summary.policies)
  for (const log of answer.logs) {
    t.match(log, { identical: true, files: 1, lost: 0, cut: 0, counts: { '/out/verdict': 12, '/out/learned': 6 } })
    t.equal(log.counts['/in/decide'], log.counts['/out/action'])
  }
})

t.test('in real time, over a death: the log that was cut and the one that goes on both replay', async (t) => {
  const directory = testFolder(t)
  const logs = join(directory, 'logs')
  const size = ['--vehicles', '4', '--learners', '2', '--seed', '2', '--learn-slice-ms', '0.01']
  const time = ['--epochs', '3', '--realtime', '--rtf', '40']
  const fleet = startFleet(join(directory, 'run'), [...size, ...time, '--record-dir', logs])
  await fleet.epochDone(1)
  process.kill(fleet.pid('device', 'car03'), 'SIGKILL')
  t.equal((await fleet.ended).code, 0)
  const { code, stdout, stderr } = await trustmix(['replay', logs, '--json'])
  t.equal(code, 0, stderr + stdout)
  const { logs: results } = JSON.parse(stdout) as Answer
  const [steady, killed] = results
  t.match(steady, { vehicle: 'car01', identical: true, files: 1, cut: 0 })
  t.match(killed, { vehicle: 'car03', identical: true })
  t.ok((killed?.cut ?? 0) >= 1, 'nobody ended the log of what was killed')
  t.comment(results.map(({ vehicle, files, records }) => `${vehicle}: ${records} records in ${files} files`).join(', '))
})
