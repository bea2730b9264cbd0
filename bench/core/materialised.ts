import {
  type Architecture,
  backward,
  createTrace,
  createWorkspace,
  exp,
  forward,
  networkOf,
  policyLayout,
  reserve,
  slotOf,
} from '../../device/core/index.ts'

/**
 * q the way the letter writes it, in plain JavaScript: G summed up from its states as a [d, d] matrix, then Δᵀ G Δ. The
 * expectation over actions is in closed form, as in the estimator `exact`.
 */
export function createMaterialisedFisher(
  architecture: Architecture,
): (policy: Float64Array, delta: Float64Array, observations: Float64Array, count: number) => number {
  const d = policyLayout(architecture).size
  const G = new Float64Array(d * d)
  return (policy, delta, observations, count) => {
    fillFisher(G, policy, architecture, observations, count)
    return form(G, delta)
  }
}

/** States whose outer products are added in one pass over the matrix, which is larger than any cache. */
const together = 8

/** G = mean over states of Σ_j ∇μ_j ∇μ_jᵀ / σ_j², and 2 on the diagonal of each log σ_j. */
function fillFisher(
  G: Float64Array,
  policy: Float64Array,
  architecture: Architecture,
  observations: Float64Array,
  count: number,
): void {
  const layout = policyLayout(architecture)
  const network = networkOf(layout, 'policy')
  const { offset } = slotOf(layout, 'log_std')
  const { observationSize, actionSize } = architecture
  const trace = createTrace()
  const workspace = createWorkspace()
  const gradients = Array.from({ length: together }, () => new Float64Array(policy.length))
  let held = 0
  G.fill(0)
  for (let k = 0; k < count; k++) {
    reserve(network, trace, 1).set(observations.subarray(k * observationSize, (k + 1) * observationSize))
    forward(network, policy, trace)
    for (let j = 0; j < actionSize; j++) {
      const unit = Float64Array.from({ length: actionSize }, (_, i) => (i === j ? exp(-policy[offset + j]!) : 0))
      backward(network, policy, trace, unit, gradients[held]!, workspace)
      held += 1
      if (held < together && !(k === count - 1 && j === actionSize - 1)) continue
      for (; held < together; held++) gradients[held]!.fill(0)
      addOuterProducts(G, gradients, count)
      held = 0
    }
  }
  const d = policy.length
  for (let j = 0; j < actionSize; j++) G[(offset + j) * d + offset + j] = G[(offset + j) * d + offset + j]! + 2
}

function addOuterProducts(G: Float64Array, gradients: readonly Float64Array[], count: number): void {
  const [a, b, c, d, e, f, g, h] = gradients as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const size = a.length
  for (let row = 0; row < size; row++) {
    const [a0, b0, c0, d0] = [a[row]! / count, b[row]! / count, c[row]! / count, d[row]! / count]
    const [e0, f0, g0, h0] = [e[row]! / count, f[row]! / count, g[row]! / count, h[row]! / count]
    for (let i = 0, o = row * size; i < size; i++, o++) {
      const first = a0 * a[i]! + b0 * b[i]! + c0 * c[i]! + d0 * d[i]!
      G[o] = G[o]! + (first + (e0 * e[i]! + f0 * f[i]! + g0 * g[i]! + h0 * h[i]!))
    }
  }
}

function form(G: Float64Array, delta: Float64Array): number {
  const d = delta.length
  let q = 0
  for (let r = 0; r < d; r++) {
    let row = 0
    for (let c = 0, o = r * d; c < d; c++, o++) row += G[o]! * delta[c]!
    q += delta[r]! * row
  }
  return q
}
