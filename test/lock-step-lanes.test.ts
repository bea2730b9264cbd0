import t from 'tap'
import type { Act } from '../schemas/lock-step.ts'
import { hash, joined } from './support/lock-step-bench.ts'
import { decide } from './support/rig.ts'

const steering = { kind: 'decide', command: { acceleration: 1 } } as const

t.test('a decision is made when its turn comes, after the one before it is answered', async (t) => {
  const bench = await joined()
  const order: number[] = []
  const ask = (step: number) =>
    bench.lockStep.ask('d1', () => {
      order.push(step)
      return { ...decide, step }
    })
  const first = bench.lockStep.ask('d1', decide)
  const [second, third] = [ask(10), ask(20)]
  t.same([bench.asked.length, order], [2, []], 'only the first one is sent')
  t.same(bench.lockStep.outstanding('d1'), ['decide'])
  t.same(bench.lockStep.outstanding('d2'), [])
  bench.clock.ms = 1_500
  bench.lockStep.tick()
  t.match(bench.asked.slice(2), [{ seq: 2, kind: 'decide' }], 'and repeated')
  bench.answer('d1', 2, steering)
  t.match(await first, { seq: 2 })
  t.same(order, [10])
  t.match(bench.asked.at(-1), { seq: 3, kind: 'decide', step: 10 })
  bench.answer('d1', 4, steering)
  t.same(bench.lockStep.outstanding('d1'), ['decide'], 'an answer to what was not asked yet counts for nothing')
  bench.status('d1', { state: 'offline' })
  t.same(await Promise.all([second, third]), [undefined, undefined], 'who leaves answers nothing that was waiting')
  t.same(bench.left, ['d1 went offline'])
  t.same(order, [10])
})

t.test('decisions go on while a round of learning is under way, each in its own order', async (t) => {
  const bench = await joined()
  const learned = bench.lockStep.ask('d1', { kind: 'learn', epoch: 1, step: 250 })
  const mixed = bench.lockStep.ask('d1', { kind: 'mix', epoch: 1, step: 250, policies: {} })
  const decided = bench.lockStep.ask('d1', decide)
  t.match(bench.asked.slice(1), [
    { seq: 2, kind: 'learn' },
    { seq: 3, kind: 'decide' },
  ])
  t.same(bench.lockStep.outstanding('d1').sort(), ['decide', 'learn'])
  bench.answer('d1', 3, steering)
  t.match(await decided, { seq: 3 })
  bench.answer('d1', 2, steering)
  t.same(bench.lockStep.outstanding('d1'), ['learn'], 'a decision is no answer to a round')
  bench.answer('d1', 2, { kind: 'learn', policyHash: hash, samples: 1, updates: 1, return: 0 } as Partial<Act>)
  t.match(await learned, { seq: 2 })
  t.match(bench.asked.at(-1), { seq: 4, kind: 'mix' })
  const next = bench.lockStep.ask('d1', decide)
  bench.clock.ms = 1_500
  const sent = bench.asked.length
  bench.lockStep.tick()
  t.same(
    bench.asked
      .slice(sent)
      .map(({ kind }) => kind)
      .sort(),
    ['decide', 'mix'],
    'both are repeated',
  )
  bench.status('d1', { state: 'offline' })
  t.same(await Promise.all([mixed, next]), [undefined, undefined])
  t.same(bench.left, ['d1 went offline'])
})

t.test('who leaves because one question is too old is not asked the other one again', async (t) => {
  const bench = await joined()
  const first = bench.clock.ms
  const decided = bench.lockStep.ask('d1', decide)
  bench.clock.ms = first + 29_000
  const learned = bench.lockStep.ask('d1', { kind: 'learn', epoch: 1, step: 250 })
  const sent = bench.asked.length
  bench.clock.ms = first + 30_001
  bench.lockStep.tick()
  t.same(await Promise.all([decided, learned]), [undefined, undefined])
  t.equal(bench.asked.length, sent)
  t.match(bench.left, [/^d1 did not answer decide within 30000 ms$/])
})
