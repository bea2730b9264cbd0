import t from 'tap'
import { mix } from '../device/core/mix.ts'
import { policyHash } from '../device/identity.ts'
import { calm } from './support/devices.ts'
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
