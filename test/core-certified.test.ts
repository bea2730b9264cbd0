import t from 'tap'
import {
  alphaCandidates,
  type CertifiedInput,
  type CertifiedOptions,
  certified,
  createRng,
  type Evidence,
  exp,
  gate,
  initialPolicy,
  mix,
  mixedAdvantage,
  type Verdict,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'

// A Gaussian bandit: without hidden layers and with the observation 0 the mean is the bias, parameter 1 of [log σ, bias, weight].
const bandit = createReferenceEngine({ observationSize: 1, actionSize: 1, hidden: [] })
const arm = (mean: number, logStd = 0) => Float64Array.of(logStd, mean, 0)
const identity = { ownHash: 'a', peerHash: 'b', peerId: 'v2', peerBoot: 3, peerSequence: 4 }
const options: CertifiedOptions = {
  test: 'radius',
  advantageEstimator: 'plain',
  gamma: 0.9,
  z: 1,
  klRadius: 0.01,
  minimumAlpha: 0.05,
  minimumEffectiveSampleSize: 4,
}
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI)

/** Actions of N(0, 1) with the advantages that `reward` gives them; E r is 0 for every reward used here. */
function pulls(actions: Float64Array, reward: (action: number) => number): Evidence {
  const count = actions.length
  const logProb = actions.map((a) => -0.5 * a * a - HALF_LOG_TWO_PI)
  return { count, observations: new Float64Array(count), actions, logProb, advantage: actions.map(reward) }
}

function drawn(count: number, seed: number): Float64Array {
  const rng = createRng(seed, 'pulls')
  return Float64Array.from({ length: count }, () => rng.normal())
}

/** Points that split N(0, 1) into equal shares, by the midpoint rule on its density. */
function evenly(count: number): Float64Array {
  const points: number[] = []
  const step = 1e-4
  for (let x = -8, mass = 0; points.length < count; x += step) {
    mass += (step * Math.exp(-0.5 * (x + step / 2) ** 2)) / Math.sqrt(2 * Math.PI)
    while (points.length < count && mass >= (points.length + 0.5) / count) points.push(x + step)
  }
  return Float64Array.from(points)
}

function judged(change: Partial<CertifiedInput>): Verdict & { readonly policy?: Float32Array | undefined } {
  const evidence = change.evidence ?? pulls(drawn(50, 1), (a) => a)
  const input = { engine: bandit, own: arm(0), peer: arm(0.5), evidence, states: evidence, options, identity }
  const { verdict, policy } = certified({ ...input, ...change })
  for (const [key, value] of Object.entries(verdict))
    if (typeof value === 'number' && !Number.isFinite(value)) t.fail(`${key} is ${value}`)
  if (verdict.accepted !== (policy !== undefined))
    t.fail('a policy is handed out where, and only where, it is accepted')
  if (!verdict.accepted && verdict.alpha !== 0) t.fail(`rejected with α = ${verdict.alpha}`)
  return { ...verdict, policy }
}

const evidence = pulls(evenly(2_001), (a) => a)
const alphaGrid = alphaCandidates(options.minimumAlpha)
const largestUnder = (bound: number) => Math.max(...alphaGrid.filter((alpha) => alpha < bound))

t.test('the trust radius by closed form: KL of a shift by αm is (αm)²/2', async (t) => {
  for (const m of [0.05, 0.3, 1, 2]) {
    const verdict = judged({ evidence, peer: arm(m), options: { ...options, z: 0 } })
    const wanted = largestUnder(Math.sqrt(2 * options.klRadius) / m)
    t.equal(verdict.alpha, wanted, `m = ${m}`)
    t.equal(verdict.alphaBound, wanted)
    const shift = Math.fround(wanted * m)
    t.ok(Math.abs((verdict.kl ?? 0) / (shift ** 2 / 2) - 1) < 1e-9)
    t.ok(Math.abs((verdict.policyAdvantageMean ?? 0) / shift - 1) < 0.01, 'r = a: the advantage is the shift')
    t.ok(Math.abs((verdict.policyAdvantage ?? 0) - 10 * (verdict.policyAdvantageMean ?? 0)) < 1e-9)
    t.same([...(verdict.policy ?? [])], [...mix(arm(0), arm(m), wanted)], 'what was judged is what is handed out')
    const weightSquares = Math.exp(shift ** 2) // E w² of N(shift, 1) against N(0, 1)
    t.ok(Math.abs((verdict.effectiveSampleSize ?? 0) / (2_001 / weightSquares) - 1) < 0.01)
  }
})

t.test('the penalty by closed form: αm/(1 − γ) > C (αm)²/2', async (t) => {
  const epsilon = Math.max(...evidence.advantage.map(Math.abs))
  for (const [gamma, m] of [
    [0.9, 0.1],
    [0.5, 1],
    [0.2, 2],
    [0.1, 1],
  ] as const) {
    const c = (2 * epsilon * gamma) / (1 - gamma) ** 2
    const bound = 2 / (c * m * (1 - gamma))
    const verdict = judged({ evidence, peer: arm(m), options: { ...options, test: 'penalty', z: 0, gamma } })
    const wanted = largestUnder(bound)
    t.equal(verdict.alpha, wanted, `γ = ${gamma}, m = ${m}: α under ${bound.toFixed(3)}`)
    t.ok(Math.abs((verdict.c ?? 0) / c - 1) < 1e-12)
    t.ok((verdict.policyAdvantage ?? 0) > (verdict.c ?? 0) * (verdict.kl ?? 0))
    const above = alphaGrid[alphaGrid.indexOf(wanted) + 1]
    if (above !== undefined) {
      const next = Math.fround(above * m)
      t.ok(next / (1 - gamma) < (c * next ** 2) / 2, 'the next candidate fails')
    }
  }
})

t.test('the next larger candidate fails, on drawn samples, for every estimator and test', async (t) => {
  for (const advantageEstimator of ['plain', 'weighted'] as const) {
    for (const test of ['radius', 'penalty'] as const) {
      const tried = { ...options, test, advantageEstimator, gamma: 0.3 }
      const sample = pulls(drawn(50, 7), (a) => a)
      const verdict = judged({ evidence: sample, peer: arm(0.9), options: tried })
      t.ok(verdict.accepted, `${advantageEstimator}, ${test}: α = ${verdict.alpha}`)
      t.ok((verdict.lowerBound ?? 0) > 0)
      const above = alphaGrid[alphaGrid.indexOf(verdict.alpha) + 1]
      if (above === undefined) continue
      const next = mix(arm(0), arm(0.9), above)
      const onSample = (mean: number) =>
        Float64Array.from(sample.actions, (a) => -0.5 * (a - mean) ** 2 - HALF_LOG_TWO_PI)
      const found = mixedAdvantage(advantageEstimator, sample, onSample(0), onSample(next[1] as number))
      const lower = (found.mean - found.standardError) / 0.7
      const kl = (next[1] as number) ** 2 / 2
      const passes = test === 'radius' ? lower > 0 && kl <= 0.01 : lower > (verdict.c ?? 0) * kl
      t.notOk(passes)
    }
  }
})

t.test('it abstains, and says why', async (t) => {
  const reasonFor = (change: Partial<CertifiedInput>) => judged(change).reason
  t.equal(reasonFor({ peer: arm(-0.5) }), 'non-positive-advantage')
  t.equal(reasonFor({ options: { ...options, z: 10 } }), 'below-lower-bound')
  t.equal(reasonFor({ options: { ...options, klRadius: 1e-9 } }), 'below-lower-bound', 'no candidate is so close')
  // A quarter of the way to 0.5 is 1/8 away: KL 1/128.
  const quarter = { ...options, minimumAlpha: 0.25 }
  t.equal(
    reasonFor({ options: { ...quarter, klRadius: 0.0078 } }),
    'below-lower-bound',
    'a smaller part would be close',
  )
  t.equal(reasonFor({ options: { ...quarter, klRadius: 0.00782 } }), 'accepted')
  t.equal(reasonFor({ options: { ...options, klRadius: 0.0078 } }), 'accepted')
  t.equal(reasonFor({ options: { ...options, minimumEffectiveSampleSize: 50 } }), 'low-effective-sample-size')
  t.equal(reasonFor({ evidence: pulls(drawn(3, 1), (a) => a) }), 'too-few-samples')
  t.equal(reasonFor({ peer: arm(0) }), 'identical')
  t.equal(reasonFor({ peer: arm(Number.NaN) }), 'non-finite')
  t.equal(reasonFor({ peer: arm(1e300) }), 'non-finite')
  t.equal(reasonFor({ peer: arm(0.5, 1e30) }), 'low-effective-sample-size')
  t.equal(reasonFor({ own: arm(Number.NaN) }), 'non-finite')
  t.equal(reasonFor({ peer: Float64Array.of(0, 0) }), 'shape-mismatch')
  for (const poison of [Number.NaN, Number.POSITIVE_INFINITY, 1e300])
    for (const column of ['observations', 'actions', 'logProb', 'advantage'] as const) {
      const good = pulls(drawn(50, 1), (a) => a)
      const bad = { ...good, [column]: good[column].slice().fill(poison, 7, 8) }
      t.equal(reasonFor({ evidence: bad }), 'non-finite', `${column} ${poison}`)
    }
})

t.test('huge but finite peers are refused or stay inside the radius', async (t) => {
  const rng = createRng(5, 'huge')
  for (let i = 0; i < 300; i++) {
    const size = exp(80 * rng.uniform())
    const verdict = judged({ peer: arm(size, rng.normal() * 3) })
    if (verdict.accepted) t.ok((verdict.kl ?? Number.POSITIVE_INFINITY) <= options.klRadius)
  }
})

t.test('options outside their range throw with the value found', async (t) => {
  const wrong = (change: Partial<CertifiedOptions>) => () => judged({ options: { ...options, ...change } })
  t.throws(wrong({ gamma: 1 }), /gamma must be in \[0, 1\), got 1/)
  t.throws(wrong({ z: -1 }), /z must be finite and not negative, got -1/)
  t.throws(wrong({ klRadius: 0 }), /klRadius must be positive, got 0/)
  t.throws(wrong({ minimumAlpha: 0 }), /minimumAlpha must be in \(0, 1\], got 0/)
  t.throws(
    wrong({ minimumEffectiveSampleSize: Number.NaN }),
    /minimumEffectiveSampleSize must not be negative, got NaN/,
  )
})

t.test('a peer no better is accepted no more often than z promises, a better one far more often', async (t) => {
  const trials = 2_000
  // P(t > z) for Student's t with 29 degrees of freedom.
  for (const [z, promised] of [
    [1, 0.1628],
    [2, 0.0275],
  ] as const) {
    for (const advantageEstimator of ['plain', 'weighted'] as const) {
      let [wrong, right] = [0, 0]
      for (let seed = 0; seed < trials; seed++) {
        const rng = createRng(seed, 'noise')
        const actions = drawn(30, seed)
        const noise = actions.map(() => rng.normal())
        const change = { peer: arm(0.1), options: { ...options, z, advantageEstimator } }
        const nothing = { ...pulls(actions, () => 0), advantage: noise }
        if (judged({ ...change, evidence: nothing }).accepted) wrong++
        const something = { ...nothing, advantage: noise.map((x, i) => x + (actions[i] as number)) }
        if (judged({ ...change, evidence: something }).accepted) right++
      }
      const error = Math.sqrt((promised * (1 - promised)) / trials)
      t.ok(wrong / trials <= promised + 3 * error, `${advantageEstimator}, z = ${z}: ${wrong / trials} of ${promised}`)
      t.ok(right / trials > 0.9, `better: ${right / trials}`)
    }
  }
})

t.test('both engines agree on networks, and the literal gate agrees on what it shares', async (t) => {
  const architecture = { observationSize: 6, actionSize: 1, hidden: [16, 16] }
  const [reference, wasm] = [createReferenceEngine(architecture), createWasmEngine(architecture)]
  const rng = createRng(9, 'engines')
  let accepted = 0
  for (let i = 0; i < 20; i++) {
    const own = initialPolicy(architecture, createRng(i), -0.3)
    const noise = own.map(() => rng.normal())
    const peer = mix(own, noise, 0.1)
    const observations = Float64Array.from({ length: 300 }, () => rng.normal())
    const actions = Float64Array.from({ length: 50 }, () => rng.normal())
    const logProb = new Float64Array(50)
    const peerLogProb = new Float64Array(50)
    reference.logProb(own, observations, actions, 50, logProb)
    reference.logProb(peer, observations, actions, 50, peerLogProb)
    // Every second peer is worse by design.
    const sign = i % 2 === 0 ? 1 : -1
    const advantage = peerLogProb.map((p, row) => sign * (p - (logProb[row] as number)) + 0.3 * rng.normal())
    const sample = { count: 50, observations, actions, logProb, advantage }
    const change = { own, peer, evidence: sample, states: sample, options: { ...options, klRadius: 0.02 } }
    const [a, b] = [judged({ ...change, engine: reference }), judged({ ...change, engine: wasm })]
    t.same([a.reason, a.alpha], [b.reason, b.alpha])
    for (const key of ['policyAdvantage', 'standardError', 'effectiveSampleSize', 'fisher', 'kl', 'epsilon'] as const)
      t.ok(Math.abs((a[key] ?? 0) - (b[key] ?? 0)) <= 1e-3 * Math.abs(b[key] ?? 0), `${key}: ${a[key]} and ${b[key]}`)
    const literal = { mode: 'theorem1', estimator: 'exact', gamma: 0.9, margin: 0, z: 1 } as const
    const { epsilon, c, fisher } = gate({ ...change, engine: reference, options: literal, identity })
    t.same([a.epsilon, a.c, a.fisher], [epsilon, c, fisher])
    if (a.policy) {
      accepted++
      t.equal(a.kl, reference.meanKl(own, a.policy, observations, 50))
    }
  }
  t.equal(accepted, 10)
})
