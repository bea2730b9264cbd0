import { integerPower } from './elementary.ts'
import type { AdamState, Learner } from './engine.ts'

const BETA1 = 0.9
const BETA2 = 0.999
/** ε beside √v, as CleanRL's and Baselines' PPO have it. */
export const ADAM_EPSILON = 1e-5
/** Moments below this are set to 0: denormals would slow every later step, and no float32 parameter can feel them. */
const TINY = 1e-200

/** Adam's state before the first step, for `size` parameters. */
export function createAdam(size: number): AdamState {
  return { step: 0, m: new Float64Array(size), v: new Float64Array(size) }
}

/** A learner about to start: the two vectors as they are (not copied) and a fresh Adam over both. */
export function createLearner(policy: Float64Array, value: Float64Array): Learner {
  return { policy, value, adam: createAdam(policy.length + value.length) }
}

/** Counts one Adam step and returns what `adamUpdate` needs of it: the step size and the scale of √v. */
export function adamAdvance(
  state: Pick<AdamState, 'step'>,
  learningRate: number,
): { stepSize: number; rootScale: number } {
  state.step += 1
  return {
    stepSize: learningRate / (1 - integerPower(BETA1, state.step)),
    rootScale: Math.sqrt(1 - integerPower(BETA2, state.step)),
  }
}

/**
 * Applies one Adam step (Kingma and Ba 2015, with PyTorch's placing of `epsilon`, outside the corrected root) in place to
 * `parameters`, whose moments start at `offset` of the state; every gradient is multiplied by `gradientScale` first.
 */
export function adamUpdate(
  state: AdamState,
  offset: number,
  parameters: Float64Array,
  gradient: Float64Array,
  gradientScale: number,
  { stepSize, rootScale }: { stepSize: number; rootScale: number },
  epsilon: number,
): void {
  const { m, v } = state
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i]! * gradientScale
    const first = m[offset + i]! + (g - m[offset + i]!) * (1 - BETA1)
    const second = v[offset + i]! * BETA2 + (1 - BETA2) * g * g
    m[offset + i] = Math.abs(first) < TINY ? 0 : first
    v[offset + i] = second < TINY ? 0 : second
    parameters[i] = parameters[i]! - (stepSize * first) / (Math.sqrt(second) / rootScale + epsilon)
  }
}
