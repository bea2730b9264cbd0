import t from 'tap'
import type { Minibatch } from '../device/core/engine.ts'
import { RecentSamples } from '../device/core/recent-samples.ts'
import { createSmallAgent, practise } from './support/devices.ts'

/** Samples numbered from `first`; two observations and one action each. Columns are longer than the samples, as a rollout's. */
function batchOf(first: number, count: number): Minibatch {
  const column = (width: number, offset: number): Float64Array =>
    Float64Array.from(
      { length: (count + 3) * width },
      (_, i) => first + Math.floor(i / width) + offset * (1 + (i % width)),
    )
  return {
    count,
    observations: column(2, 0.1),
    actions: column(1, 0.01),
    logProb: column(1, 0.001),
    advantage: column(1, 0),
    returns: column(1, 0.5),
  }
}

function numbers({ count, advantage }: Minibatch): number[] {
  return [...advantage.subarray(0, count)]
}

t.test('a small batch is filled up with the newest samples before it, oldest first', async (t) => {
  const recent = new RecentSamples(2, 1, 5)
  const first = batchOf(0, 3)
  t.equal(recent.fill(first), first, 'nothing is held yet')
  recent.add(first)
  t.same(numbers(recent.fill(batchOf(3, 1))), [0, 1, 2, 3])
  recent.add(batchOf(3, 1))
  t.same(numbers(recent.fill(batchOf(4, 3))), [2, 3, 4, 5, 6])
  const whole = batchOf(4, 5)
  t.equal(recent.fill(whole), whole, 'a batch of that many stays as it is')
  recent.add(batchOf(4, 7))
  t.same(numbers(recent.state()), [6, 7, 8, 9, 10])
  const filled = recent.fill(batchOf(11, 2))
  t.same([...filled.observations], [...batchOf(8, 5).observations.subarray(0, 10)], 'every column moves alike')
  t.same(
    [...filled.actions, ...filled.logProb, ...filled.returns],
    [
      ...batchOf(8, 5).actions.subarray(0, 5),
      ...batchOf(8, 5).logProb.subarray(0, 5),
      ...batchOf(8, 5).returns.subarray(0, 5),
    ],
  )
})

t.test('what is held is a copy, and can be taken back', async (t) => {
  const recent = new RecentSamples(2, 1, 4)
  const batch = batchOf(0, 3)
  recent.add(batch)
  batch.advantage.fill(99)
  const state = recent.state()
  t.same(numbers(state), [0, 1, 2])
  const again = new RecentSamples(2, 1, 4)
  again.restore(state)
  t.same(again.state(), state)
  const smaller = new RecentSamples(2, 1, 2)
  smaller.restore(state)
  t.same(numbers(smaller.state()), [1, 2], 'the newest that fit')
  t.throws(() => again.restore({ ...state, returns: new Float64Array(2) }), {
    message: 'returns must hold 3 values, got 2',
  })
  t.throws(() => new RecentSamples(2, 1, -1), { message: 'capacity must be an integer from 0, got -1' })
  const none = new RecentSamples(2, 1, 0)
  none.add(batch)
  t.equal(none.state().count, 0)
})

t.test('an agent learns from earlier samples too, and goes on bit for bit from its state', async (t) => {
  const [plain, reusing] = [createSmallAgent(), createSmallAgent('car01', { reuseSamples: 16 })]
  const round = (agent: typeof plain): string => {
    practise(agent, 6, 10 * agent.updates)
    agent.learn()
    return agent.policyHash
  }
  t.equal(round(reusing), round(plain), 'in the first round there is nothing else')
  t.not(round(reusing), round(plain), 'in the second there is')
  t.equal(reusing.state().recent.count, reusing.replay.count, 'as many samples are kept as are judged on')
  const resumed = createSmallAgent('car01', { reuseSamples: 16 })
  resumed.restore(reusing.state())
  t.equal(round(resumed), round(reusing))
})
