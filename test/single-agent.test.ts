import t from 'tap'
import { type Episode, singleAgentDefaults, trainSingleAgent } from '../bench/single-agent-ppo.ts'
import { tInterval, tQuantile, welchInterval } from '../bench/statistics.ts'
import { defaultConfig } from '../schemas/config.ts'
import { Decisions } from '../sim-bridge/serve/decisions.ts'
import { openWorld } from '../sim-bridge/worlds.ts'

async function train(change: { seed?: number; ends?: 'merged' | 'kept' | 'hidden' }): Promise<Episode[]> {
  const world = await openWorld({ ...defaultConfig, vehicles: 14, learners: 1, startJitter: 1 })
  const episodes: Episode[] = []
  const options = { ...singleAgentDefaults, decisions: 500, rolloutSize: 200, updateEpochs: 2, ...change }
  await trainSingleAgent(
    new Decisions(world, 'flow', { observation: 'gaps', action: 'acceleration' }),
    options,
    (episode) => episodes.push(episode),
  )
  await world.close()
  return episodes
}

t.test(
  'one learner: a seed decides the training, epochs have 150 decisions, the return is that of the mean speed',
  async (t) => {
    const first = await train({})
    t.same(await train({}), first)
    t.notSame(await train({ seed: 2 }), first)
    t.same(
      first.map(({ decision, length }) => [decision, length]),
      [
        [150, 150],
        [300, 150],
      ],
      '500 decisions are two whole rollouts of 200',
    )
    for (const episode of first) {
      // The reward is the mean speed of all / 20, 0 in a step with a collision.
      const most = (150 * episode.meanSpeed) / 20
      if (episode.collisions === 0) t.ok(Math.abs(episode.return - most) < 1e-9, `${episode.return} is ${most}`)
      else t.ok(episode.return < most)
    }
  },
)

t.test('three ways to treat a time limit part at the first update, not before', async (t) => {
  const all = [await train({ ends: 'merged' }), await train({ ends: 'kept' }), await train({ ends: 'hidden' })]
  const [merged] = all
  for (const episodes of all) t.same(episodes[0], merged?.[0])
  t.equal(new Set(all.map((episodes) => episodes[1]?.return)).size, 3)
})

t.test("Student's t: quantiles of the tables, intervals by hand", async (t) => {
  // Abramowitz and Stegun, table 26.10
  for (const [freedom, quantile] of [
    [1, 12.706],
    [2, 4.303],
    [4, 2.776],
    [8, 2.306],
    [30, 2.042],
  ] as const)
    t.ok(Math.abs(tQuantile(freedom) - quantile) < 6e-4, `${freedom}: ${tQuantile(freedom)}`)
  const { mean, halfWidth } = tInterval([1, 2, 3])
  t.equal(mean, 2)
  t.ok(Math.abs(halfWidth - 4.3027 / Math.sqrt(3)) < 1e-3, 'variance 1, two degrees of freedom')
  const difference = welchInterval([3, 4, 5], [1, 2, 3])
  t.equal(difference.mean, 2)
  t.ok(Math.abs(difference.freedom - 4) < 1e-9, 'equal variances and sizes: n + n − 2')
  t.ok(Math.abs(difference.halfWidth - 2.7764 * Math.sqrt(2 / 3)) < 1e-3)
})
