import type { Test } from 'tap'
import { type Actor, createRng, exp, policyLayout, slotOf } from '../../device/core/index.ts'
import { type Candidate, learnerOf, near, nearAll, normals, written } from './engine-samples.ts'

const architecture = { observationSize: 5, actionSize: 3, hidden: [9, 6] }

/** Acting: mean plus noise, the density of what was done, a generator whose bits no engine changes. */
export function actors(t: Test, { create, tolerance }: Candidate): void {
  const rng = createRng(22, 'actors')
  const engine = create(architecture)
  const { policy } = learnerOf(rng, architecture)
  const { offset } = slotOf(policyLayout(architecture), 'log_std')
  const draw = (actor: Actor, observation: Float64Array) => {
    const action = new Float32Array(3)
    return { logProb: actor.act(observation, action), action }
  }

  t.test('an action is the mean plus σ times the next normals, with its log-probability', async (t) => {
    const actor = engine.createActor()
    actor.load(policy)
    const noise = createRng(9, 'vehicle-3', 'explore', 1)
    actor.restoreNoise(noise.state())
    for (let i = 0; i < 30; i++) {
      const observation = normals(rng, 5)
      const mean = written(3, (out) => engine.policyMean(policy, observation, 1, out))
      const { action, logProb } = draw(actor, observation)
      const wanted = mean.map((m, j) => m + exp(policy[offset + j]!) * noise.normal())
      nearAll(t, 'action', action, wanted, Math.max(tolerance, 1e-6), 1)
      const [density] = written(1, (out) => engine.logProb(policy, observation, action, 1, out))
      near(t, 'logProb', logProb, density!, tolerance, 1)
      t.same(actor.noiseState(), noise.state())
    }
  })

  t.test('with mean 0 and σ 1 the actions are the normals, bit for bit', async (t) => {
    const actor = engine.createActor()
    actor.load(new Float64Array(policy.length))
    const noise = createRng(10, 'bits')
    actor.restoreNoise(noise.state())
    for (let i = 0; i < 50; i++) {
      const wanted = Float32Array.from([0, 1, 2], () => noise.normal())
      t.same(draw(actor, normals(rng, 5)).action, wanted)
    }
  })

  t.test('actors keep a policy and a generator of their own', async (t) => {
    const [one, other] = [engine.createActor(), engine.createActor()]
    const observation = normals(rng, 5)
    const changing = policy.slice()
    one.load(changing)
    other.load(changing.map((x) => Math.fround(x + 0.5)))
    other.restoreNoise(one.noiseState())
    const state = one.noiseState()
    const first = draw(one, observation)
    t.not(draw(other, observation).logProb, first.logProb)
    changing.fill(0.25)
    one.restoreNoise(state)
    t.same(draw(one, observation), first, 'load copied the policy')
    one.load(changing)
    one.restoreNoise(state)
    t.notSame(draw(one, observation), first)
    t.throws(() => one.restoreNoise([0, 0, 0, 0]), /zero/)
  })

  t.test('what is refused changes neither the policy nor the generator', async (t) => {
    const actor = engine.createActor()
    actor.load(policy)
    const state = actor.noiseState()
    const first = draw(actor, new Float64Array(5))
    actor.restoreNoise(state)
    const broken = policy.map((x, i) => (i === policy.length - 1 ? Number.NaN : x + 1))
    t.throws(() => actor.load(broken), { message: /must be finite/ })
    t.throws(() => draw(actor, new Float64Array(5).fill(Number.NaN)), { message: /must be finite/ })
    t.same(actor.noiseState(), state)
    t.same(draw(actor, new Float64Array(5)), first)
  })
}
