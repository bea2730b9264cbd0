import {
  backward,
  createTrace,
  createWorkspace,
  exp,
  forward,
  networkOf,
  policyLayout,
  reserve,
  slotOf,
} from '../device/core/index.ts'
import { changed, createSubject, samples } from './learning-core.ts'
import { type Figure, figureOf, median, timeUs } from './measure.ts'

/**
 * q = Δᵀ G Δ without a matrix (one Jacobian-vector product per state) beside the way the letter writes it: G summed up
 * from its states, then the form. Plain JavaScript both, same states, same closed form over actions.
 */
export function fisherForm(quick: boolean): { figures: Figure[]; ratio: number; relativeDifference: number } {
  const { engine, architecture, policy } = createSubject()
  const count = quick ? 16 : 256
  const { observations } = samples(count)
  const delta = changed(policy, 0.02, 'direction').map((x, i) => x - (policy[i] ?? 0))
  const others = [policy, changed(policy, 1e-3, 'other')]
  let without = 0
  let n = 0
  // Two policies take turns, so that no forward pass is kept from the call before.
  const free = timeUs(
    () => {
      without = engine.fisherExact(others[n++ % 2] ?? policy, delta, observations, count)
    },
    { batch: 10, repetitions: quick ? 5 : 15 },
  )
  without = engine.fisherExact(policy, delta, observations, count)
  const G = new Float64Array(policy.length * policy.length)
  let materialised = 0
  const matrix = Array.from({ length: quick ? 2 : 3 }, () => {
    const start = performance.now()
    fillFisher(G, policy, architecture, Float64Array.from(observations), count)
    materialised = form(G, delta)
    return 1_000 * (performance.now() - start)
  })
  return {
    figures: [
      figureOf(
        'fisher-without-matrix',
        'µs',
        free,
        `q over K = ${count} states, ${policy.length} parameters, nothing kept`,
      ),
      figureOf(
        'fisher-materialised',
        'µs',
        matrix,
        `the same q from the ${policy.length} × ${policy.length} matrix, plain JS`,
      ),
    ],
    ratio: median(matrix) / median(free),
    relativeDifference: Math.abs(materialised - without) / without,
  }
}

/** G = mean over states of Σ_j ∇μ_j ∇μ_jᵀ / σ_j², and 2 on the diagonal of each log σ_j. */
function fillFisher(
  G: Float64Array,
  policy: Float64Array,
  architecture: ReturnType<typeof createSubject>['architecture'],
  observations: Float64Array,
  count: number,
): void {
  const layout = policyLayout(architecture)
  const network = networkOf(layout, 'policy')
  const { offset } = slotOf(layout, 'log_std')
  const { observationSize, actionSize } = architecture
  const trace = createTrace()
  const workspace = createWorkspace()
  const gradient = new Float64Array(policy.length)
  const d = policy.length
  G.fill(0)
  for (let k = 0; k < count; k++) {
    reserve(network, trace, 1).set(observations.subarray(k * observationSize, (k + 1) * observationSize))
    forward(network, policy, trace)
    for (let j = 0; j < actionSize; j++) {
      const unit = Float64Array.from({ length: actionSize }, (_, i) => (i === j ? exp(-policy[offset + j]!) : 0))
      gradient.fill(0)
      backward(network, policy, trace, unit, gradient, workspace)
      for (let r = 0; r < d; r++) {
        const factor = gradient[r]! / count
        for (let c = 0, o = r * d; c < d; c++, o++) G[o] = G[o]! + factor * gradient[c]!
      }
    }
  }
  for (let j = 0; j < actionSize; j++) G[(offset + j) * d + offset + j] = G[(offset + j) * d + offset + j]! + 2
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
