import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { learners, runOnVirtualClock } from './support/cars.ts'
import { bin } from './support/fleet.ts'
import { killWithTest, plainEnvironment } from './support/program.ts'

t.test('an epoch that is given up in its last round is not counted', async (t) => {
  const whole = await runOnVirtualClock({ epochs: 2 })
  t.match(whole.summary, { epochs: [{ epoch: 1 }, { epoch: 2 }], interrupted: false })
  for (const kind of ['learn', 'mix'] as const) {
    const { summary } = await runOnVirtualClock({
      epochs: 2,
      onQuestion(vehicle, question, stop) {
        if (vehicle === learners[0] && question.kind === kind && question.epoch === 2 && question.step === 300) stop()
      },
    })
    t.equal(summary.interrupted, true, kind)
    t.same(summary.epochs, whole.summary.epochs.slice(0, 1), kind)
  }
})

t.test('a process whose supervisor was gone before it listened ends by itself', async (t) => {
  const child = spawn(process.execPath, [bin, 'broker', '--port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: plainEnvironment,
  })
  killWithTest(t, child)
  const said = text(child.stderr as NonNullable<typeof child.stderr>)
  const ended = once(child, 'exit')
  child.disconnect()
  t.equal((await ended)[0], 0, await said)
})
