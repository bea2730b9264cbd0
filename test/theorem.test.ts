import t, { type Test } from 'tap'
import { theoremCommand } from '../cli/experiment-theorem.ts'
import { createRng } from '../device/core/rng.ts'
import { clopperPearson, proportionText } from '../sim-bridge/experiment/statistics/clopper-pearson.ts'
import { advantageOf, evaluate } from '../sim-bridge/experiment/theorem/evaluation.ts'
import { drawMdp, type Mdp } from '../sim-bridge/experiment/theorem/mdp.ts'
import { createPair, drawPair, peerKinds } from '../sim-bridge/experiment/theorem/pair.ts'
import { proofSteps } from '../sim-bridge/experiment/theorem/proof-steps.ts'
import { type Reading, type ReadingName, readings } from '../sim-bridge/experiment/theorem/readings.ts'
import { drawSamples, sampledReadings } from '../sim-bridge/experiment/theorem/sampled-readings.ts'
import { softmax } from '../sim-bridge/experiment/theorem/softmax-path.ts'
import { runTheoremCheck } from '../sim-bridge/experiment/theorem/theorem-check.ts'

const near = (t: Test, found: number | undefined, wanted: number, tolerance = 1e-12): void => {
  t.ok(Math.abs((found ?? Number.NaN) - wanted) <= tolerance, `${found} should be ${wanted} ± ${tolerance}`)
}

/**
 * Action 1 leads from state 0 to state 1, action 0 stays; state 1 is never left and pays 1. With γ = ½ and p = π(1|0):
 * V(1) = 2, V(0) = 2p/(1 + p), d(0) = 2/(1 + p).
 */
const twoStates: Mdp = {
  states: 2,
  actions: 2,
  gamma: 0.5,
  transition: Float64Array.of(1, 0, 0, 1, 0, 1, 0, 1),
  reward: Float64Array.of(0, 0, 1, 1),
  start: Float64Array.of(1, 0),
}
/** p = ½ and p̃ = ¾. */
const evenOwn = new Float64Array(4)
const threeQuarters = Float64Array.of(0, Math.log(3), 0, 0)

/** One state, no future: a bandit that pays 0 or 1. */
const bandit: Mdp = {
  states: 1,
  actions: 2,
  gamma: 0,
  transition: Float64Array.of(1, 1),
  reward: Float64Array.of(0, 1),
  start: Float64Array.of(1),
}

const reading = (name: ReadingName): Reading => readings[name]

const pairsOf = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => {
    const rng = createRng(seed, i)
    return drawPair(drawMdp(rng), peerKinds[i % 3] ?? 'random', rng)
  })

t.test('two states by hand: values, advantages, visitations, the bound and the rise', async (t) => {
  const pair = createPair(twoStates, 'random', evenOwn, threeQuarters)
  const { own } = pair
  near(t, own.worth, 2 / 3)
  near(t, own.value[1], 2)
  for (const [i, advantage] of [-1 / 3, 1 / 3, 0, 0].entries()) near(t, own.advantage[i], advantage)
  near(t, own.visitation[0], 4 / 3)
  near(t, own.visitation[1], 2 / 3)
  near(t, own.epsilon, 1 / 3)
  near(t, pair.c, 4 / 3)
  near(t, pair.policyAdvantage, 2 / 9)
  near(t, pair.fisher, Math.log(3) ** 2 / 6)
  near(t, pair.slope, (2 * Math.log(3)) / 9)
  const whole = pair.mix(1)
  near(t, whole.rise(), 4 / 21)
  near(t, whole.maxKl, Math.log(4 / 3) / 2)
  near(t, whole.meanKl, Math.log(4 / 3) / 3)
  near(t, whole.policyAdvantage, pair.policyAdvantage)

  const [rng, p] = [createRng(1), (alpha: number) => 3 ** alpha / (1 + 3 ** alpha)]
  near(t, reading('theorem1')(pair, rng)?.alpha, 0.9) // √2 / ln 3 > 1
  const strict = reading('strict')(pair, rng)
  near(t, strict?.alpha, 0.9 / Math.sqrt(3) / Math.log(3))
  const q = p(strict?.alpha ?? 0)
  near(t, strict?.rise(), (2 * q) / (1 + q) - 2 / 3)
})

t.test('a bandit in closed form: no future, no penalty', async (t) => {
  const pair = createPair(bandit, 'random', new Float64Array(2), Float64Array.of(0, Math.log(3)))
  near(t, pair.own.worth, 0.5)
  near(t, pair.policyAdvantage, 0.25)
  t.equal(pair.c, 0)
  near(t, pair.mix(1).rise(), 0.25)
  const rise = 3 ** 0.9 / (1 + 3 ** 0.9) - 0.5
  for (const name of ['theorem1', 'strict', 'certified, max KL', 'certified, CPO'] as const)
    near(t, reading(name)(pair, createRng(1))?.rise(), rise)
  const back = createPair(bandit, 'random', new Float64Array(2), Float64Array.of(Math.log(3), 0))
  for (const name of ['theorem1', 'strict', 'certified, mean KL', 'certified, max KL', 'certified, CPO'] as const)
    t.equal(reading(name)(back, createRng(1)), undefined, `${name} rejects what only lowers`)
  near(t, reading('reversed')(back, createRng(1))?.rise(), -rise)
})

t.test('a counterexample by hand: both conditions of Theorem 1 hold, exactly, and the return falls', async (t) => {
  // One state, three actions, each keeps it: η = 10 Σ π r for γ = 0.9.
  const rewards = [0.6, 0, 1]
  const step = [4, 0, -1]
  const mdp: Mdp = {
    ...{ states: 1, actions: 3, gamma: 0.9 },
    transition: Float64Array.of(1, 1, 1),
    reward: Float64Array.from(rewards),
    start: Float64Array.of(1),
  }
  const worth = (alpha: number): number => {
    const weights = step.map((x) => Math.exp(alpha * x))
    const total = weights.reduce((a, b) => a + b, 0)
    return (10 * weights.reduce((sum, w, i) => sum + w * (rewards[i] ?? 0), 0)) / total
  }
  const pair = createPair(mdp, 'random', new Float64Array(3), Float64Array.from(step))
  near(t, pair.policyAdvantage, worth(1) - worth(0))
  t.ok(pair.policyAdvantage > 0, 'condition (5)')
  near(t, pair.c, (2 * (1.6 / 3) * 0.9) / 0.01)
  near(t, pair.fisher, 17 / 3 - 1)
  near(t, pair.slope, 10 * ((2.4 - 1) / 3 - 1.6 / 3))
  const bound = Math.sqrt((2 * pair.policyAdvantage) / pair.c / pair.fisher) // (6)
  for (const name of ['theorem1', 'strict'] as const) {
    const mix = reading(name)(pair, createRng(1))
    t.ok((mix?.alpha ?? 0) > 0 && (mix?.alpha ?? 1) <= 0.9 * bound, `${name} accepts within (6)`)
    near(t, mix?.rise(), worth(mix?.alpha ?? 0) - worth(0))
    t.ok((mix?.rise() ?? 0) < 0, `${name} lowers the return: ${mix?.rise()}`)
  }
  t.match(reading('theorem1')(pair, createRng(1)), { alpha: 0.9 * bound })
  for (const name of ['certified, mean KL', 'certified, max KL', 'certified, max × mean', 'certified, CPO'] as const)
    t.equal(reading(name)(pair, createRng(1)), undefined, `${name} rejects`)
})

t.test('a policy has nothing to learn from itself', async (t) => {
  const pair = createPair(twoStates, 'random', threeQuarters, threeQuarters)
  for (const name of ['theorem1', 'strict', 'certified, mean KL', 'certified, max KL', 'reversed'] as const)
    t.equal(reading(name)(pair, createRng(1)), undefined)
})

t.test(
  'identity (8) holds to 1e-10 in every random process, and not with the visitation of the old policy',
  async (t) => {
    let different = 0
    for (const pair of pairsOf(300, 7)) {
      const { mdp, own } = pair
      near(
        t,
        own.visitation.reduce((a, b) => a + b, 0),
        1 / (1 - mdp.gamma),
        1e-9,
      )
      const { policy, difference } = pair.mix(1)
      const direct = evaluate(mdp, policy).worth - own.worth
      near(t, pair.mix(1).rise(), direct, 1e-10)
      if (Math.abs(advantageOf(own.visitation, difference, own.advantage) - direct) > 1e-6) different++
    }
    t.ok(different > 200, `${different} of 300 tell the visitations apart`)
  },
)

t.test('a small mix keeps the digits of its divergence and difference', async (t) => {
  for (const pair of pairsOf(50, 8)) {
    const { policy, kl, difference } = pair.path.at(0.5)
    const { own } = pair.path
    const { actions } = pair.mdp
    for (const [i, p] of policy.entries()) near(t, difference[i], p - (own[i] ?? 0), 1e-14)
    for (const [s, found] of kl.entries()) {
      let direct = 0
      for (let a = s * actions; a < (s + 1) * actions; a++)
        direct += (own[a] ?? 0) * Math.log((own[a] ?? 0) / (policy[a] ?? 0))
      near(t, found, direct, 1e-13)
    }
    // (12): the exact divergence of a small step is ½α²q.
    const small = pair.mix(1e-5)
    near(t, small.meanKl / (0.5e-10 * pair.fisher), 1, 1e-3)
    near(t, small.rise() / 1e-5, pair.slope, 1e-3 * Math.max(1, pair.c))
  }
})

t.test('what is proved never fails, what the letter adds does', async (t) => {
  const { exact, steps, lemmaError } = runTheoremCheck({ mdps: 600, seed: 3 })
  t.ok(lemmaError < 1e-11)
  const failed = new Map(steps.map(({ id, failed }) => [id, failed]))
  for (const id of ['a1', 'a2', 'b1']) t.equal(failed.get(id)?.successes, 0, `${id} is a theorem`)
  // A/C ≤ (1 − γ)/(2γ) ≤ ½ < 0.9: then √(0.9 A/C) is above A/C, always.
  t.equal(failed.get('b3')?.successes, failed.get('b3')?.trials)
  for (const id of ['b4', 'c1', 'c2', 'd1', 'd2', 'd3', 'e1', 'e2'])
    t.ok((failed.get(id)?.successes ?? 0) > 0, `${id} fails in places`)
  t.equal(steps.length, proofSteps.length)

  const of = new Map(exact.map((figures) => [figures.reading, figures]))
  for (const name of ['certified, max KL', 'certified, max × mean', 'certified, CPO']) {
    t.equal(of.get(name)?.fell.successes, 0, name)
    t.ok((of.get(name)?.accepted.successes ?? 0) > 100, 'a reading that never accepts would be no proof')
  }
  t.ok((of.get('theorem1')?.fell.successes ?? 0) > 0)
  t.ok((of.get('reversed')?.fell.rate ?? 0) > (of.get('coin')?.fell.rate ?? 1))
})

t.test('samples estimate what the exact readings are made of', async (t) => {
  const pair = createPair(twoStates, 'random', evenOwn, threeQuarters)
  const samples = drawSamples(pair, 40_000, createRng(5))
  near(t, samples.c, pair.c)
  near(t, samples.fisher, pair.fisher, 0.01)
  const inState0 = samples.row.filter((row) => row < 2).length / samples.count
  near(t, inState0, 2 / 3, 0.012) // five standard errors
  near(t, sampledReadings.strict(pair, samples)?.alpha, 0.9 / Math.sqrt(3) / Math.log(3), 0.02)
})

t.test('the same seed gives the same figures, another one others', async (t) => {
  const check = runTheoremCheck({ mdps: 20, seed: 1 })
  t.same(runTheoremCheck({ mdps: 20, seed: 1 }), check)
  t.not(runTheoremCheck({ mdps: 20, seed: 2 }).possibleGain, check.possibleGain)
})

t.test('the command prints tables, or one object with the same figures', async (t) => {
  const printed: string[] = []
  const io = { output: (text: string) => printed.push(text) } as unknown as Parameters<typeof theoremCommand.run>[1]
  t.equal(await theoremCommand.run(['--mdps', '30', '--json'], io), 0)
  t.same(JSON.parse(printed.join('')), JSON.parse(JSON.stringify(runTheoremCheck({ mdps: 30, seed: 1 }))))
  t.equal(await theoremCommand.run(['--mdps', '30'], io), 0)
  t.match(printed.at(-1), /certified, max KL/)
  await t.rejects(theoremCommand.run(['--mdps', '0'], io), { message: '--mdps must be at least 1, got 0' })
})

t.test('Clopper and Pearson: closed forms at the ends, SciPy in between', async (t) => {
  for (const n of [1, 10, 10_000]) {
    near(t, clopperPearson(0, n).lower, 0)
    near(t, clopperPearson(0, n).upper, 1 - 0.025 ** (1 / n), 1e-8)
    near(t, clopperPearson(n, n).upper, 1)
    near(t, clopperPearson(n, n).lower, 0.025 ** (1 / n), 1e-8)
  }
  // scipy.stats.beta.ppf
  for (const [x, n, lower, upper] of [
    [3, 10, 0.06673951117773447, 0.6524528500599973],
    [5, 10_000, 0.0001623679341988424, 0.0011664442090665891],
    [137, 3456, 0.033383676254089875, 0.04669193396496948],
    [5000, 10_000, 0.4901513805899805, 0.5098486194100196],
  ] as const) {
    near(t, clopperPearson(x, n).lower, lower, 1e-8)
    near(t, clopperPearson(x, n).upper, upper, 1e-8)
  }
  t.match(clopperPearson(0, 0), { lower: 0, upper: 1 }, 'nothing tried, nothing known')
  t.equal(proportionText(clopperPearson(3, 10)), '30.0 % [6.7, 65.2]')
  t.equal(proportionText(clopperPearson(0, 0)), '–')
  t.throws(() => clopperPearson(3, 2), { message: 'successes must be in 0…2, got 3' })
  t.throws(() => clopperPearson(1, 2, 1), { message: 'confidence must be in (0, 1), got 1' })
})

t.test('a softmax of large logits stays finite', async (t) => {
  t.same([...softmax(Float64Array.of(1e4, 0, -1e4), 3)], [1, 0, 0])
})
