import { solveInPlace } from './linear-system.ts'
import type { Mdp } from './mdp.ts'

/** What a policy is worth, exactly. */
export interface Evaluation {
  /** η = Σ_s ρ0(s) V(s) (1). */
  readonly worth: number
  /** V(s), [states]. */
  readonly value: Float64Array
  /** A(s, a) = Q(s, a) − V(s) (2), [states, actions]. */
  readonly advantage: Float64Array
  /** d(s) (3), unnormalised: its sum is 1/(1 − γ). */
  readonly visitation: Float64Array
  /** ε = max_s max_a |A(s, a)| of Theorem 1. */
  readonly epsilon: number
}

/** Solves (I − γ P_π) V = r_π and its transpose for d; `policy` is π(a|s), [states, actions]. */
export function evaluate(mdp: Mdp, policy: Float64Array): Evaluation {
  const { states, actions, gamma, transition, reward, start } = mdp
  const system = systemOf(mdp, policy)
  const value = new Float64Array(states)
  for (let s = 0; s < states; s++)
    for (let a = 0; a < actions; a++) value[s]! += policy[s * actions + a]! * reward[s * actions + a]!
  solveInPlace(system, value)
  const advantage = new Float64Array(states * actions)
  let epsilon = 0
  let worth = 0
  for (let s = 0; s < states; s++) {
    worth += start[s]! * value[s]!
    for (let a = 0; a < actions; a++) {
      const row = s * actions + a
      let next = 0
      for (let t = 0; t < states; t++) next += transition[row * states + t]! * value[t]!
      advantage[row] = reward[row]! + gamma * next - value[s]!
      epsilon = Math.max(epsilon, Math.abs(advantage[row]!))
    }
  }
  return { worth, value, advantage, visitation: visitationOf(mdp, policy), epsilon }
}

/** d_π(s) (3), [states]. */
export function visitationOf(mdp: Mdp, policy: Float64Array): Float64Array {
  const { states } = mdp
  const system = systemOf(mdp, policy)
  const transposed = new Float64Array(states * states)
  for (let s = 0; s < states; s++) for (let t = 0; t < states; t++) transposed[t * states + s] = system[s * states + t]!
  const visitation = mdp.start.slice()
  solveInPlace(transposed, visitation)
  return visitation
}

/** Σ_s d(s) Σ_a w(s, a) A(s, a): the policy advantage (9) where w is a policy, or a policy's difference to the present one. */
export function advantageOf(visitation: Float64Array, weights: Float64Array, advantage: Float64Array): number {
  const actions = advantage.length / visitation.length
  let sum = 0
  for (let s = 0; s < visitation.length; s++) {
    let mean = 0
    for (let a = 0; a < actions; a++) mean += weights[s * actions + a]! * advantage[s * actions + a]!
    sum += visitation[s]! * mean
  }
  return sum
}

/**
 * η(π_new) − η(π) by (8), from π's advantages and `difference` = π_new − π: Σ_a π(a|s) A(s, a) is 0, and what is left keeps its
 * digits where both policies nearly agree.
 */
export function riseOf(mdp: Mdp, advantage: Float64Array, next: Float64Array, difference: Float64Array): number {
  return advantageOf(visitationOf(mdp, next), difference, advantage)
}

/** I − γ P_π, [states, states]. */
function systemOf({ states, actions, gamma, transition }: Mdp, policy: Float64Array): Float64Array {
  const system = new Float64Array(states * states)
  for (let s = 0; s < states; s++) {
    for (let a = 0; a < actions; a++) {
      const row = s * actions + a
      for (let t = 0; t < states; t++) system[s * states + t]! -= gamma * policy[row]! * transition[row * states + t]!
    }
    system[s * states + s]! += 1
  }
  return system
}
