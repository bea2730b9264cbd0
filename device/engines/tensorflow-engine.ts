import type { Tensor2D } from '@tensorflow/tfjs'
import type { Architecture, Engine, Vector } from '../core/engine.ts'
import { requireFinite } from '../core/finite.ts'
import { fisherExact, fisherSampled } from '../core/fisher.ts'
import { generalizedAdvantage } from '../core/gae.ts'
import { gaussianLogProb, gaussianMeanKl } from '../core/gaussian.ts'
import { mix, unroundedMix } from '../core/mix.ts'
import { type Network, networkOf } from '../core/mlp.ts'
import { policyLayout, slotOf, valueLayout } from '../core/parameters.ts'
import { createMeanActor } from './mean-actor.ts'
import { type BothVectors, type OutputGradient, startPassUpdate } from './pass-update.ts'
import {
  backward,
  difference,
  forward,
  layersOf,
  matrixOf,
  scoped,
  type Tensorflow,
  tangent,
} from './tensorflow-network.ts'

/**
 * An engine whose passes through the networks are float32 operations of TensorFlow.js on the backend that is set when it is
 * called; densities, loss, clipping and Adam are the core's, in float64. No tensor outlives a call.
 */
export function createTensorflowEngine(tf: Tensorflow, architecture: Architecture): Engine {
  const { observationSize, actionSize } = architecture
  const layout = policyLayout(architecture)
  const valueSize = valueLayout(architecture).size
  const logStdOffset = slotOf(layout, 'log_std').offset
  const policyNetwork = networkOf(layout, 'policy')
  const valueNetwork = networkOf(valueLayout(architecture), 'value')

  function inputOf(observations: Vector, count: number): Tensor2D {
    requireFinite('observations', observations, count * observationSize)
    return matrixOf(tf, observations, count, observationSize)
  }

  function outputs(network: Network, parameters: Vector, observations: Vector, count: number): Float64Array {
    return scoped(tf, () =>
      numbers(forward(tf, layersOf(tf, network, parameters), inputOf(observations, count)).at(-1)!),
    )
  }

  function means(policy: Vector, observations: Vector, count: number): Float64Array {
    requireFinite('policy', policy, layout.size)
    return outputs(policyNetwork, policy, observations, count)
  }

  function policyMean(policy: Vector, observations: Vector, count: number, out: Float64Array): void {
    out.set(means(policy, observations, count))
  }

  function stateValue(value: Vector, observations: Vector, count: number, out: Float64Array): void {
    requireFinite('value', value, valueSize)
    out.set(outputs(valueNetwork, value, observations, count))
  }

  function logProb(policy: Vector, observations: Vector, actions: Vector, count: number, out: Float64Array): void {
    requireFinite('actions', actions, count * actionSize)
    gaussianLogProb(means(policy, observations, count), actions, count, actionSize, policy, logStdOffset, out)
  }

  /** Means of the rows and their derivative along Δ. */
  function meanAndTangent(policy: Vector, towards: Vector, observations: Vector, count: number) {
    requireFinite('policy', policy, layout.size)
    requireFinite('towards', towards, layout.size)
    const delta = deltaOf(policy, towards)
    return scoped(tf, () => {
      const layers = layersOf(tf, policyNetwork, policy)
      const activations = forward(tf, layers, inputOf(observations, count))
      const change = tangent(tf, layers, layersOf(tf, policyNetwork, delta), activations)
      return { mean: numbers(activations.at(-1)!), change: numbers(change) }
    })
  }

  function exactForm(policy: Vector, towards: Vector, observations: Vector, count: number): number {
    const { change } = meanAndTangent(policy, towards, observations, count)
    return fisherExact(change, policy, towards, logStdOffset, count, actionSize)
  }

  function sampledForm(policy: Vector, towards: Vector, observations: Vector, actions: Vector, count: number): number {
    requireFinite('actions', actions, count * actionSize)
    const { mean, change } = meanAndTangent(policy, towards, observations, count)
    return fisherSampled(mean, change, actions, policy, towards, logStdOffset, count, actionSize)
  }

  function meanKl(from: Vector, to: Vector, observations: Vector, count: number): number {
    requireFinite('policy', from, layout.size)
    requireFinite('policy', to, layout.size)
    const delta = deltaOf(from, to)
    const apart = scoped(tf, () => {
      const input = inputOf(observations, count)
      const toLayers = layersOf(tf, policyNetwork, to)
      const before = forward(tf, layersOf(tf, policyNetwork, from), input)
      const after = forward(tf, toLayers, input)
      return numbers(difference(tf, toLayers, layersOf(tf, policyNetwork, delta), before, after))
    })
    const zero = new Float64Array(apart.length)
    return gaussianMeanKl(zero, apart, count, actionSize, from, to, logStdOffset)
  }

  function differentiate(
    { policy, value }: BothVectors,
    observations: Float64Array,
    count: number,
    loss: (mean: Float64Array, stateValue: Float64Array) => OutputGradient,
    gradient: BothVectors,
  ): void {
    scoped(tf, () => {
      const input = matrixOf(tf, observations, count, observationSize)
      const policyLayers = layersOf(tf, policyNetwork, policy)
      const valueLayers = layersOf(tf, valueNetwork, value)
      const forPolicy = forward(tf, policyLayers, input)
      const forValue = forward(tf, valueLayers, input)
      const output = loss(numbers(forPolicy.at(-1)!), numbers(forValue.at(-1)!))
      const meanGradient = matrixOf(tf, output.mean, count, actionSize)
      const stateGradient = matrixOf(tf, output.stateValue, count, 1)
      backward(tf, policyNetwork, policyLayers, forPolicy, meanGradient, gradient.policy)
      backward(tf, valueNetwork, valueLayers, forValue, stateGradient, gradient.value)
    })
  }

  return {
    id: `tensorflow/1 ${tf.getBackend()}`,
    architecture,
    createActor: () => createMeanActor(architecture, policyMean),
    policyMean,
    stateValue,
    logProb,
    fisherExact: exactForm,
    fisherSampled: sampledForm,
    mix,
    meanKl,
    mixKl: (own, peer, alpha, ...states) => meanKl(own, unroundedMix(own, peer, alpha), ...states),
    generalizedAdvantage,
    startUpdate: (learner, batch, options) => startPassUpdate(differentiate, architecture, learner, batch, options),
  }
}

function numbers(tensor: Tensor2D): Float64Array {
  return Float64Array.from(tensor.dataSync())
}

function deltaOf(from: Vector, to: Vector): Float64Array {
  return Float64Array.from(from, (x, i) => to[i]! - x)
}
