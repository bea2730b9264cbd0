import t from 'tap'
import { createBroker } from '../broker/broker.ts'
import type { Bus } from '../device/bus/bus.ts'
import type { Act } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { base, start } from './support/broker-fixture.ts'
import { busTo, disconnected, nextConnection } from './support/buses.ts'
import { collect } from './support/devices.ts'
import { createBench, fleet, hash, joined, run } from './support/lock-step-bench.ts'
import { decide, reset } from './support/rig.ts'

const steering = { kind: 'decide', command: { acceleration: 1 } } as const

t.test('a question is answered once; what does not match it is ignored', async (t) => {
  const bench = createBench()
  bench.status('d1')
  const answer = bench.lockStep.ask('d1', reset)
  t.match(bench.asked, [{ version: 1, run, seq: 1, kind: 'reset', epoch: 1, loopLength: 200 }])
  t.same([...bench.lockStep.live], [])
  bench.answer('d2', 1)
  bench.answer('d1', 2)
  bench.answer('d1', 1, { run: 'run0' })
  bench.answer('d1', 1, steering)
  bench.lockStep.tick()
  t.same([...bench.lockStep.live], [], 'another vehicle, seq, run or kind')
  bench.answer('d1', 1, { policyHash: '3'.repeat(64) } as Partial<Act>)
  bench.answer('d1', 1)
  t.match(await answer, { seq: 1, policyHash: '3'.repeat(64) }, 'the first answer counts')
  t.same([...bench.lockStep.live], ['d1'])

  const next = bench.lockStep.ask('d1', decide)
  bench.answer('d1', 1)
  bench.answer('d1', 2, steering)
  t.match(await next, { seq: 2, command: { acceleration: 1 } })
  t.same(
    bench.asked.map(({ seq }) => seq),
    [1, 2],
  )
  bench.lockStep.ask('d2', reset)
  t.match(bench.asked.at(-1), { seq: 1 }, 'each vehicle has its own seq')
})

t.test('what is outstanding is repeated once a second, unchanged', async (t) => {
  const bench = await joined()
  const answer = bench.lockStep.ask('d1', decide)
  for (const ms of [500, 1000, 1001, 1500, 2002]) {
    bench.clock.ms = ms
    bench.lockStep.tick()
  }
  const repeated = bench.asked.filter(({ seq }) => seq === 2)
  t.equal(repeated.length, 3)
  t.same(repeated[2], repeated[0])
  bench.answer('d1', 2, steering)
  await answer
  bench.clock.ms = 9_000
  bench.lockStep.tick()
  t.equal(bench.asked.length, 4, 'nothing is repeated after its answer')
})

t.test('a device that comes back is asked again at once', async (t) => {
  const bench = await joined()
  bench.lockStep.ask('d1', decide)
  bench.status('d1', { policyHash: hash })
  t.equal(bench.asked.length, 2, 'the same connection: nothing was lost')
  bench.status('d1', { connection: 2 })
  t.same(
    bench.asked.map(({ seq }) => seq),
    [1, 2, 2],
  )
  t.ok(bench.lockStep.live.has('d1'))

  const other = createBench()
  other.status('d1')
  other.lockStep.ask('d1', reset)
  other.status('d1', { boot: 2 })
  t.equal(other.asked.length, 2, 'also after a restart in the middle of a reset')
  t.same(other.left, [])
})

t.test('a device that goes offline leaves the barrier until its next reset', async (t) => {
  const bench = await joined()
  const answer = bench.lockStep.ask('d1', decide)
  bench.status('d1', { state: 'offline' })
  t.equal(await answer, undefined)
  t.same(bench.left, ['d1 went offline'])
  t.same([[...bench.lockStep.live], [...bench.lockStep.online]], [[], []])
  bench.answer('d1', 2, steering)
  bench.status('d1', { connection: 2 })
  t.same([[...bench.lockStep.live], [...bench.lockStep.online]], [[], ['d1']])
  const again = bench.lockStep.ask('d1', reset)
  bench.answer('d1', 3)
  await again
  t.same([...bench.lockStep.live], ['d1'])
})

t.test('a late will of an older connection or life is ignored', async (t) => {
  const bench = await joined()
  bench.status('d1', { boot: 2, connection: 5 })
  t.same(bench.left, ['d1 restarted'])
  const answer = bench.lockStep.ask('d1', reset)
  bench.answer('d1', 2)
  await answer
  bench.status('d1', { state: 'offline', boot: 2, connection: 4 })
  bench.status('d1', { state: 'offline', boot: 1, connection: 9 })
  t.ok(bench.lockStep.live.has('d1'))
  t.equal(bench.left.length, 1)
  bench.status('d1', { state: 'offline', boot: 2, connection: 5 })
  t.notOk(bench.lockStep.live.has('d1'))
})

t.test("a device that starts to count again is not hidden behind an earlier run's status", async (t) => {
  const bench = createBench()
  bench.status('d1', { state: 'offline', boot: 3, connection: 2 })
  t.notOk(bench.lockStep.online.has('d1'))
  bench.status('d1', { boot: 1, connection: 1 })
  t.ok(bench.lockStep.online.has('d1'))
  bench.status('d1', { state: 'offline', boot: 1, connection: 1 })
  t.notOk(bench.lockStep.online.has('d1'), 'its own will counts')
})

t.test('a restart under way leaves the barrier; strangers are nobody', async (t) => {
  const bench = await joined()
  const answer = bench.lockStep.ask('d1', decide)
  bench.status('d1', { boot: 2 })
  t.equal(await answer, undefined)
  t.same(bench.left, ['d1 restarted'])
  t.same([...bench.lockStep.online], ['d1'])
  bench.status('d99')
  t.same([...bench.lockStep.online], ['d1'])
})

t.test('gathered resolves when all are there or the time is over', async (t) => {
  const bench = createBench()
  const order: string[] = []
  const all = bench.lockStep.gathered(1_000).then(() => order.push('all'))
  bench.status('d1')
  await Promise.resolve()
  t.same(order, [])
  bench.status('d2')
  await all
  const late = createBench()
  const waited = late.lockStep.gathered(1_000)
  late.status('d1')
  late.clock.ms = 1_000
  late.lockStep.tick()
  await waited
  t.same([...late.lockStep.online], ['d1'])
})

t.test('an observer is told of answers, repetitions and what nobody waited for', async (t) => {
  const told: unknown[] = []
  const bench = createBench({
    observer: {
      answered: (vehicle, { kind }, ms) => told.push([vehicle, kind, ms]),
      repeated: (vehicle) => told.push([vehicle, 'repeated']),
      ignored: (vehicle) => told.push([vehicle, 'ignored']),
    },
  })
  bench.status('d1')
  const answer = bench.lockStep.ask('d1', reset)
  bench.clock.ms = 1_200
  bench.lockStep.tick()
  bench.clock.ms = 1_250
  bench.answer('d1', 1)
  bench.answer('d1', 1)
  await answer
  t.same(told, [
    ['d1', 'repeated'],
    ['d1', 'reset', 1_250],
    ['d1', 'ignored'],
  ])
})

t.test('abandon lets everything go unanswered', async (t) => {
  const bench = await joined()
  bench.status('d2')
  const answers = [bench.lockStep.ask('d1', decide), bench.lockStep.ask('d2', reset)]
  bench.lockStep.abandon()
  t.same(await Promise.all(answers), [undefined, undefined])
  t.equal(await bench.lockStep.ask('d1', decide), undefined, 'also what is asked from now on')
})

t.test(
  'the time limit runs only while there is a connection; what is outstanding is sent on reconnection',
  async (t) => {
    const broker = await createBroker(base)
    const [bridge, device] = [busTo(t, broker.port, 'bridge'), busTo(t, broker.port, 'd1')]
    const questions = collect(device, channels.obs, { fleet, run, vehicle: 'd1' })
    const bench = createBench({ bridge, device: silent(device) })
    await Promise.all([bridge.ready, device.ready])
    const answer = bench.lockStep.ask('d1', reset)
    await questions.until(1)
    await broker.close()
    await disconnected(bridge)
    bench.clock.ms = 100_000
    bench.lockStep.tick()
    t.same(bench.left, [])
    const back = nextConnection(bridge)
    await Promise.all([start(t, { port: broker.port }), nextConnection(device), back])
    bench.clock.ms = 130_000
    bench.lockStep.tick()
    t.same(bench.left, [], 'the limit starts again')
    await questions.until(2)
    t.same(questions.messages[1], questions.messages[0])
    bench.clock.ms = 130_001
    bench.lockStep.tick()
    t.equal(await answer, undefined)
    t.same(bench.left, ['d1 did not answer reset within 30000 ms'])
  },
)

/** The bus without the bench's wide subscription, which the broker would refuse to a device. */
function silent(bus: Bus): Bus {
  return { ...bus, subscribe: () => {} }
}
