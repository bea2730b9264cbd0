import { createLearner } from './core/adam.ts'
import type { Engine } from './core/engine.ts'
import { gate } from './core/gate.ts'
import { policyLayout, valueLayout } from './core/parameters.ts'
import { ppoStep } from './core/ppo.ts'
import { type GoldenCase, samplesOf, values } from './golden.ts'

/** Largest error relative to the size of what is compared: the arithmetic of an engine is float32. */
const tolerance = 1e-4

/**
 * Has an engine infer, judge and learn what golden vectors hold, with expected values in float64 from PyTorch. Undefined where all
 * of it holds, else the first quantity that does not, in words.
 */
export function selfTest(
  create: (architecture: GoldenCase['architecture']) => Engine,
  golden: GoldenCase,
): string | undefined {
  const engine = create(golden.architecture)
  for (const [name, found, wanted] of [
    ...inferred(engine, golden),
    ...judged(engine, golden),
    ...learned(engine, golden),
  ]) {
    // Small ones are sums of large ones: the root mean square is what an error is measured by.
    const scale = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0) / wanted.length)
    const at = wanted.findIndex(
      (x, i) => !(Math.abs((found[i] ?? Number.NaN) - x) <= tolerance * Math.max(scale, Math.abs(x))),
    )
    if (at >= 0) return `${name} of ${golden.name} must be ${wanted[at]}, got ${found[at]}`
  }
  return undefined
}

type Comparison = readonly [name: string, found: ArrayLike<number>, wanted: readonly number[]]

function inferred(engine: Engine, { architecture, own, value, experience, expected }: GoldenCase): Comparison[] {
  const rows = expected.policy.mean.length
  const observations = values(experience, 'obs')
  const [mean, logProb, state] = [architecture.actionSize, 1, 1].map((columns) => new Float64Array(rows * columns)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  engine.policyMean(own, observations, rows, mean)
  engine.logProb(own, observations, values(experience, 'action'), rows, logProb)
  engine.stateValue(value, observations, rows, state)
  return [
    ['the mean', mean, expected.policy.mean.flat()],
    ['the log-probability', logProb, expected.policy.log_prob],
    ['the value', state, expected.policy.value],
  ]
}

function judged(engine: Engine, { own, peer, experience, fisher, expected }: GoldenCase): Comparison[] {
  const { gate: wanted, gamma } = expected
  const verdict = gate({
    ...{ engine, own, peer },
    evidence: {
      count: expected.M,
      observations: values(experience, 'obs'),
      actions: values(experience, 'action'),
      logProb: values(experience, 'log_prob'),
      advantage: values(experience, 'advantage'),
    },
    states: { count: expected.K, observations: values(fisher, 'obs'), actions: values(fisher, 'action') },
    options: { mode: 'theorem1', estimator: 'exact', gamma, margin: 0.1, z: 1 },
    identity: { ownHash: null, peerHash: null, peerId: 'peer', peerBoot: 1, peerSequence: 1 },
  })
  const found = [verdict.policyAdvantage, verdict.epsilon, verdict.fisher, verdict.alphaBound]
  const names = ['policy_advantage_unnormalised', 'epsilon', 'fisher_exact', 'alpha_bound'] as const
  return names.map((name, i) => [`the gate's ${name}`, [found[i] ?? Number.NaN], [wanted[name]]])
}

function learned(engine: Engine, golden: GoldenCase): Comparison[] {
  const { own, value } = golden
  const { ppo } = golden.expected
  const learner = createLearner(Float64Array.from(own), Float64Array.from(value))
  const batch = samplesOf(golden)
  const losses = ppo.steps.map(() =>
    ppoStep(engine, learner, batch, {
      ...{ learningRate: ppo.learning_rate, clipRange: ppo.clip_range, entropyCoef: ppo.ent_coef },
      ...{ valueCoef: ppo.vf_coef, maxGradNorm: ppo.max_grad_norm, adamEpsilon: ppo.adam_eps },
      normalizeAdvantage: true,
    }),
  )
  const after = [...learner.policy, ...learner.value]
  const { architecture } = engine
  const [policy, critic] = [policyLayout(architecture), valueLayout(architecture)]
  const slots = [
    ...policy.tensors.map(({ name, offset, size }) => [name, offset, size] as const),
    ...critic.tensors.map(({ name, offset, size }) => [name, policy.size + offset, size] as const),
  ]
  return [
    ['the loss', losses.map(({ valueLoss }) => valueLoss), ppo.steps.map(({ value_loss }) => value_loss)],
    ...slots.map(
      ([name, offset, size]) =>
        [`${name} after learning`, after.slice(offset, offset + size), ppo.params_after_3[name] ?? []] as const,
    ),
  ]
}
