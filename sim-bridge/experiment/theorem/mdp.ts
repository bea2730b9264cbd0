import type { Rng } from '../../../device/core/rng.ts'

/** A finite Markov decision process with all that is to be known of it. */
export interface Mdp {
  readonly states: number
  readonly actions: number
  /** Discount, in [0, 1). */
  readonly gamma: number
  /** P(s'|s, a), [states, actions, states]. */
  readonly transition: Float64Array
  /** R(s, a), [states, actions]. */
  readonly reward: Float64Array
  /** ρ0, [states]. */
  readonly start: Float64Array
}

export const gammas = [0.5, 0.8, 0.9, 0.95, 0.99] as const

/**
 * 2–6 states, 2–4 actions, γ of `gammas`, rewards uniform in [0, 1], ρ0 and every P(·|s, a) uniform on their simplex; in
 * every second one, drawn, P(·|s, a) lies on one or two states only.
 */
export function drawMdp(rng: Rng): Mdp {
  const states = 2 + rng.integer(5)
  const actions = 2 + rng.integer(3)
  const gamma = gammas[rng.integer(gammas.length)] ?? gammas[0]
  const sparse = rng.integer(2) === 1
  const transition = new Float64Array(states * actions * states)
  const reward = new Float64Array(states * actions)
  const start = new Float64Array(states)
  for (let row = 0; row < states * actions; row++) {
    reward[row] = rng.uniform()
    const next = transition.subarray(row * states, (row + 1) * states)
    if (sparse) drawSparse(next, rng)
    else drawSimplex(next, rng)
  }
  drawSimplex(start, rng)
  return { states, actions, gamma, transition, reward, start }
}

/** Uniform on the simplex, that is Dirichlet(1, …, 1): the gaps between sorted uniform draws. */
function drawSimplex(out: Float64Array, rng: Rng): void {
  const cuts = Float64Array.from(out.subarray(1), () => rng.uniform()).sort()
  let last = 0
  for (const [i, cut] of cuts.entries()) {
    out[i] = cut - last
    last = cut
  }
  out[out.length - 1] = 1 - last
}

function drawSparse(out: Float64Array, rng: Rng): void {
  const share = rng.integer(2) === 1 ? 1 : rng.uniform()
  const first = rng.integer(out.length)
  const second = (first + 1 + rng.integer(out.length - 1)) % out.length
  out.fill(0)
  out[first] = share
  out[second] = 1 - share
}
