import { adamAdvance, adamUpdate } from '../core/adam.ts'
import { exp } from '../core/elementary.ts'
import type { Architecture, EngineUpdate, Learner, Minibatch, PpoOptions, PpoStatistics } from '../core/engine.ts'
import { gaussianEntropy, gaussianLogProb } from '../core/gaussian.ts'
import { createGathered, gather, requireTrainable } from '../core/minibatch.ts'
import { backward, createTrace, createWorkspace, forward, networkOf, reserve } from '../core/mlp.ts'
import { policyLayout, slotOf, valueLayout } from '../core/parameters.ts'

/** The PPO update that defines the numbers: float64, written as the equations stand. */
export function startReferenceUpdate(
  architecture: Architecture,
  learner: Learner,
  batch: Minibatch,
  options: PpoOptions,
): EngineUpdate {
  requireTrainable(learner, batch, architecture)
  const { observationSize, actionSize } = architecture
  const layout = policyLayout(architecture)
  const logStdOffset = slotOf(layout, 'log_std').offset
  const policyNetwork = networkOf(layout, 'policy')
  const valueNetwork = networkOf(valueLayout(architecture), 'value')
  const policyTrace = createTrace()
  const valueTrace = createTrace()
  const workspace = createWorkspace()
  const samples = createGathered(architecture, batch.count)
  gather(
    batch,
    Int32Array.from({ length: batch.count }, (_, i) => i),
    samples,
    architecture,
  )
  const policy = learner.policy.slice()
  const value = learner.value.slice()
  const adam = { step: learner.adam.step, m: learner.adam.m.slice(), v: learner.adam.v.slice() }
  const gradient = {
    policy: new Float64Array(policy.length),
    value: new Float64Array(value.length),
    mean: new Float64Array(0),
    stateValue: new Float64Array(0),
  }
  let minibatch = createGathered(architecture, 0)
  let logProbs = new Float64Array(0)
  let advantages = new Float64Array(0)

  /**
   * Loss = −min(ratio·Â, clip(ratio, 1 ± clipRange)·Â) − entropyCoef·H + valueCoef·½(V − R)², one gradient-norm clip and
   * one Adam step over both networks. Where the gradient is not finite nothing is changed.
   */
  function step(rows: Int32Array): PpoStatistics {
    const count = rows.length
    growTo(count)
    gather(samples, rows, minibatch, architecture)
    const { observations, actions } = minibatch
    const { clipRange, entropyCoef, valueCoef, maxGradNorm } = options
    normalized(minibatch, options.normalizeAdvantage, advantages)

    copyRows(observations, reserve(policyNetwork, policyTrace, count), count * observationSize)
    copyRows(observations, reserve(valueNetwork, valueTrace, count), count * observationSize)
    const mean = forward(policyNetwork, policy, policyTrace)
    const stateValues = forward(valueNetwork, value, valueTrace)
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
        gradient.mean[i * actionSize + j] = slope * z * inverseStd
        gradient.policy[logStdOffset + j] = gradient.policy[logStdOffset + j]! + slope * (z * z - 1)
      }
      const error = stateValues[i]! - minibatch.returns[i]!
      valueLoss += (0.5 * error * error) / count
      gradient.stateValue[i] = (valueCoef * error) / count
    }
    const entropy = gaussianEntropy(policy, logStdOffset, actionSize)
    for (let j = 0; j < actionSize; j++) {
      gradient.policy[logStdOffset + j] = gradient.policy[logStdOffset + j]! - entropyCoef // ∂H/∂log σ_j = 1
    }
    backward(policyNetwork, policy, policyTrace, gradient.mean, gradient.policy, workspace)
    backward(valueNetwork, value, valueTrace, gradient.stateValue, gradient.value, workspace)

    const gradNorm = Math.sqrt(sumOfSquares(gradient.policy) + sumOfSquares(gradient.value))
    if (Number.isFinite(gradNorm)) {
      const scale = Math.min(1, maxGradNorm / (gradNorm + 1e-6)) // as torch.nn.utils.clip_grad_norm_
      const step = adamAdvance(adam, options.learningRate)
      adamUpdate(adam, 0, policy, gradient.policy, scale, step, options.adamEpsilon)
      adamUpdate(adam, policy.length, value, gradient.value, scale, step, options.adamEpsilon)
    }
    const loss = policyLoss - entropyCoef * entropy + valueCoef * valueLoss
    return { policyLoss, valueLoss, entropy, loss, gradNorm, approxKl, clipFraction: clipped / count }
  }

  function growTo(count: number): void {
    if (logProbs.length >= count) return
    minibatch = createGathered(architecture, count)
    logProbs = new Float64Array(count)
    advantages = new Float64Array(count)
    gradient.mean = new Float64Array(count * actionSize)
    gradient.stateValue = new Float64Array(count)
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

function copyRows(from: Float64Array, to: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) to[i] = from[i]!
}

function sumOfSquares(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return sum
}
