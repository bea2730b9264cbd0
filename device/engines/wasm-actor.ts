import type { Actor } from '../core/engine.ts'
import { createRng } from '../core/rng.ts'
import type { Kernel } from './kernel.ts'
import { type Packing, pack, writeFloat32 } from './packing.ts'

/** Acts in the kernel: one forward pass of one row, then noise and its density. */
export function createWasmActor(kernel: Kernel, policy: Packing): Actor {
  const block = kernel.reserve(4 * policy.size)
  const input = kernel.reserve(4 * policy.inputs)
  const trace = kernel.reserve(4 * policy.traceWidth)
  const noise = kernel.reserve(16)
  const drawn = kernel.reserve(4 * policy.outputs)
  // Checks what is restored, with the words of the core's generator.
  const generator = createRng(0, 'actor')
  const restoreNoise = (state: readonly number[]): void => {
    generator.restore(state)
    kernel.i32.set(state, noise / 4)
  }
  restoreNoise(generator.state())

  return {
    load(vector) {
      pack(kernel, policy, vector, 0, block, 'policy')
    },
    act(observation, action) {
      writeFloat32(kernel, observation, policy.inputs, input, 'observation')
      const mean = kernel.run.forward(policy.net, block, input, 1, trace)
      const logProb = kernel.run.sample(mean, block + policy.logStd, policy.outputs, noise, drawn)
      for (let j = 0; j < policy.outputs; j++) action[j] = kernel.f32[drawn / 4 + j]!
      return logProb
    },
    noiseState: () => Array.from(kernel.i32.subarray(noise / 4, noise / 4 + 4), (word) => word >>> 0),
    restoreNoise,
  }
}
