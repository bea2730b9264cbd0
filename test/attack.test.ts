import t from 'tap'
import type { Agent } from '../device/agent.ts'
import { policyLayout, slotOf } from '../device/core/parameters.ts'
import { createRng } from '../device/core/rng.ts'
import { type Config, validateConfig } from '../schemas/config.ts'
import type { AttackKind } from '../schemas/study.ts'
import { createAttack, drawAttackers } from '../sim-bridge/experiment/attack/attack.ts'
import { drawProbes, harmfulEnds, harmOf } from '../sim-bridge/experiment/attack/harm.ts'
import { driftStep } from '../sim-bridge/experiment/attack/plain.ts'
import { createPredict } from '../sim-bridge/experiment/attack/prediction.ts'
import { createSmallAgent, practise, smallConfig } from './support/devices.ts'

const learners = ['car01', 'car03', 'car05', 'car07', 'car09', 'car11', 'car13']

/** An attacker beside two honest learners that have learned other things. */
async function contextOf(kind: AttackKind, change: Partial<Config> = {}) {
  const ids = ['car01', 'car03', 'car05']
  const config: Config = { ...smallConfig, setting: 'letter', method: 'gated', ...change }
  const agents = new Map<string, Agent>(ids.map((id) => [id, createSmallAgent(id, { gamma: 0.9 })]))
  const turn = (from: number): void => {
    for (const [i, agent] of [...agents.values()].entries()) {
      practise(agent, 10, from + 7 * i)
      agent.learn()
    }
  }
  turn(0)
  const attack = createAttack({ kind, attackers: 1, learners: ids, config })
  const [vehicle = ''] = attack.attackers
  const agent = agents.get(vehicle) as Agent
  return { attack, vehicle, agent, agents, turn, publish: () => attack.publishes(vehicle, { agent, agents }) }
}

t.test('attackers are drawn by the seed alone, and those of fewer are among those of more', async (t) => {
  const [one, two, three] = [1, 2, 3].map((count) => drawAttackers(7, learners, count))
  t.same([one?.length, two?.length, three?.length], [1, 2, 3])
  t.ok(one?.every((id) => two?.includes(id)) && two?.every((id) => three?.includes(id)))
  t.same(drawAttackers(7, [...learners].reverse(), 2), two, 'not by the order in which learners are named')
  const drawn = new Set(Array.from({ length: 60 }, (_, seed) => drawAttackers(seed, learners, 1)[0]))
  t.same([...drawn].sort(), learners, 'every learner can be one')
  t.throws(() => drawAttackers(7, learners, 0), { message: 'attackers must be in 1…6, got 0' })
  t.throws(() => drawAttackers(7, learners, 7), { message: 'attackers must be in 1…6, got 7' })
})

t.test('sign-flip sends −θ, scale 10 θ, nan nothing finite', async (t) => {
  for (const [kind, wanted] of [
    ['sign-flip', (x: number) => -x + 0],
    ['scale', (x: number) => 10 * x + 0],
    ['nan', () => Number.NaN],
  ] as const) {
    const { agent, publish } = await contextOf(kind)
    t.same(await publish(), agent.policy.map(wanted), kind)
  }
})

t.test('stale sends the policy of its first update for ever', async (t) => {
  const { agent, publish, turn } = await contextOf('stale')
  const first = agent.policy.slice()
  t.same(await publish(), first)
  turn(50)
  t.notSame(agent.policy, first)
  t.same(await publish(), first)
})

t.test('drift goes one step further each round, always in the same direction', async (t) => {
  const { agent, publish } = await contextOf('drift')
  const away = async () => Float64Array.from(await publish(), (x, i) => x - (agent.policy[i] as number))
  const [first, second, third] = [await away(), await away(), await away()]
  const rms = Math.sqrt(first.reduce((sum, x) => sum + x * x, 0) / first.length)
  t.ok(Math.abs(rms / driftStep - 1) < 0.2, `${rms} is a standard normal's ${driftStep} of ${first.length} draws`)
  const nearly = (a: Float64Array, factor: number) =>
    a.every((x, i) => Math.abs(x - factor * (first[i] as number)) < 1e-6)
  t.ok(nearly(second, 2) && nearly(third, 3))
})

t.test('random sends a fresh untrained network each round whose head is as large as its other layers', async (t) => {
  const { agent, publish } = await contextOf('random')
  const [first, second] = [await publish(), await publish()]
  t.notSame(first, second)
  const layout = policyLayout(agent.engine.architecture)
  const normOf = (name: string): number => {
    const { offset, size } = slotOf(layout, name)
    return Math.sqrt(first.subarray(offset, offset + size).reduce((sum, x) => sum + x * x, 0))
  }
  // A row of the orthogonal head has length 1; the 8 columns of a hidden layer have length √2 each.
  t.ok(Math.abs(normOf('policy.4.weight') - 1) < 1e-6)
  t.ok(Math.abs(normOf('policy.2.weight') - 4) < 1e-6)
  t.equal(normOf('policy.0.bias'), 0)
  const again = await contextOf('random')
  t.same(await again.publish(), first, 'by the seed alone')
})

t.test('who is not an attacker publishes nothing through the attack', async (t) => {
  const { attack, agent, agents } = await contextOf('scale')
  const honest = ['car01', 'car03', 'car05'].find((id) => !attack.attackers.includes(id)) ?? ''
  await t.rejects(attack.publishes(honest, { agent, agents }), { message: /vehicle must be one of/ })
})

t.test('no configuration makes a device a bad peer', async (t) => {
  for (const key of ['publishes', 'attack', 'attackers'])
    t.match(validateConfig({ [key]: 'sign-flip' }), { ok: false }, key)
})

/** A policy of `smallConfig`'s size whose mean action is `u` in every state. */
function constantPolicy(agent: Agent, u: number): Float32Array {
  const policy = agent.policy.slice()
  const layout = policyLayout(agent.engine.architecture)
  const { offset, size } = slotOf(layout, 'policy.4.weight')
  policy.fill(0, offset, offset + size)
  policy[slotOf(layout, 'policy.4.bias').offset] = u
  return policy
}

t.test('harm is the way of the mean action to the harmful end, clipped as commands are', async (t) => {
  const { agent } = await contextOf('optimised')
  const probes = drawProbes(agent.replay.newest(10), 6, 4, createRng(1))
  t.match(probes, { count: 8, uncovered: 4 })
  const harm = (from: number, to: number): number =>
    harmOf(agent.engine, constantPolicy(agent, from), constantPolicy(agent, to), probes, harmfulEnds.acceleration)
  t.ok(Math.abs(harm(1, -1) - 1) < 1e-6)
  t.equal(harm(3, -7), harm(1, -1))
  t.ok(Math.abs(harm(-0.5, 0.5) + 0.5) < 1e-6)
})

t.test('half of the probes are states of the evidence, the others take each feature from some row of it', async (t) => {
  const { agent } = await contextOf('optimised')
  const evidence = agent.replay.newest(10)
  const probes = drawProbes(evidence, 6, 4, createRng(1))
  t.same(probes.observations.subarray(0, 24), evidence.observations.subarray(36, 60), 'the newest')
  for (let i = 24; i < 48; i++)
    t.ok(evidence.observations.some((x, k) => k % 6 === i % 6 && x === probes.observations[i]))
})

t.test('the prediction is what the method makes of a candidate', async (t) => {
  for (const [method, expected] of [
    ['fixed', (own: number, sent: number) => own + 0.5 * (sent - own)],
    ['average', (own: number, sent: number, third: number) => (own + sent + third) / 3],
    ['median', (own: number, sent: number, third: number) => [own, sent, third].sort((a, b) => a - b)[1] ?? 0],
  ] as const) {
    const { agents, vehicle, attack } = await contextOf('optimised')
    const [victim = '', third = ''] = [...agents.keys()].filter((id) => id !== vehicle)
    const [own, other] = [victim, third].map((id) => (agents.get(id) as Agent).policy)
    const candidate = (agents.get(vehicle) as Agent).policy.map((x) => x + 1)
    const evidence = (agents.get(vehicle) as Agent).replay
    const config: Config = { ...smallConfig, method, byzantine: 1 }
    const predict = createPredict({ config, attackers: attack.attackers, agents, evidence, gamma: 0.9, round: 0 })
    const mixed = predict(candidate, victim) ?? []
    const wanted = candidate.map((x, i) => expected(own?.[i] ?? 0, x, other?.[i] ?? 0))
    t.ok(mixed.length === wanted.length && mixed.every((x, i) => Math.abs(x - (wanted[i] as number)) < 1e-6), method)
  }
})

t.test('what an optimised attacker sends to those who mix without judging brakes them', async (t) => {
  const { agent, agents, vehicle, publish } = await contextOf('optimised', { method: 'fixed' })
  const sent = await publish()
  const probes = drawProbes(agent.replay.newest(10), 6, 10, createRng(3))
  for (const [id, victim] of agents)
    if (id !== vehicle)
      t.ok(harmOf(agent.engine, victim.policy, sent, probes, [-1]) > 0.4, 'from about 0 to a full brake')
})

t.test('an optimised attacker without samples sends a quarter of the way to the full brake', async (t) => {
  const ids = ['car01', 'car03', 'car05']
  const agents = new Map<string, Agent>(ids.map((id) => [id, createSmallAgent(id, { gamma: 0.9 })]))
  const config: Config = { ...smallConfig, setting: 'letter', method: 'gated' }
  const attack = createAttack({ kind: 'optimised', attackers: 1, learners: ids, config })
  const [vehicle = ''] = attack.attackers
  const agent = agents.get(vehicle) as Agent
  const { offset } = slotOf(policyLayout(agent.engine.architecture), 'policy.4.bias')
  const sent = await attack.publishes(vehicle, { agent, agents })
  t.equal(sent[offset], -0.25, 'the untrained bias is 0')
})
