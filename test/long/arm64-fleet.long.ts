import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replayLog } from '../../device/recorder/replay.ts'
import { runLocally } from '../support/fleet.ts'
import { runMixedFleet } from '../support/mixed-fleet.ts'
import { requireArm64Node } from '../support/require.ts'

/** A device on arm64, emulated, as one of seven. Command: npm run test:arm64 */
t.setTimeout(600_000)

t.test('an arm64 device in a fleet of x86-64: the same policies, and its log replays here bit for bit', async (t) => {
  const arm64Node = requireArm64Node(t)
  if (arm64Node === undefined) return
  const directory = t.testdir()
  const logs = join(directory, 'logs')
  const part = { seed: 4, epochs: 1, recordDir: logs, answerTimeoutMs: 120_000 }
  const summary = await runMixedFleet(t, join(directory, 'run'), part, { car05: arm64Node })
  t.equal(summary.deterministic, true)
  t.equal(Object.keys(summary.policies).length, 7)
  t.same(summary.policies, (await runLocally({ seed: 4, epochs: 1 })).policies, 'as if all were x86-64')

  const files = readdirSync(logs).filter((name) => name.startsWith('car05-'))
  const result = await replayLog(files.map((name) => join(logs, name)))
  t.match(result, { vehicle: 'car05', identical: true, lost: 0, cut: 0, machine: /^Node .* arm64$/ })
  t.equal(result.policyHash, summary.policies.car05)
  t.match(result.counts, { '/out/learned': 6, '/out/mixed': 6, '/out/verdict': 36 })
  t.comment(`${result.records} records of ${result.machine} are identical on ${process.arch}`)
})
