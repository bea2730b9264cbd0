import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decodeSafetensors, policyLayout, vectorFromTensors } from '../device/core/index.ts'
import { policyHash } from '../device/identity.ts'
import { validateProcesses } from '../schemas/process.ts'
import { validateSummary } from '../schemas/summary.ts'
import { runFleet, runLocally, startFleet, summaryFile } from './support/fleet.ts'
import { testFolder } from './support/program.ts'

const vehicles = ['car01', 'car03', 'car05', 'car07', 'car09', 'car11', 'car13']

t.test('three epochs over MQTT end with the policies of the same seed in process', async (t) => {
  const directory = join(testFolder(t), 'run')
  const summary = await runFleet(directory, ['--epochs', '3', '--seed', '1'])
  const local = await runLocally({ epochs: 3, seed: 1 })
  t.ok(validateSummary(summary).ok, 'the summary matches its schema')
  t.same(summary.vehicles, vehicles)
  t.same(summary.policies, local.policies)
  t.same(summary.matrix, local.matrix)
  t.same(summary.verdicts, local.verdicts)
  t.same(summary.epochs, local.epochs)
  t.same(summaryFile(directory), summary, 'summary.json holds what was printed')
  t.equal(summary.deterministic, true)
  t.equal(summary.interrupted, false)

  const processes = validateProcesses(JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')))
  t.ok(processes.ok, 'processes.json matches its schema')
  const architecture = { observationSize: 6, actionSize: 1, hidden: [64, 64] }
  for (const vehicle of vehicles) {
    const { tensors } = decodeSafetensors(readFileSync(join(directory, 'policies', `${vehicle}.safetensors`)))
    const policy = vectorFromTensors(policyLayout(architecture), tensors)
    t.equal(policyHash(policy), summary.policies[vehicle], `${vehicle} wrote the policy of the summary`)
  }
})

t.test('average agrees over both buses too, with an aggregator as a process', async (t) => {
  const method = 'average'
  const summary = await runFleet(join(testFolder(t), 'run'), ['--epochs', '1', '--seed', '5', '--method', method])
  const local = await runLocally({ epochs: 1, seed: 5, method })
  t.same(summary.policies, local.policies)
  t.same(summary.verdicts, local.verdicts)
  t.equal(summary.deterministic, true)
})

t.test(
  'a stopped device stops simulated time, a broker killed twice loses nothing: the run ends as if neither had been',
  async (t) => {
    const fleet = startFleet(join(testFolder(t), 'run'), ['--epochs', '5', '--seed', '3'])
    await fleet.epochDone(1)
    const device = fleet.pid('device', 'car05')
    process.kill(device, 'SIGSTOP')
    const before = fleet.epochsDone()
    const goOn = Promise.race([
      fleet.epochDone(before + 2).then(() => 'went on'),
      passed(3_000).then(() => 'stood still'),
    ])
    t.equal(await goOn, 'stood still')
    process.kill(device, 'SIGCONT')

    const first = fleet.pid('broker')
    process.kill(first, 'SIGKILL')
    await fleet.epochDone(before + 2)
    const second = fleet.pid('broker')
    t.not(second, first, 'the supervisor started another one')
    process.kill(second, 'SIGKILL')
    const { code, stdout, stderr } = await fleet.ended
    t.equal(code, 0, stderr)
    const summary = JSON.parse(stdout)
    const local = await runLocally({ epochs: 5, seed: 3 })
    t.same(summary.policies, local.policies)
    t.same(summary.verdicts, local.verdicts)
    t.same(summary.learners, local.learners)
    t.equal(summary.deterministic, true)
  },
)

t.test('a killed device is started again, resumes its checkpoint and rejoins; the summary says so', async (t) => {
  const directory = join(testFolder(t), 'run')
  const fleet = startFleet(directory, ['--epochs', '8', '--seed', '3'])
  await fleet.epochDone(1)
  const first = fleet.pid('device', 'car07')
  process.kill(first, 'SIGKILL')
  await fleet.epochDone(6)
  t.not(fleet.pid('device', 'car07'), first)
  const { code, stdout, stderr } = await fleet.ended
  t.equal(code, 0, stderr)
  const summary = JSON.parse(stdout)
  t.equal(summary.deterministic, false)
  t.match(summary.causes.join('\n'), /car07/)
  t.equal(summary.epochs.length, 8)
  const { updates } = summary.learners.car07
  t.ok(updates >= 8, `it learned on after its checkpoint of the first epoch: ${updates} updates`)
  t.equal(JSON.parse(readFileSync(join(directory, 'state', 'car07', 'boot.json'), 'utf8')).boot, 2)
})

t.test('Ctrl-C ends with what there is, and --resume goes on to the same end', async (t) => {
  const directory = join(testFolder(t), 'run')
  const fleet = startFleet(directory, ['--epochs', '4', '--seed', '2'])
  await fleet.epochDone(1)
  fleet.child.kill('SIGINT')
  const { code, stdout } = await fleet.ended
  t.equal(code, 130)
  const summary = JSON.parse(stdout)
  t.equal(summary.interrupted, true)
  t.ok(summary.epochs.length >= 1 && summary.epochs.length < 4)
  const resumed = await startFleet(directory, ['--resume', directory]).ended
  t.equal(resumed.code, 0, resumed.stderr)
  const whole = JSON.parse(resumed.stdout)
  const local = await runLocally({ epochs: 4, seed: 2 })
  t.same(whole.policies, local.policies)
  t.same(whole.verdicts, local.verdicts)
  t.same(whole.epochs, local.epochs)
})

t.test('Ctrl-C twice ends inside an epoch; going on from there is called what it is', async (t) => {
  const directory = join(testFolder(t), 'run')
  const fleet = startFleet(directory, ['--epochs', '2', '--seed', '2'], {
    TRUSTMIX_EPOCHS: '9',
    TRUSTMIX_USERNAME: 'bob',
  })
  await fleet.epochDone(1)
  fleet.child.kill('SIGINT')
  await passed(100)
  fleet.child.kill('SIGINT')
  const { code, stdout, stderr } = await fleet.ended
  // The signals may find the run just at its end: then there is nothing to be told apart.
  t.ok(code === 130 || code === 0, stderr)
  const summary = JSON.parse(stdout)
  t.equal(summary.interrupted, code === 130)
  const resumed = await startFleet(directory, ['--resume', directory]).ended
  t.equal(resumed.code, 0, resumed.stderr)
  const whole = JSON.parse(resumed.stdout)
  t.equal(whole.epochs.length, 2, 'the environment of the fleet did not reach the bridge')
  t.equal(whole.deterministic, summary.unfinished !== true)
  const again = await startFleet(directory, ['--resume', directory, '--epochs', '1']).ended
  t.equal(again.code, 2, 'fewer epochs than are done are refused')
})

/** A span of real time in which something must not happen. */
function passed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
