import { exp } from './elementary.ts'
import type { Vector } from './engine.ts'

/** Transitions t = 0 … count − 1 of one agent in order of time. */
export interface GaeInput {
  readonly count: number
  readonly reward: Vector
  /** V(s_t). */
  readonly value: Vector
  /** V of the observation that transition t ended in (before any reset). */
  readonly nextValue: Vector
  /** 1 where the world ended at the end of t: nothing follows, no bootstrap. */
  readonly terminated: ArrayLike<number>
  /** 1 where a time limit cut t: V(s_{t+1}) stands for what would have followed, but t + 1 is another episode. */
  readonly truncated: ArrayLike<number>
  /** γ of every transition, or one for all. */
  readonly discount: number | Vector
  readonly lambda: number
}

/**
 * GAE(λ) (Schulman et al. 2016): δ_t = r_t + γ_t V(s_{t+1}) − V(s_t), A_t = δ_t + γ_t λ A_{t+1}, the trace cut at both kinds
 * of end. Writes raw advantages and returns A_t + V(s_t), each [count]. Throws where γ or λ leaves [0, 1].
 */
export function generalizedAdvantage(input: GaeInput, advantage: Float64Array, returns: Float64Array): void {
  const { count, reward, value, nextValue, terminated, truncated, discount, lambda } = input
  checkGae(input)
  let trace = 0
  for (let t = count - 1; t >= 0; t--) {
    const gamma = typeof discount === 'number' ? discount : discount[t]!
    const bootstrap = terminated[t] ? 0 : gamma * nextValue[t]!
    const carried = terminated[t] || truncated[t] ? 0 : gamma * lambda * trace
    trace = reward[t]! + bootstrap - value[t]! + carried
    advantage[t] = trace
    returns[t] = trace + value[t]!
  }
}

/** Throws where γ or λ leaves [0, 1]. */
export function checkGae({ count, discount, lambda }: GaeInput): void {
  if (!(lambda >= 0 && lambda <= 1)) throw new Error(`lambda must be in [0, 1], got ${lambda}`)
  for (let t = 0; t < count; t++) {
    const gamma = typeof discount === 'number' ? discount : discount[t]!
    if (!(gamma >= 0 && gamma <= 1)) throw new Error(`discount must be in [0, 1], got ${gamma}`)
  }
}

/** Discount of a transition that lasted `durationSeconds`: exp(−Δt/τ), so that intervals of any length are comparable. */
export function discountOverTime(durationSeconds: number, timeConstantSeconds: number): number {
  return exp(-durationSeconds / timeConstantSeconds)
}
