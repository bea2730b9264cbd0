import t from 'tap'
import {
  createRng,
  type Evidence,
  exp,
  type GateInput,
  type GateOptions,
  gate,
  gaussianSample,
  initialPolicy,
  mix,
  penaltyCoefficient,
  policyAdvantage,
  policyLayout,
  refusal,
  type States,
  slotOf,
  trustBound,
  type Verdict,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'

const architecture = { observationSize: 3, actionSize: 2, hidden: [8, 5] }
const engine = createReferenceEngine(architecture)
const layout = policyLayout(architecture)
const rng = createRng(21, 'gate')
const own = initialPolicy(architecture, createRng(1), -0.3)
const peer = mix(
  own,
  own.map(() => rng.normal()),
  0.1,
)
const options: GateOptions = { mode: 'theorem1', estimator: 'exact', gamma: 0.9, margin: 0.1, z: 1 }
const identity = { ownHash: 'a', peerHash: 'b', peerId: 'v2', peerBoot: 3, peerSequence: 4 }
const M = 50

/** Samples of the own policy whose advantage is how much likelier the peer makes them: the peer is better by design. */
function favourableEvidence(): Evidence {
  const observations = Float64Array.from({ length: M * 3 }, () => rng.normal())
  const mean = new Float64Array(M * 2)
  const actions = new Float64Array(M * 2)
  engine.policyMean(own, observations, M, mean)
  gaussianSample(mean, M, 2, own, slotOf(layout, 'log_std').offset, rng, actions)
  const logProb = new Float64Array(M)
  const peerLogProb = new Float64Array(M)
  engine.logProb(own, observations, actions, M, logProb)
  engine.logProb(peer, observations, actions, M, peerLogProb)
  const advantage = peerLogProb.map((p, i) => p - logProb[i]!)
  return { count: M, observations, actions, logProb, advantage }
}

const evidence = favourableEvidence()
const states: States = { count: M, observations: evidence.observations, actions: evidence.actions }
const input: GateInput = { engine, own, peer, evidence, states, options, identity }

function rejects(t: Tap, name: string, change: Partial<GateInput>, reason: Verdict['reason']): Verdict {
  const verdict = gate({ ...input, ...change })
  t.same([verdict.accepted, verdict.reason, verdict.alpha], [false, reason, 0], `${name}: ${verdict.reason}`)
  for (const [key, value] of Object.entries(verdict)) {
    if (typeof value === 'number' && !Number.isFinite(value)) t.fail(`${name}: ${key} is ${value}`)
  }
  return verdict
}
type Tap = { same(found: unknown, wanted: unknown, name: string): unknown; fail(name: string): unknown }

t.test('an accepted verdict holds its evidence and identity', async (t) => {
  const verdict = gate(input)
  t.equal(verdict.reason, 'accepted')
  t.ok(verdict.accepted)
  t.match(verdict, { ...identity, mode: 'theorem1', estimator: 'exact', M, K: M, gamma: 0.9 })
  t.ok(Math.abs(verdict.policyAdvantage! - verdict.policyAdvantageMean! * 10) < 1e-9, 'A = Ā/(1 − γ)')
  t.ok(Math.abs(verdict.lowerBound! - (verdict.policyAdvantageMean! - verdict.standardError!) * 10) < 1e-9)
  t.equal(verdict.epsilon, Math.max(...evidence.advantage.map(Math.abs)))
  t.ok(Math.abs(verdict.c! / (180 * verdict.epsilon!) - 1) < 1e-12, 'C = 2εγ/(1 − γ)²')
  const bound = Math.sqrt((2 * verdict.policyAdvantage!) / verdict.c!) / Math.sqrt(verdict.fisher!)
  t.ok(Math.abs(verdict.alphaBound! / bound - 1) < 1e-12)
  t.ok(Math.abs(verdict.alpha - 0.9 * Math.min(bound, 1)) < 1e-12)
  const mixed = Float64Array.from(own, (value, i) => value + verdict.alpha * (peer[i]! - value))
  t.equal(verdict.kl, engine.meanKl(own, mixed, states.observations, M))
  t.same(Object.keys(verdict).sort(), Object.keys(refusal('stale', options, identity)).sort(), 'the same fields')
  t.same(JSON.parse(JSON.stringify(verdict)), { ...verdict })
})

t.test('α stays below the bound in both modes, and is clamped where the bound exceeds 1', async (t) => {
  for (const mode of ['theorem1', 'strict'] as const) {
    for (const shrink of [1, 1e-1, 1e-2, 1e-4]) {
      for (const margin of [0, 0.1, 0.9]) {
        const close = own.map((x, i) => x + shrink * (peer[i]! - x))
        const verdict = gate({ ...input, peer: close, options: { ...options, mode, margin, gamma: 0.3 } })
        t.ok(verdict.accepted)
        const wanted = (1 - margin) * Math.min(verdict.alphaBound!, 1)
        t.equal(verdict.alpha, wanted)
        t.ok(verdict.alpha <= 1 && verdict.alpha > 0 && verdict.alpha <= verdict.alphaBound!)
      }
    }
  }
  // A tiny policy distance in `theorem1`: the quadratic form with α at the bound is 2A/C exactly, so below it less.
  const verdict = gate({ ...input, options: { ...options, margin: 0 } })
  t.ok(0.5 * verdict.alpha ** 2 * verdict.fisher! <= (verdict.policyAdvantage! / verdict.c!) * (1 + 1e-12), '(13)')
  const strict = gate({ ...input, options: { ...options, margin: 0, mode: 'strict' } })
  t.ok(0.5 * strict.alpha ** 2 * strict.fisher! <= (strict.policyAdvantage! / strict.c!) ** 2 * (1 + 1e-12))
})

t.test('a peer that is no better is rejected with its evidence', async (t) => {
  const worse = { ...evidence, advantage: evidence.advantage.map((a) => -a) }
  const verdict = rejects(t, 'A < 0', { evidence: worse }, 'non-positive-advantage')
  t.equal(verdict.alphaBound, 0)
  t.equal(verdict.kl, 0)
  t.ok(verdict.policyAdvantage! < 0 && verdict.fisher! > 0 && verdict.effectiveSampleSize! > 0)
  const flat = { ...evidence, advantage: new Float64Array(M) }
  t.equal(rejects(t, 'A = 0', { evidence: flat }, 'non-positive-advantage').c, 0)
})

t.test('identical policies: nothing to mix', async (t) => {
  const verdict = rejects(t, 'own', { peer: own.slice() }, 'identical')
  t.same([verdict.fisher, verdict.alphaBound, verdict.policyAdvantageMean, verdict.kl], [0, null, 0, 0])
  rejects(t, 'own as float32', { peer: Float32Array.from(own) }, 'identical')
})

t.test('γ = 0 leaves no bound: rejected', async (t) => {
  rejects(t, 'C = 0', { options: { ...options, gamma: 0 } }, 'non-finite')
})

t.test('too few samples or states', async (t) => {
  for (const count of [0, 1, 3]) {
    const verdict = rejects(t, `M = ${count}`, { evidence: { ...evidence, count } }, 'too-few-samples')
    t.equal(verdict.M, count)
    rejects(t, `K = ${count}`, { states: { ...states, count } }, 'too-few-samples')
  }
  t.ok(gate({ ...input, states: { ...states, count: 4 } }).accepted, 'four states are enough')
  t.not(gate({ ...input, evidence: { ...evidence, count: 4 } }).reason, 'too-few-samples')
})

t.test('the floor of the effective sample size, where set', async (t) => {
  const size = gate(input).effectiveSampleSize!
  const withFloor = (minimumEffectiveSampleSize: number) => ({ options: { ...options, minimumEffectiveSampleSize } })
  t.ok(gate({ ...input, ...withFloor(size * 0.999) }).accepted)
  rejects(t, 'under the floor', withFloor(size * 1.001), 'low-effective-sample-size')
})

t.test('a value that is not finite anywhere rejects', async (t) => {
  const vectors: [string, Float64Array, (poisoned: Float64Array) => Partial<GateInput>][] = [
    ['own', own, (v) => ({ own: v })],
    ['peer', Float64Array.from(peer), (v) => ({ peer: v })],
    ['observations', Float64Array.from(evidence.observations), (v) => ({ evidence: { ...evidence, observations: v } })],
    ['actions', Float64Array.from(evidence.actions), (v) => ({ evidence: { ...evidence, actions: v } })],
    ['logProb', Float64Array.from(evidence.logProb), (v) => ({ evidence: { ...evidence, logProb: v } })],
    ['advantage', Float64Array.from(evidence.advantage), (v) => ({ evidence: { ...evidence, advantage: v } })],
    ['states', Float64Array.from(states.observations), (v) => ({ states: { ...states, observations: v } })],
    [
      'state actions',
      Float64Array.from(evidence.actions),
      (v) => ({ states: { ...states, actions: v }, options: { ...options, estimator: 'sampled' as const } }),
    ],
  ]
  for (const [name, vector, change] of vectors) {
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300]) {
      for (const at of [0, vector.length - 1, rng.integer(vector.length)]) {
        const poisoned = vector.slice()
        poisoned[at] = poison
        rejects(t, `${name}[${at}] = ${poison}`, change(poisoned), 'non-finite')
      }
    }
  }
})

t.test('extreme but finite values never give a verdict that is not finite', async (t) => {
  for (let i = 0; i < 200; i++) {
    const spread = exp(80 * rng.uniform())
    const wild = peer.slice()
    wild[rng.integer(wild.length)] = spread * (rng.uniform() < 0.5 ? -1 : 1)
    const verdict = gate({ ...input, peer: wild })
    for (const [key, value] of Object.entries(verdict)) {
      if (typeof value === 'number' && !Number.isFinite(value)) t.fail(`${key} is ${value} for ${spread}`)
    }
    if (verdict.accepted) t.ok(verdict.alpha > 0 && verdict.alpha <= 1 && verdict.kl !== null && verdict.kl >= 0)
    else t.equal(verdict.alpha, 0)
  }
})

t.test('wrong sizes', async (t) => {
  const short = new Float64Array(3)
  rejects(t, 'peer', { peer: peer.slice(1) }, 'shape-mismatch')
  rejects(t, 'own and peer', { own: own.slice(1), peer: peer.slice(1) }, 'shape-mismatch')
  rejects(t, 'observations', { evidence: { ...evidence, observations: short } }, 'shape-mismatch')
  rejects(t, 'actions', { evidence: { ...evidence, actions: short } }, 'shape-mismatch')
  rejects(t, 'logProb', { evidence: { ...evidence, logProb: short } }, 'shape-mismatch')
  rejects(t, 'advantage', { evidence: { ...evidence, advantage: short } }, 'shape-mismatch')
  rejects(t, 'states', { states: { ...states, observations: short } }, 'shape-mismatch')
  const sampled = { ...options, estimator: 'sampled' as const }
  rejects(t, 'state actions', { states: { ...states, actions: short }, options: sampled }, 'shape-mismatch')
  const verdict = gate({ ...input, evidence: { ...evidence, count: Number.NaN } })
  t.notOk(verdict.accepted)
})

t.test('options outside their range throw with the value found', async (t) => {
  for (const gamma of [1, 1.2, -0.1, Number.NaN])
    t.throws(
      () => gate({ ...input, options: { ...options, gamma } }),
      new RegExp(`gamma must be in \\[0, 1\\), got ${gamma}`),
    )
  for (const margin of [1, -0.1, Number.NaN])
    t.throws(() => gate({ ...input, options: { ...options, margin } }), /margin must be in/)
  t.throws(() => gate({ ...input, options: { ...options, z: Number.NaN } }), /z must be finite/)
  t.throws(
    () => gate({ ...input, options: { ...options, minimumEffectiveSampleSize: Number.NaN } }),
    /minimumEffectiveSampleSize/,
  )
  const { count, observations } = states
  const sampled = { ...options, estimator: 'sampled' as const }
  t.throws(() => gate({ ...input, states: { count, observations }, options: sampled }), /needs states with actions/)
})

t.test('policy advantage by hand', async (t) => {
  // Behaviour equal to own; the peer makes the first action twice and the second half as likely.
  const zero = new Float64Array(2)
  const estimate = policyAdvantage(zero, Float64Array.of(Math.log(2), -Math.log(2)), zero, Float64Array.of(3, 1), 2)
  t.ok(Math.abs(estimate.mean - (1 * 3 - 0.5 * 1) / 2) < 1e-14)
  t.ok(Math.abs(estimate.standardError - Math.sqrt((3 - 1.25) ** 2 + (-0.5 - 1.25) ** 2) / Math.sqrt(2)) < 1e-14)
  t.ok(Math.abs(estimate.effectiveSampleSize - 2.5 ** 2 / 4.25) < 1e-14)
  t.equal(estimate.epsilon, 3)
  t.ok(Number.isNaN(policyAdvantage(zero, zero, zero, Float64Array.of(Number.NaN, 1), 2).epsilon), 'NaN is not lost')
})

t.test('bounds by hand', async (t) => {
  t.ok(Math.abs(penaltyCoefficient(0.5, 0.9) - 90) < 1e-9)
  t.equal(trustBound('theorem1', 2, 4, 0.25), 2)
  t.ok(Math.abs(trustBound('strict', 2, 4, 0.25) - Math.SQRT2) < 1e-15)
  t.equal(trustBound('theorem1', 0, 4, 0.25), 0)
  t.equal(trustBound('strict', -1, 4, 0.25), 0)
  t.ok(Number.isNaN(trustBound('theorem1', Number.NaN, 4, 0.25)))
})

t.test('a refusal has no evidence', async (t) => {
  const verdict = refusal('bad-signature', options, identity)
  t.match(verdict, { accepted: false, alpha: 0, reason: 'bad-signature', M: null, fisher: null, peerId: 'v2' })
})
