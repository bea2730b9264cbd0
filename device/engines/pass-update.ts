import { adamAdvance, adamUpdate } from '../core/adam.ts'
import { exp } from '../core/elementary.ts'
import type { Architecture, EngineUpdate, Learner, Minibatch, PpoOptions, PpoStatistics } from '../core/engine.ts'
import { gaussianEntropy, gaussianLogProb } from '../core/gaussian.ts'
import { createGathered, gather, requireTrainable } from '../core/minibatch.ts'
import { policyLayout, slotOf } from '../core/parameters.ts'

/**
 * Forward and backward pass of both networks over `count` rows: hands the outputs to `loss`, which returns their gradients,
 * and writes the gradient of every weight and bias to `gradient` (`log_std` is not touched).
 */
export type Differentiate = (
  parameters: BothVectors,
  observations: Float64Array,
  count: number,
  loss: (mean: Float64Array, stateValue: Float64Array) => OutputGradient,
  gradient: BothVectors,
) => void

/** Vectors of the policy's and the value network's layout. */
export interface BothVectors {
  readonly policy: Float64Array
  readonly value: Float64Array
}

/** ∂L/∂(policy mean) [count, actionSize] and ∂L/∂V [count]. */
export interface OutputGradient {
  readonly mean: Float64Array
  readonly stateValue: Float64Array
}

/** A PPO update in float64 around the passes of an engine: loss, clipping and Adam as the equations stand. */
export function startPassUpdate(
  differentiate: Differentiate,
  architecture: Architecture,
  learner: Learner,
  batch: Minibatch,
  options: PpoOptions,
): EngineUpdate {
  requireTrainable(learner, batch, architecture)
  const { actionSize } = architecture
  const { clipRange, entropyCoef, valueCoef, maxGradNorm } = options
  const logStdOffset = slotOf(policyLayout(architecture), 'log_std').offset
  const samples = createGathered(architecture, batch.count)
  gather(
    batch,
    Int32Array.from({ length: batch.count }, (_, i) => i),
    samples,
    architecture,
  )
  const policy = learner.policy.slice()
  const value = learner.value.slice()
  const parameters = { policy, value }
  const adam = { step: learner.adam.step, m: learner.adam.m.slice(), v: learner.adam.v.slice() }
  const gradient = { policy: new Float64Array(policy.length), value: new Float64Array(value.length) }
  const sums = { policyLoss: 0, valueLoss: 0, entropy: 0, approxKl: 0, clipped: 0 }
  let outputGradient = { mean: new Float64Array(0), stateValue: new Float64Array(0) }
  let minibatch = createGathered(architecture, 0)
  let logProbs = new Float64Array(0)
  let advantages = new Float64Array(0)

  /** One gradient-norm clip and one Adam step over both networks; where the gradient is not finite nothing is changed. */
  function step(rows: Int32Array): PpoStatistics {
    const count = rows.length
    growTo(count)
    gather(samples, rows, minibatch, architecture)
    normalized(minibatch, options.normalizeAdvantage, advantages)
    differentiate(parameters, minibatch.observations, count, loss, gradient)

    const gradNorm = Math.sqrt(sumOfSquares(gradient.policy) + sumOfSquares(gradient.value))
    if (Number.isFinite(gradNorm)) {
      const scale = Math.min(1, maxGradNorm / (gradNorm + 1e-6)) // as torch.nn.utils.clip_grad_norm_
      const step = adamAdvance(adam, options.learningRate)
      adamUpdate(adam, 0, policy, gradient.policy, scale, step, options.adamEpsilon)
      adamUpdate(adam, policy.length, value, gradient.value, scale, step, options.adamEpsilon)
    }
    const { policyLoss, valueLoss, entropy, approxKl, clipped } = sums
    const total = policyLoss - entropyCoef * entropy + valueCoef * valueLoss
    return { policyLoss, valueLoss, entropy, loss: total, gradNorm, approxKl, clipFraction: clipped / count }
  }

  /** Loss = −min(ratio·Â, clip(ratio, 1 ± clipRange)·Â) − entropyCoef·H + valueCoef·½(V − R)², and its gradients. */
  function loss(mean: Float64Array, stateValues: Float64Array): OutputGradient {
    const { count, actions, returns } = minibatch
    gaussianLogProb(mean, actions, count, actionSize, policy, logStdOffset, logProbs)
    let policyLoss = 0
    let valueLoss = 0
    let approxKl = 0
    let clipped = 0
    gradient.policy.fill(0, logStdOffset, logStdOffset + actionSize)
    for (let i = 0; i < count; i++) {
      const logRatio = logProbs[i]! - minibatch.logProb[i]!
      const ratio = exp(logRatio)
      const advantage = advantages[i]!
      const surrogate = ratio * advantage
      const clippedSurrogate = Math.min(Math.max(ratio, 1 - clipRange), 1 + clipRange) * advantage
      policyLoss -= Math.min(surrogate, clippedSurrogate) / count
      approxKl += (ratio - 1 - logRatio) / count
      if (Math.abs(ratio - 1) > clipRange) clipped += 1
      // ∂L/∂log π(a_i|s_i): the clipped branch is flat.
      const slope = surrogate > clippedSurrogate ? 0 : -surrogate / count
      for (let j = 0; j < actionSize; j++) {
        const inverseStd = exp(-policy[logStdOffset + j]!)
        const z = (actions[i * actionSize + j]! - mean[i * actionSize + j]!) * inverseStd
        outputGradient.mean[i * actionSize + j] = slope * z * inverseStd
        gradient.policy[logStdOffset + j] = gradient.policy[logStdOffset + j]! + slope * (z * z - 1)
      }
      const error = stateValues[i]! - returns[i]!
      valueLoss += (0.5 * error * error) / count
      outputGradient.stateValue[i] = (valueCoef * error) / count
    }
    for (let j = 0; j < actionSize; j++) {
      gradient.policy[logStdOffset + j] = gradient.policy[logStdOffset + j]! - entropyCoef // ∂H/∂log σ_j = 1
    }
    sums.policyLoss = policyLoss
    sums.valueLoss = valueLoss
    sums.entropy = gaussianEntropy(policy, logStdOffset, actionSize)
    sums.approxKl = approxKl
    sums.clipped = clipped
    return outputGradient
  }

  function growTo(count: number): void {
    if (logProbs.length >= count) return
    minibatch = createGathered(architecture, count)
    logProbs = new Float64Array(count)
    advantages = new Float64Array(count)
    outputGradient = { mean: new Float64Array(count * actionSize), stateValue: new Float64Array(count) }
  }

  return {
    step,
    finish() {
      learner.policy.set(policy)
      learner.value.set(value)
      learner.adam.step = adam.step
      learner.adam.m.set(adam.m)
      learner.adam.v.set(adam.v)
    },
  }
}

/** Â = (A − mean)/(unbiased std + 1e-8) (CleanRL); a single sample has no standard deviation and stays as it is. */
function normalized({ advantage, count }: Minibatch, normalize: boolean, out: Float64Array): void {
  let mean = 0
  for (let i = 0; i < count; i++) mean += advantage[i]! / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += (advantage[i]! - mean) * (advantage[i]! - mean)
  const applies = normalize && count > 1
  const centre = applies ? mean : 0
  const scale = applies ? Math.sqrt(squares / (count - 1)) + 1e-8 : 1
  for (let i = 0; i < count; i++) out[i] = (advantage[i]! - centre) / scale
}

function sumOfSquares(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return sum
}
