import { createRng } from '../device/core/index.ts'
import type { Decisions } from '../sim-bridge/serve/decisions.ts'

/** What chooses u for the first agent from its observation (NaN: its driver). */
export type Policy = (observation: Float32Array) => number

/** Means over epochs; the deviation is that of the return between epochs. */
export interface Driven {
  readonly meanReturn: number
  readonly deviation: number
  readonly meanSpeed: number
  readonly collisions: number
}

const rng = createRng(1, 'random-policy')

/** What a learned policy is compared with. */
export const constantPolicies: readonly { readonly name: string; readonly policy: Policy }[] = [
  { name: 'drivers', policy: () => Number.NaN },
  { name: 'random, uniform', policy: () => 2 * rng.uniform() - 1 },
  { name: 'untrained, normal', policy: () => rng.normal() },
  ...[-1, -0.5, 0, 0.125, 0.25, 0.375, 0.5, 0.75, 1].map((u) => ({
    name: u === 1 ? 'full throttle' : `constant ${u}`,
    policy: () => u,
  })),
]

/** Drives some epochs with a policy, from the starts of the seeds 0, 1, …; without learning. */
export async function drive(
  decisions: Decisions,
  policy: Policy,
  decisionSteps: number,
  epochs: number,
): Promise<Driven> {
  const size = decisions.observationNames.length
  const actions = new Float64Array(decisions.agents.length).fill(Number.NaN)
  const returns: number[] = []
  let speed = 0
  let collisions = 0
  for (let seed = 0; seed < epochs; seed++) {
    let state = await decisions.reset(seed)
    let sum = 0
    while (!state.terminated && !state.truncated) {
      actions[0] = policy(state.observations.subarray(0, size))
      state = await decisions.step(actions, decisionSteps)
      sum += state.rewards[0]!
    }
    returns.push(sum)
    speed += state.info.epochMeanSpeed / epochs
    collisions += state.info.collisions / epochs
  }
  const meanReturn = returns.reduce((sum, value) => sum + value, 0) / epochs
  const squares = returns.reduce((sum, value) => sum + (value - meanReturn) ** 2, 0)
  return { meanReturn, deviation: Math.sqrt(squares / (epochs - 1)), meanSpeed: speed, collisions }
}
