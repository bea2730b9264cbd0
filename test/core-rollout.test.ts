import t from 'tap'
import {
  createRng,
  explainedVariance,
  generalizedAdvantage,
  Replay,
  Rollout,
  RunningScale,
} from '../device/core/index.ts'

t.test('explained variance', async (t) => {
  const returns = Float64Array.of(1, 2, 3)
  t.equal(explainedVariance(returns, returns, 3), 1)
  t.ok(Math.abs(explainedVariance(Float64Array.of(2, 2, 2), returns, 3)) < 1e-15)
  t.ok(Number.isNaN(explainedVariance(returns, Float64Array.of(1, 1, 1), 3)))
})

t.test('GAE', async (t) => {
  const run = (terminated: number[], truncated: number[], lambda: number, discount: number | Float64Array = 0.5) => {
    const advantage = new Float64Array(3)
    const returns = new Float64Array(3)
    const reward = Float64Array.of(1, 2, 4)
    const value = Float64Array.of(10, 20, 40)
    const nextValue = Float64Array.of(20, 40, 80)
    const input = { count: 3, reward, value, nextValue, terminated, truncated, discount, lambda }
    generalizedAdvantage(input, advantage, returns)
    t.same(
      returns,
      advantage.map((a, i) => a + value[i]!),
    )
    return [...advantage]
  }
  const none = [0, 0, 0]
  t.same(run(none, none, 0), [1, 2, 4], 'λ 0 gives the temporal differences: r + ½V′ − V')
  t.same(run(none, none, 1), [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4, 4])
  t.same(run([0, 1, 0], none, 1), [1 - 0.5 * 18, 2 - 20, 4], 'a termination neither bootstraps nor carries')
  t.same(run(none, [0, 1, 0], 1), [1 + 0.5 * 2, 2, 4], 'a truncation bootstraps and cuts the trace')
  t.same(run([0, 1, 0], [0, 1, 0], 1), run([0, 1, 0], none, 1), 'a termination outweighs a truncation')
  t.same(run(none, none, 1, Float64Array.of(0, 0.5, 1)), [1 - 10, 2 + 0.5 * 44, 44], 'a discount per sample')
  t.throws(() => run(none, none, 1.5), /lambda.*1.5/)
  t.throws(() => run(none, none, 1, Number.NaN), /discount.*NaN/)
})

t.test('running scale', async (t) => {
  const scale = new RunningScale()
  t.equal(scale.scale, 1, 'nothing yet')
  scale.update(Float64Array.of(0, 0), 2)
  t.equal(scale.scale, 1, 'only zeros')
  scale.update(Float64Array.of(3, 4, Number.NaN, Number.POSITIVE_INFINITY, 100), 4)
  t.equal(scale.scale, 2.5, '√((0 + 0 + 9 + 16)/4), without what is not finite and what lies past the count')
  const copy = new RunningScale()
  copy.restore(JSON.parse(JSON.stringify(scale.state())))
  t.same(copy.state(), scale.state())
  const windowed = new RunningScale(10)
  windowed.update(new Float64Array(1000).fill(1), 1000)
  windowed.update(new Float64Array(200).fill(7), 200)
  t.ok(Math.abs(windowed.scale - 7) < 1e-6, 'old samples fade')
  t.throws(() => new RunningScale(0), /got 0/)
  t.throws(() => scale.restore({ weight: -1, sumOfSquares: 0 }), /weight/)
  t.throws(() => scale.restore({ weight: 1, sumOfSquares: Number.NaN }), /NaN/)
})

t.test('rollout grows, clears and resumes', async (t) => {
  const rollout = new Rollout(2, 1, 1)
  const sample = (i: number) => ({
    observation: Float64Array.of(i, -0),
    action: Float64Array.of(-i),
    logProb: -i,
    reward: 2 * i,
    duration: 0.1,
    nextObservation: Float64Array.of(i + 1, 0),
    terminated: i === 3,
    truncated: i === 4,
  })
  for (let i = 0; i < 5; i++) rollout.push(sample(i))
  t.equal(rollout.count, 5)
  t.same([...rollout.observations.subarray(0, 10)], [0, 0, 1, 0, 2, 0, 3, 0, 4, 0])
  t.ok(rollout.observations.every((x) => !Object.is(x, -0)))
  t.ok(Object.is(rollout.actions[0], 0))
  t.same([...rollout.terminated.subarray(0, 5)], [0, 0, 0, 1, 0])
  t.same([...rollout.truncated.subarray(0, 5)], [0, 0, 0, 0, 1])
  const resumed = new Rollout(2, 1, 2)
  resumed.restore(rollout.state())
  t.same(resumed.state(), rollout.state())
  rollout.clear()
  t.equal(rollout.count, 0)
  t.equal(resumed.count, 5)
  t.throws(() => rollout.push({ ...sample(0), action: Float64Array.of(1, 2) }), /action must hold 1 values, got 2/)
  t.throws(() => new Rollout(3, 1).restore(resumed.state()), /observations must hold 15 values, got 10/)
})

t.test('replay keeps the last rounds', async (t) => {
  const replay = new Replay(1, 1, 2)
  const round = (...values: number[]) => ({
    count: values.length,
    observations: Float64Array.from(values),
    actions: Float64Array.from(values, (v) => -v),
    logProb: Float64Array.from(values, (v) => v / 10),
    advantage: Float64Array.from(values, (v) => 2 * v),
  })
  replay.addRound(round(1, 2))
  replay.addRound(round(3, 4, 5))
  replay.addRound(round(6))
  t.equal(replay.count, 4, 'the first round is gone')
  t.same([...replay.newest(3).observations], [4, 5, 6])
  t.same([...replay.newest(50).observations], [3, 4, 5, 6])
  const drawn = replay.draw(3, createRng(1))
  t.equal(drawn.count, 3)
  t.equal(new Set(drawn.observations).size, 3)
  for (let i = 0; i < 3; i++) {
    const v = drawn.observations[i]!
    t.same([drawn.actions[i], drawn.logProb[i], drawn.advantage[i]], [-v, v / 10, 2 * v])
  }
  t.same(replay.draw(3, createRng(1)), drawn)
  t.equal(replay.draw(50, createRng(2)).count, 4)
  const resumed = new Replay(1, 1, 2)
  resumed.restore(replay.state())
  t.same(resumed.draw(3, createRng(1)), drawn)
  replay.addRound(round())
  t.equal(replay.count, 1, 'a round without samples counts as a round')
  t.equal(new Replay(1, 1, 1).draw(5, createRng(1)).count, 0)
  t.throws(() => new Replay(1, 1, 0), /got 0/)
  t.throws(() => replay.addRound({ ...round(1), logProb: new Float64Array(0) }), /logProb/)
  t.throws(() => resumed.restore([round(1), round(2), round(3)]), /at most 2/)
})
