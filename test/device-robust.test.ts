import t from 'tap'
import { mix } from '../device/core/mix.ts'
import { coordinateMedian, krum, trimmedMean, trustedMean } from '../device/core/robust.ts'
import { policyHash } from '../device/identity.ts'
import { methods } from '../device/methods/index.ts'
import type { RoundConsideration } from '../device/methods/method.ts'
import type { Config } from '../schemas/config.ts'
import { calm, createSmallAgent, practise, smallConfig } from './support/devices.ts'
import { at, createRig, decide, last, outcome, peerPolicies, policyOf, type Rig, reset, turn } from './support/rig.ts'

const [first, second, third] = peerPolicies

/** Four peers of car05, and what each offers in the order of ids. */
function offers(rig: Rig): { policies: Record<string, string>; given: Float64Array[] } {
  const given = [second, first, third, first.map((x, i) => Math.fround(x + (i % 2) / 8))]
  const ids = ['B1', 'car01', 'car10', 'd1']
  return { given, policies: Object.fromEntries(ids.map((id, i) => [id, rig.offer(id, given[i] as Float64Array)])) }
}

/** A rig of car03, which has learned: `before` is its policy until then. */
function learnedRig(method: Config['method'], more: Partial<Config> = {}) {
  const rig = createRig(['car03'], { method, ...more })
  rig.ask('car03', reset)
  const before = policyOf(rig, 'car03').slice()
  for (let k = 0; k < 12; k++)
    rig.ask('car03', {
      ...decide,
      observation: { ...calm, speed: k },
      ...(k > 0 && { outcome: { ...outcome, reward: k / 20 } }),
    })
  rig.ask('car03', { kind: 'learn', ...at, outcome: last, observation: calm })
  return { rig, before, own: policyOf(rig, 'car03').slice() }
}

t.test('the robust rules combine all that came with the own policy, each peer with its verdict', async (t) => {
  for (const method of ['median', 'trimmed-mean', 'krum', 'fltrust'] as const) {
    const { rig, before, own } = learnedRig(method, { byzantine: 1 })
    const { policies, given } = offers(rig)
    rig.ask('car03', { kind: 'mix', ...at, policies: { ...policies, car03: policyHash(own) } })
    await turn()
    const all = [...given.slice(0, 2), own, ...given.slice(2)]
    const trusted = trustedMean(before, own, given)
    const chosen = krum(all, 1)
    const wanted = {
      median: { policy: coordinateMedian(all), alphas: [null, null, null, null] },
      'trimmed-mean': { policy: trimmedMean(all, 1), alphas: [null, null, null, null] },
      krum: { policy: all[chosen], alphas: [0, 1, 3, 4].map((i) => (i === chosen ? 1 : 0)) },
      fltrust: { policy: trusted?.policy, alphas: [...(trusted?.weights ?? [])] },
    }[method]
    t.same(policyOf(rig, 'car03'), wanted.policy, method)
    t.equal(rig.last('mix')?.policyHash, policyHash(wanted.policy as Float64Array))
    t.match(
      rig.verdicts,
      wanted.alphas.map((alpha, i) => ({
        mode: method,
        accepted: alpha !== 0,
        reason: alpha === 0 ? 'zero-weight' : 'accepted',
        alpha,
        ownHash: policyHash(own),
        peerHash: policyHash(given[i] as Float64Array),
        peerId: ['B1', 'car01', 'car10', 'd1'][i],
        policyAdvantage: null,
      })),
    )
    t.equal(rig.last('mix')?.verdicts.length, 4)
  }
})

t.test('with too few policies the own one stays, and the reason says so', async (t) => {
  for (const [method, byzantine, missing] of [
    ['median', 2, 1],
    ['trimmed-mean', 2, 1],
    ['krum', 1, 1],
    ['krum', 2, 0],
    ['fltrust', 0, 4],
  ] as const) {
    const { rig, own } = learnedRig(method, { byzantine })
    const { policies } = offers(rig)
    const absent = Object.keys(policies).slice(0, missing)
    const listed = { ...policies, ...Object.fromEntries(absent.map((id) => [id, '1'.repeat(64)])) }
    rig.ask('car03', { kind: 'mix', ...at, policies: listed })
    await turn()
    t.equal(rig.last('mix') === undefined, missing > 0, 'it waits for all')
    rig.clock.ms += smallConfig.missingAfterMs + 1
    for (const device of rig.devices.values()) device.tick()
    await turn()
    t.same(policyOf(rig, 'car03'), own, method)
    t.same(
      rig.last('mix')?.verdicts.map(({ peer, accepted, reason }) => [peer, accepted, reason]),
      Object.keys(policies).map((id) => [id, false, absent.includes(id) ? 'missing' : 'too-few-policies']),
    )
  }
})

t.test('a peer that is not finite, or of another length, is not in the round', async (t) => {
  const own = Float32Array.of(1, 1)
  const identity = { ownHash: null, peerHash: null, peerBoot: 1, peerSequence: 1 }
  const peers = [
    [Number.NaN, 3],
    [2, 2],
    [3, -1e39],
    [4, 4, 4],
    [3, 9],
  ].map((values, i) => {
    const id = `p${i}`
    return { id, identity: { ...identity, peerId: id }, policy: Float32Array.from(values) }
  })
  const input: RoundConsideration = {
    ...{ vehicle: 'own', own, before: Float32Array.of(0, 0), ownHash: '', peers, byzantine: 1, gamma: 0.9 },
  }
  const { verdicts, policy } = methods.median.considerRound(input)
  t.same(policy, Float32Array.of(2, 2))
  t.same(
    verdicts.map(({ reason }) => reason),
    ['non-finite', 'accepted', 'non-finite', 'shape-mismatch', 'accepted'],
  )
  t.same(methods['trimmed-mean'].considerRound(input).policy, Float32Array.of(2, 2))
  for (const method of [methods.median, methods.krum]) {
    const few = method.considerRound({ ...input, byzantine: 2 })
    t.equal(few.policy, undefined)
    t.same(
      few.verdicts.map(({ reason }) => reason),
      ['non-finite', 'too-few-policies', 'non-finite', 'shape-mismatch', 'too-few-policies'],
    )
  }
  for (const method of ['median', 'trimmed-mean', 'krum', 'fltrust'] as const) {
    const broken = methods[method].considerRound({ ...input, own: Float32Array.of(1, Number.NaN), byzantine: 0 })
    t.equal(broken.policy, undefined, `${method}: an own policy that is not finite is not hidden by others`)
    const bad = peers.filter((_, i) => i === 0 || i === 2)
    t.equal(methods[method].considerRound({ ...input, peers: bad, byzantine: 0 }).policy, undefined, 'nobody is left')
  }
  const stuck = methods.fltrust.considerRound({ ...input, before: own })
  t.equal(stuck.policy, undefined)
  t.match(stuck.verdicts[1], { reason: 'too-few-samples', accepted: false })
})

t.test('the own policy stands among the others where its id does', async (t) => {
  // Scores 1, 1, 16 with the one nearest neighbour each: of two equal ones the smaller id is taken.
  const identity = { ownHash: null, peerHash: null, peerBoot: 1, peerSequence: 1 }
  const peers = (['b', 'd'] as const).map((id, i) => {
    return { id, identity: { ...identity, peerId: id }, policy: Float32Array.of(i === 0 ? 0 : 5) }
  })
  const own = Float32Array.of(1)
  const input = { own, before: own, ownHash: '', peers, byzantine: 0, gamma: 0.9 }
  const after = methods.krum.considerRound({ ...input, vehicle: 'c' })
  t.same([after.policy, ...after.verdicts.map(({ alpha }) => alpha)], [Float32Array.of(0), 1, 0])
  const before = methods.krum.considerRound({ ...input, vehicle: 'a' })
  t.same([before.policy, ...before.verdicts.map(({ alpha }) => alpha)], [undefined, 0, 0])
})

t.test('an agent remembers its policy of before the last learning', async (t) => {
  const agent = createSmallAgent()
  for (const count of [3, 4]) {
    const policy = agent.policy.slice()
    practise(agent, count, count)
    agent.learn()
    t.same(agent.before, policy)
    t.notSame(agent.policy, policy)
    agent.adopt(agent.policy.map((x) => x + 1))
    t.same(agent.before, policy, 'a mix is no learning')
  }
})

t.test('the controls and the gated average judge as documented', async (t) => {
  const gatedBy = async (method: Config['method'], more: Partial<Config> = {}) => {
    const { rig, own } = learnedRig(method, more)
    let theta: Float32Array = Float32Array.from(own)
    // A small step and its opposite: to first order one advantage is the other's negative.
    const steps = [1e-3, -1e-3].map((size) => theta.map((x, i) => Math.fround(x + size * ((i % 3) - 1))))
    const ids = method === 'average-gated' ? ['aggregator', 'aggregator'] : ['car10', 'd1']
    const verdicts = []
    for (const [i, step] of steps.entries()) {
      const [id = '', hash] = [ids[i], rig.offer(ids[i] ?? '', step, i + 1)]
      const round = { kind: 'mix', ...at } as const
      const asked =
        id === 'aggregator' ? { ...round, policies: {}, aggregate: hash } : { ...round, policies: { [id]: hash } }
      rig.ask('car03', asked)
      await turn()
      const verdict = rig.verdicts[i]
      t.equal(verdict?.peerId, id)
      t.equal(verdict?.ownHash, policyHash(theta))
      const { policyAdvantage: a, c, fisher, alpha, accepted } = verdict ?? {}
      if (accepted) {
        const bound = Math.sqrt((2 * Math.abs(a ?? 0)) / (c ?? 0)) / Math.sqrt(fisher ?? 0)
        t.equal(alpha, 0.9 * Math.min(bound, 1), 'α comes from the bound with |A|')
        theta = mix(theta, step, alpha ?? 0)
      }
      t.equal(rig.last('mix')?.policyHash, policyHash(theta))
      verdicts.push({ mode: verdict?.mode, accepted, reason: verdict?.reason, positive: (a ?? 0) > 0 })
    }
    return verdicts
  }
  const gated = await gatedBy('gated')
  t.ok(gated.every(({ accepted, positive }) => accepted === positive) && gated.some(({ accepted }) => accepted))
  const average = await gatedBy('average-gated')
  t.same(average, gated, 'the same judgement of the same policy, wherever it comes from')
  for (const { mode, accepted, reason, positive } of await gatedBy('reversed'))
    t.same([mode, accepted, reason], ['reversed', !positive, positive ? 'control' : 'accepted'])
  t.match(await gatedBy('coin', { coinProbability: 1 }), [
    { mode: 'coin', accepted: true },
    { mode: 'coin', accepted: true },
  ])
  t.match(await gatedBy('coin', { coinProbability: 0 }), [
    { mode: 'coin', accepted: false, reason: 'control' },
    { mode: 'coin', accepted: false, reason: 'control' },
  ])
})

t.test('a peer whose link is down is neither waited for nor judged', async (t) => {
  for (const method of ['gated', 'median'] as const) {
    const rig = createRig(['car03'], { method, linkProbability: 0, byzantine: 0 })
    rig.ask('car03', reset)
    const own = policyHash(policyOf(rig, 'car03'))
    rig.offer('car10', first)
    rig.ask('car03', { kind: 'mix', ...at, policies: { car10: policyHash(first), d1: '1'.repeat(64) } })
    await turn()
    t.match(rig.last('mix'), { verdicts: [], policyHash: own })
    t.same(rig.verdicts, [])
  }
})
