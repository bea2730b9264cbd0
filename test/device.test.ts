import t from 'tap'
import { decodeCheckpoint, encodeCheckpoint } from '../device/checkpoint.ts'
import { createFeatures, featureCount } from '../device/features.ts'
import { policyHash } from '../device/identity.ts'
import { createLog } from '../device/log.ts'
import { type Limits, permit } from '../device/safety/envelope.ts'
import type { Observation } from '../schemas/lock-step.ts'
import { settings } from '../schemas/setting.ts'
import { calm, createSmallAgent, practise } from './support/devices.ts'

const scales = { preset: 'flow', loopLength: 200, speedLimit: 30, accelerationLimit: 3 } as const
const observation: Observation = {
  ...{ position: 50, speed: 5, gap: 20, leaderPosition: 75, leaderSpeed: 10 },
  ...{ followerGap: 50, followerPosition: 190, followerSpeed: 0 },
}

t.test('features of setting headway: gaps as gaps', async (t) => {
  const features = createFeatures(settings.headway, scales)
  const row = new Float32Array(featureCount(settings.headway))
  features.encode(observation, row)
  // 2·50/200 − 1, 5/10 − ½, 20/25 − 1, 10/10 − ½, 50/25 − 1, 0/10 − ½
  t.same([...row], [-0.5, 0, Math.fround(-0.2), 0.5, 1, -0.5])
  // The time gap is geometric in u: 2·(8/2)^((1 + u)/2).
  for (const [u, timeGap] of [
    [-1, 2],
    [-7, 2],
    [0, 4],
    [0.5, 4 * Math.SQRT2],
    [1, 8],
    [7, 8],
  ] as const)
    t.ok(Math.abs((features.command(u).timeGap ?? 0) - timeGap) < 1e-12, `u = ${u} asks for ${timeGap} s`)
  t.match(createFeatures(settings.headway, { ...scales, preset: 'lab' }).command(-1), { timeGap: 3 })
})

t.test("features of setting letter: the letter's six numbers", async (t) => {
  const features = createFeatures(settings.letter, scales)
  const row = new Float32Array(featureCount(settings.letter))
  features.encode(observation, row)
  const wanted = [50 / 200, 5 / 30, 190 / 200, 0, 75 / 200, 10 / 30]
  t.same([...row], wanted.map(Math.fround))
  t.same(
    [-2, -1, -0.5, 0.25, 1, 9].map((u) => features.command(u).acceleration),
    [-3, -3, -1.5, 0.75, 3, 3],
  )
  t.ok(Object.is(features.command(-0).acceleration, 0), 'no −0 leaves')
})

t.test('−0 becomes +0 in features, also where a value vanishes in float32', async (t) => {
  const row = new Float32Array(6)
  const tiny = { ...observation, speed: -0, followerSpeed: -1e-60, leaderSpeed: -1e-300 }
  createFeatures(settings.letter, scales).encode(tiny, row)
  t.same(
    [row[1], row[3], row[5]].map((value) => Object.is(value, 0)),
    [true, true, true],
  )
})

t.test('the envelope: both sides of each limit', async (t) => {
  const limits: Limits = { acceleration: 3, timeGap: [2, 8] }
  const epsilon = 1e-12
  for (const [asked, given] of [
    [3, 3],
    [3 + epsilon, 3],
    [3 - epsilon, 3 - epsilon],
    [-3, -3],
    [-3 - epsilon, -3],
    [-3 + epsilon, -3 + epsilon],
    [-0, 0],
    [Number.MAX_VALUE, 3],
  ] as const)
    t.same(permit({ acceleration: asked }, calm, limits), { command: { acceleration: given } }, `${asked} m/s²`)
  for (const [asked, given] of [
    [2, 2],
    [2 - epsilon, 2],
    [2 + epsilon, 2 + epsilon],
    [8, 8],
    [8 + epsilon, 8],
    [8 - epsilon, 8 - epsilon],
    [-1, 2],
  ] as const)
    t.same(permit({ timeGap: asked }, calm, limits), { command: { timeGap: given } }, `${asked} s`)
})

t.test('the envelope: what is no action is replaced by the follow law', async (t) => {
  const limits: Limits = { acceleration: 3, timeGap: [2, 8] }
  // ¼·(gap − 4 − 2v) + 0.6·(leader − v), at most half the limit, cut to ±limit.
  const cases: [Partial<Observation>, number][] = [
    [{}, 1.5],
    [{ gap: 18 }, 1],
    [{ gap: 10 }, -1],
    [{ gap: 14, leaderSpeed: 4 }, -0.6],
    [{ gap: 300 }, 1.5],
    [{ gap: 0, speed: 20, leaderSpeed: 0 }, -3],
  ]
  for (const [sensed, acceleration] of cases) {
    const found = permit(undefined, { ...calm, ...sensed }, limits)
    t.match(found, { fallback: 'no action' })
    t.ok(Math.abs((found.command as { acceleration: number }).acceleration - acceleration) < 1e-12, `${acceleration}`)
  }
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    t.match(permit({ acceleration: value }, calm, limits), { fallback: 'acceleration is not finite' })
    t.match(permit({ timeGap: value }, calm, limits), { fallback: 'time gap is not finite' })
    for (const sense of ['speed', 'gap', 'leaderSpeed'] as const)
      t.same(
        permit({ acceleration: 1 }, { ...calm, [sense]: value }, limits),
        { command: { acceleration: -3 }, fallback: 'no observation' },
        `${sense} ${value}: full braking`,
      )
  }
  t.match(permit({}, calm, limits), { fallback: 'no action' })
  t.match(permit({ acceleration: 1 }, undefined, limits), { fallback: 'no observation' })
})

t.test('an agent: first decision, closing, learning', async (t) => {
  const agent = createSmallAgent()
  const here = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
  const outcome = { reward: 0.2, steps: 10, terminated: false, truncated: false }
  agent.close(outcome, 1, here)
  t.equal(agent.samples, 0, 'nothing is held, nothing is closed')
  t.same(agent.learn(), { samples: 0, meanReward: Number.NaN })
  t.equal(agent.updates, 0, 'a round without samples is no update')

  const action = agent.act(here)
  const mean = new Float64Array(1)
  agent.engine.policyMean(agent.learner.policy, here, 1, mean)
  const z = (action[0] ?? Number.NaN) - (mean[0] ?? Number.NaN)
  agent.close(outcome, 1, here)
  agent.close({ ...outcome, reward: 0.8, truncated: true }, 3, here)
  agent.close(outcome, 1, here)
  t.equal(agent.samples, 2, 'the held action may be closed in parts; a truncation ends it')
  const { rollout } = agent.state()
  // log N(u | mean, 1) = −z²/2 − ½ log 2π
  const logProb = -(z ** 2) / 2 - Math.log(2 * Math.PI) / 2
  for (const stored of rollout.logProb) t.ok(Math.abs(stored - logProb) < 1e-9)
  // ∫ e^(−t/60) r dt/60 over the hold
  const paid = [0.2 * (1 - Math.exp(-1 / 60)), 0.8 * (1 - Math.exp(-3 / 60))]
  for (const [i, reward] of paid.entries()) t.ok(Math.abs((rollout.reward[i] ?? 0) - reward) < 1e-15)

  const before = policyHash(agent.learner.policy)
  const { samples, meanReward } = agent.learn()
  t.equal(samples, 2)
  t.ok(Math.abs(meanReward - (0.2 * 1 + 0.8 * 3) / 4) < 1e-12, 'mean reward per second')
  t.same([agent.updates, agent.samples, agent.replay.count], [1, 2, 2])
  t.not(policyHash(agent.learner.policy), before)
  t.same(
    agent.learner.policy,
    Float64Array.from(agent.learner.policy, (x) => Math.fround(x) + 0),
    'θ is float32 after an update',
  )
})

t.test('a reward beyond float32 costs its round, not what comes after', async (t) => {
  const agent = createSmallAgent()
  const round = (reward: number): number => {
    for (let i = 0; i < 3; i++) {
      agent.act(Float32Array.from({ length: 6 }, (_, j) => (i + j) / 10))
      agent.close(
        { reward: i === 1 ? reward : 0.3 * i, steps: 10, terminated: false, truncated: i === 2 },
        1,
        new Float32Array(6),
      )
    }
    const before = agent.learner.policy.slice()
    agent.learn()
    return Math.max(...agent.learner.policy.map((x, i) => Math.abs(x - (before[i] ?? 0))))
  }
  t.equal(round(1e100), 0)
  t.equal(agent.updates, 0, 'no update, and no evidence for the gate')
  t.equal(agent.replay.count, 0)
  t.ok(round(0.5) > 1e-5, 'the next round is learned from as ever')
  t.equal(agent.updates, 1)
})

t.test('with a discount per decision the reward counts as it is', async (t) => {
  const agent = createSmallAgent('car01', { gamma: 0.9, lambda: 0.95 })
  agent.act(new Float32Array(6))
  agent.close({ reward: 0.25, steps: 30, terminated: true, truncated: false }, 3, new Float32Array(6))
  t.equal(agent.state().rollout.reward[0], 0.25)
  t.equal(agent.learn().meanReward, 0.25)
  t.equal(agent.discount(123), 0.9)
})

t.test('a restored agent continues bit for bit', async (t) => {
  const owner = { vehicle: 'car01', seed: 1, engine: 'reference/1', architecture: '' }
  const agent = createSmallAgent()
  agent.startEpoch(3)
  practise(agent, 9, 0)
  agent.learn()
  practise(agent, 5, 9)
  const bytes = encodeCheckpoint(agent.state(), owner)
  const twin = createSmallAgent()
  twin.restore(decodeCheckpoint(bytes, owner))
  t.same(twin.state(), agent.state())
  for (let round = 0; round < 3; round++) {
    t.same(practise(twin, 7, 20 * round), practise(agent, 7, 20 * round), `actions of round ${round}`)
    t.same(twin.learn(), agent.learn())
    t.same(twin.state(), agent.state(), `all state after round ${round}`)
  }
  t.same(encodeCheckpoint(twin.state(), owner), encodeCheckpoint(agent.state(), owner))
  const larger = createSmallAgent('car01', { replayRounds: 1 })
  t.throws(() => larger.restore(agent.state()), { message: /at most 1 rounds fit, got 4/ })
  t.throws(() => twin.restore({ ...agent.state(), policy: new Float64Array(3) }), {
    message: /policy must hold .* got 3/,
  })
})

t.test('streams: equal weights at the start, then each vehicle, purpose and epoch its own', async (t) => {
  const [a, b] = [createSmallAgent('car01'), createSmallAgent('car03')]
  t.same(a.learner.policy, b.learner.policy)
  t.same(a.learner.value, b.learner.value)
  const first = practise(a, 5, 0)
  t.notSame(practise(b, 5, 0), first)
  const states = Object.values(a.state().streams).map(String)
  t.equal(new Set(states).size, 4)
  const c = createSmallAgent('car01')
  const before = c.state().streams
  practise(c, 5, 0)
  const { explore, ...others } = c.state().streams
  t.notSame(explore, before.explore)
  t.match(before, others, 'exploring moves no other stream')
  c.startEpoch(1)
  t.notSame(practise(c, 5, 0), first)
  c.startEpoch(0)
  t.same(c.state().streams, before, 'an epoch starts the same however the last one went')
})

t.test('a log sends two lines a second and cuts what is longer than a message', async (t) => {
  const sent: string[] = []
  let now = 0
  const log = createLog(
    ({ text }) => sent.push(text),
    () => now,
  )
  for (; now < 1_000; now += 100) log('warning', 'test', `${now}`)
  t.same(sent, ['0', '500'])
  log('error', 'test', 'x'.repeat(1_000))
  t.equal(sent[2]?.length, 300)
})
