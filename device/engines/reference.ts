import type { Architecture, Engine, Vector } from '../core/engine.ts'
import { requireFinite } from '../core/finite.ts'
import { fisherExact, fisherSampled } from '../core/fisher.ts'
import { generalizedAdvantage } from '../core/gae.ts'
import { gaussianLogProb, gaussianMeanKl } from '../core/gaussian.ts'
import { mix, unroundedMix } from '../core/mix.ts'
import { backward, createTrace, createWorkspace, forward, networkOf, reserve, tangent } from '../core/mlp.ts'
import { policyLayout, slotOf, valueLayout } from '../core/parameters.ts'
import { createMeanActor } from './mean-actor.ts'
import { createPassCache, type Pass } from './pass-cache.ts'
import { type BothVectors, type OutputGradient, startPassUpdate } from './pass-update.ts'

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

  function policyMean(policy: Vector, observations: Vector, count: number, out: Float64Array): void {
    requireFinite('policy', policy, layout.size)
    requireFinite('observations', observations, count * observationSize)
    copyRows(observations, reserve(policyNetwork, policyTrace, count), count * observationSize)
    copyRows(forward(policyNetwork, float64(policy, policyCopy), policyTrace), out, count * actionSize)
  }

  function stateValue(value: Vector, observations: Vector, count: number, out: Float64Array): void {
    requireFinite('value', value, valueCopy.length)
    requireFinite('observations', observations, count * observationSize)
    copyRows(observations, reserve(valueNetwork, valueTrace, count), count * observationSize)
    copyRows(forward(valueNetwork, float64(value, valueCopy), valueTrace), out, count)
  }

  function passOf(policy: Vector, observations: Vector, count: number): Pass {
    requireFinite('policy', policy, layout.size)
    requireFinite('observations', observations, count * observationSize)
    return passes(policy, observations, count)
  }

  function logProb(policy: Vector, observations: Vector, actions: Vector, count: number, out: Float64Array): void {
    requireFinite('actions', actions, count * actionSize)
    const { outputs } = passOf(policy, observations, count)
    gaussianLogProb(outputs, actions, count, actionSize, policy, logStdOffset, out)
  }

  function exactForm(policy: Vector, towards: Vector, observations: Vector, count: number): number {
    requireFinite('towards', towards, layout.size)
    const pass = passOf(policy, observations, count)
    const change = tangent(policyNetwork, pass.parameters, difference(towards, policy), pass.trace, workspace)
    return fisherExact(change, policy, towards, logStdOffset, count, actionSize)
  }

  function sampledForm(policy: Vector, towards: Vector, observations: Vector, actions: Vector, count: number): number {
    requireFinite('towards', towards, layout.size)
    requireFinite('actions', actions, count * actionSize)
    const pass = passOf(policy, observations, count)
    const change = tangent(policyNetwork, pass.parameters, difference(towards, policy), pass.trace, workspace)
    return fisherSampled(pass.outputs, change, actions, policy, towards, logStdOffset, count, actionSize)
  }

  function difference(a: Vector, b: Vector): Float64Array {
    for (let i = 0; i < direction.length; i++) direction[i] = a[i]! - b[i]!
    return direction
  }

  function meanKl(from: Vector, to: Vector, observations: Vector, count: number): number {
    const fromPass = passOf(from, observations, count)
    const toPass = passOf(to, observations, count)
    return gaussianMeanKl(fromPass.outputs, toPass.outputs, count, actionSize, from, to, logStdOffset)
  }

  function differentiate(
    { policy, value }: BothVectors,
    observations: Float64Array,
    count: number,
    loss: (mean: Float64Array, stateValue: Float64Array) => OutputGradient,
    gradient: BothVectors,
  ): void {
    copyRows(observations, reserve(policyNetwork, policyTrace, count), count * observationSize)
    copyRows(observations, reserve(valueNetwork, valueTrace, count), count * observationSize)
    const mean = forward(policyNetwork, policy, policyTrace)
    const outputs = loss(mean, forward(valueNetwork, value, valueTrace))
    backward(policyNetwork, policy, policyTrace, outputs.mean, gradient.policy, workspace)
    backward(valueNetwork, value, valueTrace, outputs.stateValue, gradient.value, workspace)
  }

  return {
    id: 'reference/1',
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

/** The vector itself where it is float64, a copy in `scratch` otherwise: the inner loops see one kind of array. */
function float64(vector: Vector, scratch: Float64Array): Float64Array {
  if (vector instanceof Float64Array) return vector
  scratch.set(vector)
  return scratch
}

function copyRows(from: Vector, to: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) to[i] = from[i]!
}
