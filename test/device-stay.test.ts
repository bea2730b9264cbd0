import t from 'tap'
import type { VehicleHandlers, VehicleIo } from '../device/io.ts'
import { type Progress, watchProgress } from '../device/progress.ts'
import type { Obs } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import type { Question } from '../sim-bridge/lock-step.ts'
import { calm, collect } from './support/devices.ts'
import { joined } from './support/lock-step-bench.ts'
import { at, createRig, decide, last, type Rig, reset, turn } from './support/rig.ts'

const end = { kind: 'end', epoch: 1, step: 0 } as const
const learn = { kind: 'learn', ...at, outcome: last, observation: calm } as const
const address = { fleet: 'demo', run: 'run1', vehicle: 'car01' }

/** Asks as a bridge that tells its session; says how many answers that made. */
function asking(rig: Rig, session?: string) {
  return (question: Question, seq: number): number => {
    const before = rig.acts.length
    const obs = { version: 1, run: 'run1', seq, ...(session !== undefined && { session }), ...question } as Obs
    rig.bus.publish(channels.obs, address, obs)
    return rig.acts.length - before
  }
}

t.test(
  'after the end of a run a device takes part in the next one, numbered anew, and keeps what it learned',
  async (t) => {
    const rig = createRig(['car01'])
    const ask = asking(rig)
    ask(reset, 1)
    for (const seq of [2, 3, 4]) ask(decide, seq)
    ask(learn, 5)
    await turn()
    const { policyHash } = rig.devices.get('car01') as { policyHash: string }
    t.match(rig.acts.at(-1), { kind: 'learn', updates: 1, policyHash })
    t.equal(ask(end, 6), 1)
    t.equal(ask(end, 6), 1, 'an end that is asked again gets its answer again')
    t.equal(ask(decide, 7), 0, 'between the runs nothing is decided')
    t.equal(ask(learn, 5), 0)
    t.equal(ask(reset, 1), 1)
    t.match(rig.acts.at(-1), { kind: 'reset', seq: 1, policyHash })
    t.equal(ask(reset, 1), 1)
    t.same(rig.acts.at(-1), rig.acts.at(-2))
    t.equal(ask(decide, 2), 1)
    t.equal(ask(end, 6), 1, 'and ends that one too')
  },
)

t.test('a late reset of the run before does not keep a device out of the next one', async (t) => {
  const rig = createRig(['car01'])
  const ask = asking(rig)
  ask(reset, 1)
  ask(decide, 2)
  ask({ ...reset, epoch: 2 }, 3)
  ask(decide, 4)
  ask(end, 5)
  ask({ ...reset, epoch: 2 }, 3)
  t.equal(ask(reset, 1), 1)
  t.equal(ask(decide, 2), 1)
  t.equal(ask({ ...reset, epoch: 2 }, 1), 0, 'within a run a late one counts for nothing')
  t.equal(ask(decide, 3), 1)
})

t.test('the reset of another bridge of the run begins anew, and its forerunner is not heard any more', async (t) => {
  const rig = createRig(['car01'])
  const [first, second] = [asking(rig, 'one'), asking(rig, 'two')]
  t.equal(first(reset, 1), 1)
  t.match(rig.acts.at(-1), { seq: 1, session: 'one' })
  for (let seq = 2; seq < 9; seq++) t.equal(first(decide, seq), 1)
  t.equal(second(decide, 9), 0, 'it begins with a reset')
  t.equal(second(end, 9), 0)
  t.equal(second(reset, 1), 1)
  t.match(rig.acts.at(-1), { seq: 1, session: 'two' })
  for (const question of [reset, decide, end]) t.equal(first(question, 99), 0, `late ${question.kind}`)
  t.equal(second(decide, 2), 1)
  t.match(rig.acts.at(-1), { kind: 'decide', seq: 2, session: 'two' })
  second(end, 3)
  for (const question of [reset, decide, end]) t.equal(second(question, 2), 0, `late ${question.kind} after the end`)
  t.equal(second(end, 3), 1)
  t.equal(first(reset, 1), 0)
  t.equal(asking(rig, 'three')(reset, 1), 1)
})

t.test('what a device learns for one bridge is no answer to the next one', async (t) => {
  const waiting: (() => void)[] = []
  const pause = () => new Promise<void>((resolve) => void waiting.push(resolve))
  const rig = createRig(['car01'], {}, { pause })
  const [first, second] = [asking(rig, 'one'), asking(rig, 'two')]
  first(reset, 1)
  first(decide, 2)
  t.equal(first(learn, 3), 0, 'it learns')
  second(reset, 2)
  second(decide, 3)
  second({ kind: 'learn', ...at }, 4)
  const before = rig.acts.length
  for (const go of waiting) go()
  await turn()
  t.same(
    rig.acts.slice(before).map(({ kind, seq, session }) => [kind, seq, session]),
    [['learn', 4, 'two']],
  )
})

t.test('a bridge that tells its session takes only answers to itself', async (t) => {
  const bench = await joined('now')
  const decided = bench.lockStep.ask('d1', decide)
  t.match(bench.asked.at(-1), { seq: 2, session: 'now' })
  const steering = { kind: 'decide', command: { acceleration: 1 } } as const
  bench.answer('d1', 2, { ...steering, session: 'before' })
  bench.answer('d1', 2, steering)
  t.same(bench.lockStep.outstanding('d1'), ['decide'])
  bench.answer('d1', 2, { ...steering, session: 'now' })
  t.match(await decided, { seq: 2 })
})

t.test('the status names the run that a device takes part in', async (t) => {
  const statuses = collect(createRig(['car01'], { run: 'road' }).bus, channels.status, { fleet: 'demo' })
  await statuses.until(1)
  t.match(statuses.messages, [{ state: 'online', run: 'road' }])
})

t.test('progress: learning makes steps, questions get answers', async (t) => {
  let go: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    go = resolve
  })
  const watched: Progress[] = []
  const port = (io: VehicleIo): VehicleIo => {
    const progress = watchProgress(io, () => 0)
    watched.push(progress)
    return progress.io
  }
  const rig = createRig(['car01'], {}, { pause: () => held, port })
  const [progress] = watched as [Progress]
  const ask = asking(rig)
  t.equal(progress.advanced(), true, 'who is asked nothing gets on')
  ask(reset, 1)
  ask(decide, 2)
  t.equal(progress.advanced(), true)
  ask(learn, 3)
  t.equal(progress.advanced(), false, 'an update that makes no step does not')
  progress.stepped()
  t.equal(progress.advanced(), true)
  t.equal(progress.advanced(), false)
  go()
  await turn()
  t.match(rig.acts.at(-1), { kind: 'learn', seq: 3 })
  t.equal(progress.advanced(), true)
  ask({ kind: 'mix', ...at, policies: { car03: '1'.repeat(64) } }, 4)
  await turn()
  t.not(rig.acts.at(-1)?.kind, 'mix')
  t.equal(progress.advanced(), true, 'who waits for peers gets on')
})

t.test('progress: after a question that ends in an error there is none until one is answered', async (t) => {
  let handlers: VehicleHandlers | undefined
  const progress = watchProgress(
    {
      start(given) {
        handlers = given
      },
    },
    () => 0,
  )
  let broken = true
  const maybe = <T>(value: T) => {
    if (broken) throw new Error('broken')
    return value
  }
  const learned = { policyHash: '', samples: 0, updates: 0, return: 0 }
  progress.io.start({
    reset: () => maybe(''),
    decide: () => maybe({ command: { acceleration: 0 } }),
    learn: async () => maybe(learned),
    mix: async () => maybe({ policyHash: '', verdicts: [], refused: {} }),
    end: () => maybe(''),
  })
  const questions: (() => unknown)[] = [
    () => handlers?.reset({ ...reset }),
    () => handlers?.decide(undefined, undefined),
    () => handlers?.learn(at, undefined),
    () => handlers?.mix({ ...at, policies: {} }),
    () => handlers?.end(),
  ]
  for (const ask of questions) {
    broken = true
    await t.rejects(async () => ask(), { message: 'broken' })
    t.equal(progress.advanced(), false)
    broken = false
    await ask()
    t.equal(progress.advanced(), true)
  }
})

t.test('the tick p99 is that of the decisions since it was last asked for', async (t) => {
  let nowMs = 0
  let handlers: VehicleHandlers | undefined
  const progress = watchProgress(
    {
      start(given) {
        handlers = given
      },
    },
    () => nowMs,
  )
  let cost = 0
  progress.io.start({
    ...({} as VehicleHandlers),
    decide() {
      nowMs += cost
      return { command: { acceleration: 0 } }
    },
  })
  const decideIn = (ms: number): void => {
    cost = ms
    handlers?.decide(undefined, undefined)
  }
  t.equal(progress.tickP99(), undefined, 'no decision, no time')
  for (let i = 0; i < 98; i++) decideIn(1)
  decideIn(7)
  decideIn(50)
  t.equal(progress.tickP99(), 7, 'the 99th of 100 in order')
  decideIn(2)
  t.equal(progress.tickP99(), 2)
  t.equal(progress.tickP99(), undefined)
})

t.test('telemetry says the speed that was seen last, whether or not an action ends with the round', async (t) => {
  const rig = createRig(['car01'])
  const speeds: unknown[] = []
  rig.bus.subscribe(channels.telemetry, { fleet: 'demo' }, (message) => speeds.push(message['Vehicle.Speed']))
  const ask = asking(rig)
  ask(reset, 1)
  ask({ ...decide, observation: { ...calm, speed: 5 } }, 2)
  ask({ kind: 'learn', ...at }, 3)
  await turn()
  ask({ ...learn, observation: { ...calm, speed: 7 } }, 4)
  await turn()
  t.same(speeds, [18, 25.2])
})
