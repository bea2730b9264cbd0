import type { Architecture, Engine, Vector } from '../core/engine.ts'
import { requireFinite } from '../core/finite.ts'
import { fisherExact, fisherSampled } from '../core/fisher.ts'
import { gaussianLogProb, gaussianMeanKl } from '../core/gaussian.ts'
import { mix as mixVectors, unroundedMix } from '../core/mix.ts'
import { policyLayout, slotOf, valueLayout } from '../core/parameters.ts'
import { createKernel, createRegion } from './kernel.ts'
import { createPacking } from './packing.ts'
import { createWasmActor } from './wasm-actor.ts'
import { createBlocks } from './wasm-blocks.ts'
import { createGae } from './wasm-gae.ts'
import { createPasses, type Pass } from './wasm-passes.ts'
import { createWasmUpdates } from './wasm-update.ts'

/**
 * The engine of the boards: float32 in SIMD kernels of one WebAssembly module (`device/kernel`), the same bits on every
 * processor. Networks run in the kernel, what is summed over rows is summed in float64. Memory grows only with the largest
 * batch seen.
 */
export function createWasmEngine(architecture: Architecture): Engine {
  const { actionSize } = architecture
  const layout = policyLayout(architecture)
  const { offset } = slotOf(layout, 'log_std')
  const kernel = createKernel()
  const policyPacking = createPacking(kernel, layout, 'policy')
  const valuePacking = createPacking(kernel, valueLayout(architecture), 'value')
  // The gate asks about the same few (policy, states) pairs again and again: own and peer on the evidence, own and mixed
  // on the Fisher states.
  const policies = createBlocks(kernel, policyPacking, 4)
  const values = createBlocks(kernel, valuePacking, 1)
  const policyPass = createPasses(kernel, policyPacking, 4)
  const valuePass = createPasses(kernel, valuePacking, 1)
  const direction = kernel.reserve(4 * policyPacking.size)
  const [scratch, tangents, derivatives] = [createRegion(kernel), createRegion(kernel), createRegion(kernel)]
  let means: Float64Array = new Float64Array(0)
  let others: Float64Array = new Float64Array(0)

  function policyMean(policy: Vector, observations: Vector, count: number, out: Float64Array): void {
    copyOutputs(policyPass(policies.of(policy, 'policy'), observations, count).outputs, count, out)
  }

  function stateValue(value: Vector, observations: Vector, count: number, out: Float64Array): void {
    const { outputs } = valuePass(values.of(value, 'value'), observations, count)
    const { f32 } = kernel
    for (let i = 0, at = outputs / 4; i < count; i++, at += valuePacking.outputWidth) out[i] = f32[at]!
  }

  function logProb(policy: Vector, observations: Vector, actions: Vector, count: number, out: Float64Array): void {
    requireFinite('actions', actions, count * actionSize)
    means = room(means, count)
    policyMean(policy, observations, count, means)
    gaussianLogProb(means, actions, count, actionSize, policy, offset, out)
  }

  function exactForm(policy: Vector, towards: Vector, observations: Vector, count: number): number {
    const { change } = passAndTangent(policy, towards, observations, count)
    return fisherExact(change, policy, towards, offset, count, actionSize)
  }

  function sampledForm(policy: Vector, towards: Vector, observations: Vector, actions: Vector, count: number): number {
    requireFinite('actions', actions, count * actionSize)
    const { pass, change } = passAndTangent(policy, towards, observations, count)
    means = room(means, count)
    copyOutputs(pass.outputs, count, means)
    return fisherSampled(means, change, actions, policy, towards, offset, count, actionSize)
  }

  function meanKl(from: Vector, to: Vector, observations: Vector, count: number): number {
    means = room(means, count)
    others = room(others, count)
    policyMean(from, observations, count, means)
    policyMean(to, observations, count, others)
    return gaussianMeanKl(means, others, count, actionSize, from, to, offset)
  }

  /** In the kernel where both are float32 as they stand: in JavaScript it took as long as the rest of a judgement on few samples. */
  function mix(own: Vector, peer: Vector, alpha: number): Float32Array {
    if (!stageMix(own, peer, alpha)) return mixVectors(own, peer, alpha)
    const { flat, count } = policyPacking
    return kernel.f32.slice(flat / 4, flat / 4 + count)
  }

  /** Networks run in float32 anyway; only log σ is read before it is rounded. */
  function mixKl(own: Vector, peer: Vector, alpha: number, observations: Vector, count: number): number {
    if (!stageMix(own, peer, alpha)) return meanKl(own, unroundedMix(own, peer, alpha), observations, count)
    const mixed = policies.staged('policy')
    means = room(means, count)
    others = room(others, count)
    copyOutputs(policyPass(mixed, observations, count).outputs, count, others)
    policyMean(own, observations, count, means)
    const [from, to] = [own, peer].map((policy) => policy.subarray(offset, offset + actionSize)) as [Vector, Vector]
    return gaussianMeanKl(means, others, count, actionSize, from, unroundedMix(from, to, alpha), 0)
  }

  /** Mixes (4) into the staging place; false where a policy is not float32. */
  function stageMix(own: Vector, peer: Vector, alpha: number): boolean {
    const { count, flat } = policyPacking
    if (!(own instanceof Float32Array && peer instanceof Float32Array && own.length === count && peer.length === count))
      return false
    const [from, to] = [policies.of(own, 'policy'), policies.of(peer, 'towards')]
    kernel.run.mix(from.flat, to.flat, alpha, count, flat)
    return true
  }

  /** A pass and the derivative of its means along Δ, [count, actionSize]. With one action the pass's deltas serve every Δ. */
  function passAndTangent(policy: Vector, towards: Vector, observations: Vector, count: number) {
    const [from, to] = [policies.of(policy, 'policy'), policies.of(towards, 'towards')]
    kernel.run.subtract(to.address, from.address, policyPacking.size, direction)
    const pass = policyPass(from, observations, count)
    return { pass, change: tangent(pass, count) }
  }

  function tangent({ block, input, trace, deltas }: Pass, count: number): Float64Array {
    const { net, traceWidth, outputWidth, widest } = policyPacking
    const temporary = scratch(4 * count * widest)
    if (actionSize === 1) {
      const [kept, out] = [deltas(), derivatives(8 * count)]
      kernel.run.tangentByDeltas(net, direction, input, count, trace, kept, temporary, out)
      return kernel.f64.subarray(out / 8, out / 8 + count)
    }
    const space = tangents(4 * count * traceWidth)
    const last = kernel.run.tangent(net, block, direction, input, count, trace, space, temporary)
    const change = new Float64Array(count * actionSize)
    const { f32 } = kernel
    for (let i = 0, o = 0; i < count; i++)
      for (let j = 0; j < actionSize; j++, o++) change[o] = f32[last / 4 + i * outputWidth + j]!
    return change
  }

  function copyOutputs(outputs: number, count: number, out: Float64Array): void {
    const { f32 } = kernel
    const { outputWidth } = policyPacking
    for (let i = 0, o = 0, at = outputs / 4; i < count; i++, at += outputWidth)
      for (let j = 0; j < actionSize; j++, o++) out[o] = f32[at + j]!
  }

  function room(array: Float64Array, count: number): Float64Array {
    return array.length >= count * actionSize ? array : new Float64Array(count * actionSize)
  }

  return {
    id: 'wasm/1',
    architecture,
    createActor: () => createWasmActor(kernel, policyPacking),
    policyMean,
    stateValue,
    logProb,
    fisherExact: exactForm,
    fisherSampled: sampledForm,
    mix,
    meanKl,
    mixKl,
    generalizedAdvantage: createGae(kernel),
    startUpdate: createWasmUpdates(kernel, architecture, policyPacking, valuePacking),
  }
}
