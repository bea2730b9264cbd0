import type { Actor, Architecture, Engine, Vector } from '../core/engine.ts'
import { requireFinite } from '../core/finite.ts'
import { gaussianLogProb, gaussianSample } from '../core/gaussian.ts'
import { policyLayout, slotOf } from '../core/parameters.ts'
import { createRng } from '../core/rng.ts'

/** An actor for engines whose forward pass is a function: the noise and its density are the core's. */
export function createMeanActor(architecture: Architecture, policyMean: Engine['policyMean']): Actor {
  const { observationSize, actionSize } = architecture
  const layout = policyLayout(architecture)
  const { offset } = slotOf(layout, 'log_std')
  const policy = new Float64Array(layout.size)
  const mean = new Float64Array(actionSize)
  const drawn = new Float64Array(actionSize)
  const logProb = new Float64Array(1)
  const noise = createRng(0, 'actor')

  return {
    load(next: Vector) {
      requireFinite('policy', next, layout.size)
      policy.set(next)
    },
    act(observation, action) {
      requireFinite('observation', observation, observationSize)
      policyMean(policy, observation, 1, mean)
      gaussianSample(mean, 1, actionSize, policy, offset, noise, drawn)
      for (let j = 0; j < actionSize; j++) action[j] = Math.fround(drawn[j]!) + 0
      gaussianLogProb(mean, action, 1, actionSize, policy, offset, logProb)
      return logProb[0]!
    },
    noiseState: noise.state,
    restoreNoise: noise.restore,
  }
}
