import t from 'tap'
import { createAggregator } from '../broker/aggregator.ts'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import { aggregate } from '../device/core/aggregate.ts'
import { mix } from '../device/core/mix.ts'
import { policyHash } from '../device/identity.ts'
import { sealParams } from '../device/params.ts'
import type { Act } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { calm, createIdentities, smallConfig, smallKind } from './support/devices.ts'
import { absent, at, createRig, decide, last, outcome, peerPolicies, policyOf, reset, turn } from './support/rig.ts'

const [first, second, third] = peerPolicies

t.test('method fixed mixes with every peer in code-unit order of ids', async (t) => {
  const rig = createRig(['car01'], { method: 'fixed', fixedAlpha: 0.25 })
  rig.ask('car01', reset)
  const own = policyOf(rig, 'car01').slice()
  const policies = { car03: rig.offer('car03', first), B1: rig.offer('B1', second), car10: rig.offer('car10', third) }
  rig.ask('car01', { kind: 'mix', ...at, policies: { ...policies, car01: policyHash(own) } })
  await turn()
  const wanted = own.slice()
  for (const other of [second, first, third])
    for (const [i, x] of wanted.entries()) wanted[i] = Math.fround(x + 0.25 * ((other[i] ?? 0) - x)) + 0 // (4)
  t.same(policyOf(rig, 'car01'), wanted)
  t.equal(rig.last('mix')?.policyHash, policyHash(wanted))
  t.match(
    rig.last('mix')?.verdicts,
    ['B1', 'car03', 'car10'].map((peer) => ({ peer, accepted: true, referred: true })),
  )
  t.match(
    rig.verdicts.map(({ alpha, mode }) => [alpha, mode]),
    Array(3).fill([0.25, 'fixed']),
  )
  t.match(rig.statuses.at(-1), { policyHash: policyHash(wanted), updates: 0 })
})

t.test('method average takes what the server made, independent takes nothing', async (t) => {
  const average = createRig(['car01'], { method: 'average' })
  average.ask('car01', reset)
  average.offer('car03', second)
  average.ask('car01', { kind: 'mix', ...at, policies: { car03: policyHash(second) }, aggregate: policyHash(first) })
  await turn()
  t.equal(average.last('mix'), undefined, 'waits for the average, not for peers')
  average.offer('aggregator', first)
  await turn()
  t.equal(average.last('mix')?.policyHash, policyHash(first))
  t.match(average.last('mix')?.verdicts, [{ peer: 'aggregator', accepted: true }])

  const alone = createRig(['car01'], { method: 'independent' })
  alone.ask('car01', reset)
  const before = policyOf(alone, 'car01').slice()
  alone.ask('car01', { kind: 'mix', ...at, policies: { car03: absent } })
  await turn()
  t.match(alone.last('mix'), { verdicts: [], refused: {}, policyHash: policyHash(before) })
})

t.test('method gated judges one after the other, each against what the last one left', async (t) => {
  const rig = createRig(['car01'])
  rig.ask('car01', reset)
  const peers = { car03: rig.offer('car03', first), car10: rig.offer('car10', second) }
  rig.ask('car01', { kind: 'mix', ...at, policies: peers })
  await turn()
  t.match(rig.last('mix')?.verdicts, [{ reason: 'too-few-samples' }, { reason: 'too-few-samples' }])
  for (let k = 0; k < 12; k++)
    rig.ask('car01', {
      ...decide,
      observation: { ...calm, speed: k },
      ...(k > 0 && { outcome: { ...outcome, reward: k / 20 } }),
    })
  rig.ask('car01', { kind: 'learn', ...at, outcome: last, observation: calm })
  let theta: Float32Array = Float32Array.from(policyOf(rig, 'car01'))
  // A small step and its opposite: to first order one advantage is the other's negative, so exactly one is positive.
  const [there, opposite] = [1e-3, -1e-3].map((size) => theta.map((x, i) => Math.fround(x + size * ((i % 3) - 1)))) as [
    Float32Array,
    Float32Array,
  ]
  const twin = rig.offer('B1', theta)
  const policies = { B1: twin, car03: rig.offer('car03', there, 2), car10: rig.offer('car10', opposite, 2) }
  const heard = rig.verdicts.length
  rig.ask('car01', { kind: 'mix', ...at, policies })
  await turn()
  const verdicts = rig.verdicts.slice(heard)
  t.match(verdicts[0], { peerId: 'B1', reason: 'identical', alpha: 0, ownHash: twin, M: 12, K: 12 })
  for (const [i, peer] of [there, opposite].entries()) {
    const verdict = verdicts[i + 1]
    t.match(verdict, { mode: 'theorem1', estimator: 'exact', ownHash: policyHash(theta), gamma: Math.exp(-1 / 60) })
    t.equal(verdict?.accepted, (verdict?.policyAdvantage ?? 0) > 0)
    if (verdict?.accepted) theta = mix(theta, peer, verdict.alpha ?? 0)
  }
  t.equal(verdicts.filter(({ accepted }) => accepted).length, 1)
  t.equal(rig.last('mix')?.policyHash, policyHash(theta))
})

t.test('the aggregator averages in the order of ids and leaves out what is not finite', async (t) => {
  const broker = createLocalBroker()
  const [bus, spy] = [broker.connect(), broker.connect()]
  const identityOf = createIdentities(['aggregator', 'B1', 'car01', 'car10', 'd1'])
  const { fleet, cell } = smallConfig
  const run = 'run1'
  createAggregator({
    ...{ bus, fleet, cell, run, kind: smallKind, boot: 1, software: 'test', now: () => 0, wallClock: () => '' },
    identity: identityOf('aggregator'),
  })
  const acts: Act[] = []
  spy.subscribe(channels.act, { fleet, run }, (act) => acts.push(act))
  const offer = (vehicle: string, policy: Float64Array | Float32Array): string => {
    const header = { fleet, vehicle, boot: 1, sequence: 1, updates: 1, time: '', cell }
    spy.publish(channels.params, { fleet, cell, vehicle }, sealParams(policy, header, smallKind, identityOf(vehicle)))
    return policyHash(policy)
  }
  // At 0 the order of the sum shows: (2^60 − 2^60) + 1 is not (1 − 2^60) + 2^60.
  const [a, b, c] = [first, second, third].map((policy, k) =>
    Float32Array.from(policy, (x, i) => (i === 0 ? ([2 ** 60, -(2 ** 60), 1][k] ?? 0) : x)),
  ) as [Float32Array, Float32Array, Float32Array]
  const broken = first.map((x, i) => (i === 4 ? Number.NaN : x))
  const policies = {
    d1: offer('d1', c),
    car10: offer('car10', broken),
    car01: offer('car01', b),
    B1: offer('B1', a),
  }
  const seat = { fleet, run, vehicle: 'aggregator' }
  spy.publish(channels.obs, seat, { version: 1, run, seq: 1, ...reset })
  spy.publish(channels.obs, seat, { version: 1, run, seq: 2, kind: 'mix', ...at, policies })
  await turn()
  const mean = Float64Array.from(a, (x, i) => Math.fround((x + (b[i] ?? 0) + (c[i] ?? 0)) / 3) + 0)
  t.equal(mean[0], Math.fround(1 / 3))
  t.match(acts.at(-1), { kind: 'mix', policyHash: policyHash(mean) })
  t.same(aggregate([a, b, c]), mean)
})
