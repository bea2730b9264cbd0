import t, { type Test } from 'tap'
import {
  type Architecture,
  createRng,
  gate,
  initialPolicy,
  kroneckerFisher,
  kroneckerForm,
  networkOf,
  policyLayout,
  slotOf,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'

/** A policy away from its start (whose head is nearly 0), a change of it and states. */
function drawn(architecture: Architecture, count: number) {
  const rng = createRng(7, 'test', 'kfac', count)
  const uniform = (size: number, scale: number) =>
    Float64Array.from({ length: size }, () => scale * (2 * rng.uniform() - 1))
  const policy = initialPolicy(architecture, rng, -0.4).map((x) => x + 0.3 * (2 * rng.uniform() - 1))
  const observations = uniform(count * architecture.observationSize, 1.5)
  return { policy, delta: uniform(policy.length, 0.1), observations }
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, i) => x + b[i]!)
}

function near(t: Test, what: string, found: number, wanted: number): void {
  t.ok(Math.abs(found - wanted) <= 1e-12 * Math.abs(wanted), `${what}: ${found} beside ${wanted}`)
}

t.test('q equals the exact form where Kronecker factors are exact', async (t) => {
  const cases: [string, Architecture, number][] = [
    ['a linear policy with one output over many states', { observationSize: 5, actionSize: 1, hidden: [] }, 40],
    ['a linear policy with two outputs over many states', { observationSize: 5, actionSize: 2, hidden: [] }, 40],
    ['a linear policy at one state', { observationSize: 5, actionSize: 3, hidden: [] }, 1],
  ]
  for (const [name, architecture, count] of cases) {
    const { policy, delta, observations } = drawn(architecture, count)
    const q = kroneckerForm(kroneckerFisher(architecture, policy, observations, count), delta)
    near(t, name, q, createReferenceEngine(architecture).fisherExact(policy, sum(policy, delta), observations, count))
  }
})

t.test('at one state, a change of one layer alone has the exact q, a change of two has not', async (t) => {
  const architecture = { observationSize: 3, actionSize: 1, hidden: [4, 5] }
  const { policy, delta, observations } = drawn(architecture, 1)
  const engine = createReferenceEngine(architecture)
  const fisher = kroneckerFisher(architecture, policy, observations, 1)
  const { layers } = networkOf(policyLayout(architecture), 'policy')
  const only = (...kept: typeof layers) => {
    const part = new Float64Array(delta.length)
    for (const { weight, bias, inputs, outputs } of kept) {
      part.set(delta.subarray(weight, weight + inputs * outputs), weight)
      part.set(delta.subarray(bias, bias + outputs), bias)
    }
    return part
  }
  for (const [l, layer] of layers.entries()) {
    const part = only(layer)
    near(t, `layer ${l}`, kroneckerForm(fisher, part), engine.fisherExact(policy, sum(policy, part), observations, 1))
  }
  const two = only(layers[0]!, layers[1]!)
  const [kfac, exact] = [kroneckerForm(fisher, two), engine.fisherExact(policy, sum(policy, two), observations, 1)]
  t.ok(Math.abs(kfac / exact - 1) > 1e-3, `blocks between layers are left out: ${kfac} beside ${exact}`)
})

t.test('q equals that of the materialised Kronecker products', async (t) => {
  for (const architecture of [
    { observationSize: 3, actionSize: 2, hidden: [4, 5] },
    { observationSize: 6, actionSize: 1, hidden: [7] },
  ]) {
    const { policy, delta, observations } = drawn(architecture, 9)
    const q = kroneckerForm(kroneckerFisher(architecture, policy, observations, 9), delta)
    near(t, `hidden ${architecture.hidden}`, q, materialised(architecture, policy, delta, observations, 9))
  }
})

t.test('a change of log σ alone is exact', async (t) => {
  const architecture = { observationSize: 3, actionSize: 2, hidden: [4] }
  const { policy, observations } = drawn(architecture, 9)
  const delta = new Float64Array(policy.length)
  const { offset } = slotOf(policyLayout(architecture), 'log_std')
  delta.set([0.3, -0.2], offset)
  near(t, 'q', kroneckerForm(kroneckerFisher(architecture, policy, observations, 9), delta), 2 * (0.09 + 0.04))
})

/**
 * vec(ΔW̄)ᵀ (A ⊗ G) vec(ΔW̄) with every product written out: A and G summed state by state, the derivatives ∂μ_j/∂s by
 * the chain rule over explicit Jacobian matrices, the Kronecker product as a matrix over columns of W̄ stacked (vec).
 */
function materialised(
  architecture: Architecture,
  policy: Float64Array,
  delta: Float64Array,
  observations: Float64Array,
  count: number,
): number {
  const layout = policyLayout(architecture)
  const { layers } = networkOf(layout, 'policy')
  const { offset, size } = slotOf(layout, 'log_std')
  const weightOf = (from: Float64Array, l: number) => {
    const { inputs, outputs, weight, bias } = layers[l]!
    return Array.from({ length: outputs }, (_, o) => [
      ...from.subarray(weight + o * inputs, weight + (o + 1) * inputs),
      from[bias + o]!,
    ])
  }
  const square = (n: number) => Array.from({ length: n }, () => new Float64Array(n))
  const A = layers.map(({ inputs }) => square(inputs + 1))
  const G = layers.map(({ outputs }) => square(outputs))
  for (let k = 0; k < count; k++) {
    const inputs: number[][] = []
    let x = [...observations.subarray(k * architecture.observationSize, (k + 1) * architecture.observationSize)]
    for (let l = 0; l < layers.length; l++) {
      inputs.push([...x, 1])
      const sums = weightOf(policy, l).map((row) => row.reduce((sum, w, i) => sum + w * inputs[l]![i]!, 0))
      x = l < layers.length - 1 ? sums.map(Math.tanh) : sums
    }
    for (let j = 0; j < size; j++) {
      let slope = x.map((_, i) => (i === j ? Math.exp(-policy[offset + j]!) : 0))
      for (let l = layers.length - 1; l >= 0; l--) {
        for (const [r, a] of slope.entries()) for (const [c, b] of slope.entries()) G[l]![r]![c]! += (a * b) / count
        const weights = weightOf(policy, l)
        slope = inputs[l]!.slice(0, -1).map((h, i) => {
          const through = slope.reduce((sum, g, o) => sum + g * weights[o]![i]!, 0)
          return through * (1 - h * h)
        })
      }
    }
    for (let l = 0; l < layers.length; l++)
      for (const [r, a] of inputs[l]!.entries())
        for (const [c, b] of inputs[l]!.entries()) A[l]![r]![c]! += (a * b) / count
  }
  let q = 0
  for (let j = 0; j < size; j++) q += 2 * delta[offset + j]! ** 2
  for (let l = 0; l < layers.length; l++) {
    const change = weightOf(delta, l)
    const [n, m] = [change[0]!.length, change.length]
    const vec = Array.from({ length: n * m }, (_, i) => change[i % m]![Math.floor(i / m)]!)
    for (let r = 0; r < n * m; r++)
      for (let c = 0; c < n * m; c++) {
        const product = A[l]![Math.floor(r / m)]![Math.floor(c / m)]! * G[l]![r % m]![c % m]!
        q += vec[r]! * product * vec[c]!
      }
  }
  return q
}

t.test('the gate judges with kfac without actions of the states', async (t) => {
  const architecture = { observationSize: 3, actionSize: 1, hidden: [] }
  const engine = createReferenceEngine(architecture)
  const { policy: own, delta, observations } = drawn(architecture, 8)
  const peer = sum(own, delta)
  const actions = Float64Array.from({ length: 8 }, (_, i) => (i - 4) / 3)
  const logProb = new Float64Array(8)
  engine.logProb(own, observations, actions, 8, logProb)
  const peerLogProb = new Float64Array(8)
  engine.logProb(peer, observations, actions, 8, peerLogProb)
  // Whatever the peer does more often was better, so that it is accepted.
  const advantage = peerLogProb.map((x, i) => Math.sign(x - logProb[i]!))
  const verdict = gate({
    engine,
    own,
    peer,
    evidence: { count: 8, observations, actions, logProb, advantage },
    states: { count: 8, observations },
    options: { mode: 'theorem1', estimator: 'kfac', gamma: 0.9, margin: 0.1, z: 1 },
    identity: { ownHash: null, peerHash: null, peerId: null, peerBoot: null, peerSequence: null },
  })
  t.match(verdict, { accepted: true, estimator: 'kfac' })
  near(t, 'q of a linear policy', verdict.fisher ?? Number.NaN, engine.fisherExact(own, peer, observations, 8))
})
