import type { Test } from 'tap'
import {
  type BoundMode,
  createLearner,
  type Evidence,
  gate,
  gaussianEntropy,
  policyLayout,
  ppoStep,
  type States,
  slotOf,
} from '../../device/core/index.ts'
import { type Candidate, nearAll as nearAllBy, near as nearBy, tensorsOf, written } from './engine-samples.ts'
import { type GoldenCase, goldenCases, samplesOf, values } from './vectors.ts'

const identity = { ownHash: null, peerHash: null, peerId: 'peer', peerBoot: 1, peerSequence: 1 }

/** Golden vectors, expected values in float64 from PyTorch: everything that an engine computes, and the gate on top. */
export function goldenVectors(t: Test, { create, tolerance }: Candidate): void {
  const near = (t: Test, name: string, actual: number | null, wanted: number, scale = 0) =>
    nearBy(t, name, actual, wanted, tolerance, scale)
  const nearAll = (t: Test, name: string, actual: ArrayLike<number>, wanted: readonly number[], scale = 0) =>
    nearAllBy(t, name, actual, wanted, tolerance, scale)

  for (const golden of goldenCases()) {
    t.test(golden.name, async (t) => {
      const { architecture, own, value, peer, expected, experience, fisher } = golden
      const engine = create(architecture)

      t.test('means, log-probabilities, values and entropy of the first rows', async (t) => {
        const rows = expected.policy.mean.length
        const observations = values(experience, 'obs')
        const mean = written(rows * architecture.actionSize, (out) => engine.policyMean(own, observations, rows, out))
        const logProb = written(rows, (out) =>
          engine.logProb(own, observations, values(experience, 'action'), rows, out),
        )
        const stateValue = written(rows, (out) => engine.stateValue(value, observations, rows, out))
        nearAll(t, 'mean', mean, expected.policy.mean.flat(), 1e-2)
        nearAll(t, 'logProb', logProb, expected.policy.log_prob)
        nearAll(t, 'value', stateValue, expected.policy.value, 1e-2)
        const logStd = slotOf(policyLayout(architecture), 'log_std')
        near(t, 'entropy', gaussianEntropy(own, logStd.offset, logStd.size), expected.policy.entropy)
      })

      const evidence: Evidence = {
        count: expected.M,
        observations: values(experience, 'obs'),
        actions: values(experience, 'action'),
        logProb: values(experience, 'log_prob'),
        advantage: values(experience, 'advantage'),
      }
      const states: States = {
        count: expected.K,
        observations: values(fisher, 'obs'),
        actions: values(fisher, 'action'),
      }
      const meanWeightedAdvantage =
        values(experience, 'advantage').reduce((sum, a) => sum + Math.abs(a), 0) / expected.M

      for (const estimator of ['exact', 'sampled'] as const) {
        for (const mode of ['theorem1', 'strict'] as const) {
          t.test(`gate, ${mode} with ${estimator}`, async (t) => {
            const options = { mode, estimator, gamma: expected.gamma, margin: 0.1, z: 1 }
            const verdict = gate({ engine, own, peer, evidence, states, options, identity })
            const wanted = expected.gate
            near(t, 'policyAdvantageMean', verdict.policyAdvantageMean, wanted.policy_advantage, meanWeightedAdvantage)
            near(t, 'policyAdvantage', verdict.policyAdvantage, wanted.policy_advantage_unnormalised)
            near(t, 'standardError', verdict.standardError, wanted.standard_error)
            near(t, 'effectiveSampleSize', verdict.effectiveSampleSize, wanted.ess)
            near(t, 'epsilon', verdict.epsilon, wanted.epsilon)
            near(t, 'c', verdict.c, wanted.C)
            near(t, 'fisher', verdict.fisher, estimator === 'exact' ? wanted.fisher_exact : wanted.fisher_sampled)
            const bound = expectedBound(golden, mode, estimator)
            near(t, 'alphaBound', verdict.alphaBound, bound)
            t.equal(verdict.accepted, wanted.policy_advantage > 0)
            t.equal(verdict.reason, wanted.policy_advantage > 0 ? 'accepted' : 'non-positive-advantage')
            near(t, 'alpha', verdict.alpha, 0.9 * Math.min(bound, 1))
            const mixed = unroundedMix(own, peer, verdict.alpha)
            near(t, 'kl', verdict.kl, engine.meanKl(own, mixed, states.observations, states.count))
          })
        }
      }

      t.test('mean KL of the mixed policy', async (t) => {
        for (const [alpha, wanted] of Object.entries(expected.kl)) {
          const mixed = unroundedMix(own, peer, Number(alpha))
          near(t, `kl at ${alpha}`, engine.meanKl(own, mixed, states.observations, states.count), wanted)
        }
      })

      t.test('GAE with a termination', async (t) => {
        const { rollout } = golden
        const reward = values(rollout, 'reward')
        const value = values(rollout, 'value')
        const count = reward.length
        const nextValue = Float64Array.from(value, (_, i) => value[i + 1] ?? values(rollout, 'last_value')[0]!)
        const advantage = new Float64Array(count)
        const returns = new Float64Array(count)
        const terminated = values(rollout, 'terminated')
        const truncated = new Uint8Array(count)
        const { gamma: discount, gae_lambda: lambda } = expected.gae
        engine.generalizedAdvantage(
          { count, reward, value, nextValue, terminated, truncated, discount, lambda },
          advantage,
          returns,
        )
        nearAllBy(t, 'advantage', advantage, expected.gae.advantage, 1e-9, 1)
      })

      t.test('three PPO steps', async (t) => {
        const { ppo } = expected
        const learner = createLearner(Float64Array.from(own), Float64Array.from(value))
        const batch = samplesOf(golden)
        const options = {
          learningRate: ppo.learning_rate,
          clipRange: ppo.clip_range,
          entropyCoef: ppo.ent_coef,
          valueCoef: ppo.vf_coef,
          maxGradNorm: ppo.max_grad_norm,
          adamEpsilon: ppo.adam_eps,
          normalizeAdvantage: true,
        }
        ppo.steps.forEach((wanted, step) => {
          const statistics = ppoStep(engine, learner, batch, options)
          near(t, `policyLoss ${step}`, statistics.policyLoss, wanted.policy_loss, 1) // mean |summand| ≈ 0.8
          near(t, `valueLoss ${step}`, statistics.valueLoss, wanted.value_loss)
          near(t, `entropy ${step}`, statistics.entropy, wanted.entropy)
          near(t, `loss ${step}`, statistics.loss, wanted.loss)
          near(t, `gradNorm ${step}`, statistics.gradNorm, wanted.grad_norm)
          near(t, `approxKl ${step}`, statistics.approxKl, wanted.approx_kl)
          near(t, `clipFraction ${step}`, statistics.clipFraction, wanted.clip_fraction)
          if (step > 0) return
          // Adam's first moment after one step is (1 − β1) times the clipped gradient.
          const scale = 0.1 * Math.min(1, ppo.max_grad_norm / (statistics.gradNorm + 1e-6))
          const gradient = learner.adam.m.map((m) => m / scale)
          const floor = statistics.gradNorm / Math.sqrt(gradient.length)
          for (const [name, tensor] of tensorsOf(architecture, gradient)) {
            nearAll(t, `gradient of ${name}`, tensor, ppo.first_gradient[name]!, floor)
          }
        })
        const after = new Float64Array([...learner.policy, ...learner.value])
        for (const [name, tensor] of tensorsOf(architecture, after)) {
          nearAll(t, `${name} after 3 steps`, tensor, ppo.params_after_3[name]!, 1e-2)
        }
      })
    })
  }
}

function expectedBound({ expected }: GoldenCase, mode: BoundMode, estimator: 'exact' | 'sampled'): number {
  const { gate } = expected
  if (gate.policy_advantage <= 0) return 0
  if (mode === 'theorem1') return estimator === 'exact' ? gate.alpha_bound : gate.alpha_bound_sampled
  const fisher = estimator === 'exact' ? gate.fisher_exact : gate.fisher_sampled
  return (Math.sqrt(2) * (gate.policy_advantage_unnormalised / gate.C)) / Math.sqrt(fisher)
}

function unroundedMix(own: Float64Array, peer: Float64Array, alpha: number): Float64Array {
  return own.map((value, i) => value + alpha * (peer[i]! - value))
}
