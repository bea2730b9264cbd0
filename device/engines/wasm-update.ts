import { adamAdvance } from '../core/adam.ts'
import type { Architecture, EngineUpdate, Learner, Minibatch, PpoOptions, PpoStatistics } from '../core/engine.ts'
import { requireFinite } from '../core/finite.ts'
import { gaussianEntropy } from '../core/gaussian.ts'
import { requireRows } from '../core/minibatch.ts'
import { createRegion, type Kernel } from './kernel.ts'
import { type Packing, pack, unpack, writeFloat32 } from './packing.ts'
import { createMoments } from './wasm-moments.ts'

/**
 * A function that begins PPO updates in the kernel's memory. One at a time: an older session that goes on after a newer
 * one has begun throws.
 */
export function createWasmUpdates(
  kernel: Kernel,
  { observationSize, actionSize }: Architecture,
  policy: Packing,
  value: Packing,
): (learner: Learner, batch: Minibatch, options: PpoOptions) => EngineUpdate {
  const size = policy.size + value.size
  const sampleSize = actionSize + 3
  // Policy and value lie one behind the other, so that one norm and one Adam step cover both.
  const parameters = kernel.reserve(4 * size)
  const gradient = kernel.reserve(4 * size)
  const moments = createMoments(kernel, policy, value)
  const valueBlock = 4 * policy.size
  const statistics = kernel.reserve(4 * 8)
  const scratch = kernel.reserve(4 * Math.max(policy.transposed, value.transposed))
  const room = {
    observations: createRegion(kernel),
    samples: createRegion(kernel),
    indices: createRegion(kernel),
    input: createRegion(kernel),
    minibatch: createRegion(kernel),
    policyTrace: createRegion(kernel),
    policyDeltas: createRegion(kernel),
    valueTrace: createRegion(kernel),
    valueDeltas: createRegion(kernel),
  }
  let newest = 0

  return (learner, batch, options) => {
    const session = ++newest
    const { count } = batch
    const observations = room.observations(4 * count * observationSize)
    const samples = room.samples(8 * count * sampleSize)
    writeFloat32(kernel, batch.observations, count * observationSize, observations, 'observations')
    writeSamples(batch, samples)
    pack(kernel, policy, learner.policy, 0, parameters, 'policy')
    pack(kernel, value, learner.value, 0, parameters + valueBlock, 'value')
    moments.begin(learner.adam)
    const adam = { step: learner.adam.step }

    function step(rows: Int32Array): PpoStatistics {
      if (session !== newest) throw new Error('an update must not go on after the next one has begun')
      requireRows(rows, count)
      const { run } = kernel
      const n = rows.length
      const indices = room.indices(4 * n)
      const input = room.input(4 * n * observationSize)
      const minibatch = room.minibatch(8 * n * sampleSize)
      const policyTrace = room.policyTrace(4 * n * policy.traceWidth)
      const policyDeltas = room.policyDeltas(4 * n * policy.traceWidth)
      const valueTrace = room.valueTrace(4 * n * value.traceWidth)
      const valueDeltas = room.valueDeltas(4 * n * value.traceWidth)
      kernel.i32.set(rows, indices / 4)
      run.gather(observations, observationSize, samples, sampleSize, indices, n, input, minibatch)
      if (options.normalizeAdvantage) run.normalizeAdvantages(minibatch, sampleSize, actionSize, n)

      const logStd = parameters + policy.logStd
      const means = run.forward(policy.net, parameters, input, n, policyTrace)
      const values = run.forward(value.net, parameters + valueBlock, input, n, valueTrace)
      const [meanDeltas, stateDeltas] = [policyDeltas + (means - policyTrace), valueDeltas + (values - valueTrace)]
      const { clipRange, entropyCoef, valueCoef, maxGradNorm } = options
      const logStdGradient = gradient + policy.logStd
      run.ppoLoss(
        means,
        policy.outputWidth,
        logStd,
        values,
        minibatch,
        actionSize,
        n,
        clipRange,
        entropyCoef,
        valueCoef,
        meanDeltas,
        logStdGradient,
        stateDeltas,
        statistics,
      )
      run.propagate(policy.net, parameters, n, policyTrace, policyDeltas, scratch)
      run.propagate(value.net, parameters + valueBlock, n, valueTrace, valueDeltas, scratch)
      run.gradients(policy.net, input, n, policyTrace, policyDeltas, gradient)
      run.gradients(value.net, input, n, valueTrace, valueDeltas, gradient + valueBlock)

      const entropy = gaussianEntropy(kernel.f32, logStd / 4, actionSize)
      const gradNorm = run.norm(gradient, size)
      if (Number.isFinite(gradNorm)) {
        const scale = Math.min(1, maxGradNorm / (gradNorm + 1e-6)) // as torch.nn.utils.clip_grad_norm_
        const { stepSize, rootScale } = adamAdvance(adam, options.learningRate)
        const [first, second] = moments.addresses()
        run.adam(parameters, gradient, first, second, size, scale, stepSize, rootScale, options.adamEpsilon)
      }
      const { f64 } = kernel
      const at = statistics / 8
      const [policyLoss, valueLoss, approxKl, clipFraction] = [f64[at]!, f64[at + 1]!, f64[at + 2]!, f64[at + 3]!]
      const loss = policyLoss - entropyCoef * entropy + valueCoef * valueLoss
      return { policyLoss, valueLoss, entropy, loss, gradNorm, approxKl, clipFraction }
    }

    return {
      step,
      finish() {
        if (session !== newest) throw new Error('an update must not end after the next one has begun')
        unpack(kernel, policy, parameters, learner.policy, 0)
        unpack(kernel, value, parameters + valueBlock, learner.value, 0)
        moments.finish(learner, adam.step)
      },
    }
  }

  function writeSamples(batch: Minibatch, address: number): void {
    const { count } = batch
    requireFinite('actions', batch.actions, count * actionSize)
    requireFinite('logProb', batch.logProb, count)
    requireFinite('advantage', batch.advantage, count)
    requireFinite('returns', batch.returns, count)
    const { f64 } = kernel
    for (let i = 0, o = address / 8; i < count; i++) {
      for (let j = 0; j < actionSize; j++) f64[o++] = batch.actions[i * actionSize + j]!
      f64[o++] = batch.logProb[i]!
      f64[o++] = batch.advantage[i]!
      f64[o++] = batch.returns[i]!
    }
  }
}
