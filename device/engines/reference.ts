import { adamAdvance, adamUpdate } from '../core/adam.ts'
import { exp } from '../core/elementary.ts'
import type { Architecture, Engine, Learner, Minibatch, PpoOptions, PpoStatistics, Vector } from '../core/engine.ts'
import { fisherExact, fisherSampled } from '../core/fisher.ts'
import { gaussianEntropy, gaussianLogProb, gaussianMeanKl } from '../core/gaussian.ts'
import { backward, createTrace, createWorkspace, forward, networkOf, reserve, tangent } from '../core/mlp.ts'
import { policyLayout, slotOf, valueLayout } from '../core/parameters.ts'
import { createPassCache } from './pass-cache.ts'

/**
 * The engine that defines the numbers: float64, sums in a fixed order, written as the equations stand. Allocates only
 * while its workspaces grow to the largest batch seen.
 */
export function createReferenceEngine(architecture: Architecture): Engine {
  const { observationSize, actionSize } = architecture
  const layout = policyLayout(architecture)
  const logStdOffset = slotOf(layout, 'log_std').offset
  const policyNetwork = networkOf(layout, 'policy')
  const valueNetwork = networkOf(valueLayout(architecture), 'value')
  const policyTrace = createTrace()
  const valueTrace = createTrace()
  const workspace = createWorkspace()
  // The gate asks about the same few (policy, states) pairs again and again: own and peer on the evidence, own and mixed
  // on the Fisher states.
  const passes = createPassCache(policyNetwork, layout.size, 4)
  const direction = new Float64Array(layout.size)
  const policyCopy = new Float64Array(layout.size)
  const valueCopy = new Float64Array(valueLayout(architecture).size)
  const gradient = {
    policy: new Float64Array(policyCopy.length),
    value: new Float64Array(valueCopy.length),
    mean: new Float64Array(0),
    stateValue: new Float64Array(0),
  }
  let logProbs = new Float64Array(0)
  let advantages = new Float64Array(0)

  function policyMean(policy: Vector, observations: Vector, count: number, out: Float64Array): void {
    copyRows(observations, reserve(policyNetwork, policyTrace, count), count * observationSize)
    copyRows(forward(policyNetwork, float64(policy, policyCopy), policyTrace), out, count * actionSize)
  }

  function stateValue(value: Vector, observations: Vector, count: number, out: Float64Array): void {
    copyRows(observations, reserve(valueNetwork, valueTrace, count), count * observationSize)
    copyRows(forward(valueNetwork, float64(value, valueCopy), valueTrace), out, count)
  }

  function logProb(policy: Vector, observations: Vector, actions: Vector, count: number, out: Float64Array): void {
    const { outputs } = passes(policy, observations, count)
    gaussianLogProb(outputs, actions, count, actionSize, policy, logStdOffset, out)
  }

  function exactForm(policy: Vector, delta: Vector, observations: Vector, count: number): number {
    const pass = passes(policy, observations, count)
    const change = tangent(policyNetwork, pass.parameters, float64(delta, direction), pass.trace, workspace)
    return fisherExact(change, policy, delta, logStdOffset, count, actionSize)
  }

  function sampledForm(policy: Vector, delta: Vector, observations: Vector, actions: Vector, count: number): number {
    const pass = passes(policy, observations, count)
    const change = tangent(policyNetwork, pass.parameters, float64(delta, direction), pass.trace, workspace)
    return fisherSampled(pass.outputs, change, actions, policy, delta, logStdOffset, count, actionSize)
  }

  function meanKl(from: Vector, to: Vector, observations: Vector, count: number): number {
    const fromPass = passes(from, observations, count)
    const toPass = passes(to, observations, count)
    return gaussianMeanKl(fromPass.outputs, toPass.outputs, count, actionSize, from, to, logStdOffset)
  }

  /**
   * Loss = −min(ratio·Â, clip(ratio, 1 ± clipRange)·Â) − entropyCoef·H + valueCoef·½(V − R)², one gradient-norm clip and
   * one Adam step over both networks. Where the gradient is not finite the learner stays as it is.
   */
  function ppoStep(learner: Learner, batch: Minibatch, options: PpoOptions): PpoStatistics {
    const { policy, value, adam } = learner
    const { count, observations, actions } = batch
    const { clipRange, entropyCoef, valueCoef, maxGradNorm } = options
    growTo(count)
    normalized(batch, options.normalizeAdvantage, advantages)

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
      const logRatio = logProbs[i]! - batch.logProb[i]!
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
      const error = stateValues[i]! - batch.returns[i]!
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
    logProbs = new Float64Array(count)
    advantages = new Float64Array(count)
    gradient.mean = new Float64Array(count * actionSize)
    gradient.stateValue = new Float64Array(count)
  }

  return {
    id: 'reference/1',
    architecture,
    policyMean,
    stateValue,
    logProb,
    fisherExact: exactForm,
    fisherSampled: sampledForm,
    meanKl,
    ppoStep,
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

/** The vector itself where it is float64, a copy in `scratch` otherwise: the inner loops see one kind of array. */
function float64(vector: Vector, scratch: Float64Array): Float64Array {
  if (vector instanceof Float64Array) return vector
  scratch.set(vector)
  return scratch
}

function copyRows(from: Vector, to: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) to[i] = from[i]!
}

function sumOfSquares(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return sum
}
