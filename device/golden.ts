import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture, Minibatch } from './core/engine.ts'
import { inferArchitecture, policyLayout, valueLayout, vectorFromTensors } from './core/parameters.ts'
import { decodeSafetensors, type SafetensorsFile } from './core/safetensors.ts'

/** Golden vectors: inputs as float32 tensors, expected values in float64 from PyTorch's autograd. */
export interface GoldenCase {
  readonly name: string
  readonly architecture: Architecture
  readonly own: Float64Array
  readonly value: Float64Array
  readonly peer: Float64Array
  readonly experience: SafetensorsFile
  readonly fisher: SafetensorsFile
  readonly minibatch: SafetensorsFile
  readonly rollout: SafetensorsFile
  readonly expected: Expected
}

export interface Expected {
  readonly gamma: number
  readonly M: number
  readonly K: number
  readonly policy: { mean: number[][]; log_prob: number[]; value: number[]; entropy: number }
  readonly gate: Record<
    | 'policy_advantage'
    | 'policy_advantage_unnormalised'
    | 'standard_error'
    | 'ess'
    | 'epsilon'
    | 'C'
    | 'fisher_exact'
    | 'fisher_sampled'
    | 'alpha_bound'
    | 'alpha_bound_sampled',
    number
  >
  readonly kl: Record<string, number>
  readonly ppo: {
    learning_rate: number
    clip_range: number
    ent_coef: number
    vf_coef: number
    max_grad_norm: number
    adam_eps: number
    steps: Record<
      'policy_loss' | 'value_loss' | 'entropy' | 'loss' | 'grad_norm' | 'approx_kl' | 'clip_fraction',
      number
    >[]
    first_gradient: Record<string, number[]>
    params_after_3: Record<string, number[]>
  }
  readonly gae: { gamma: number; gae_lambda: number; advantage: number[] }
}

/** One tensor's values. Throws where the file has none of that name. */
export function values(file: SafetensorsFile, name: string): Float32Array {
  const tensor = file.tensors.get(name)
  if (tensor === undefined) throw new Error(`vector file must hold ${name}, got ${[...file.tensors.keys()]}`)
  if (!(tensor.data instanceof Float32Array)) throw new Error(`${name} must be F32, got F64`)
  return tensor.data
}

/** The samples that the expected PPO steps learn from. */
export function samplesOf({ minibatch }: GoldenCase): Minibatch {
  return {
    count: values(minibatch, 'advantage').length,
    observations: values(minibatch, 'obs'),
    actions: values(minibatch, 'action'),
    logProb: values(minibatch, 'log_prob'),
    advantage: values(minibatch, 'advantage'),
    returns: values(minibatch, 'return'),
  }
}

/** The case in a folder; throws where that is none. */
export function readGoldenCase(folder: string, name: string): GoldenCase {
  const read = (file: string) => decodeSafetensors(readFileSync(join(folder, name, `${file}.safetensors`)))
  const own = read('own')
  const architecture = inferArchitecture(own.tensors)
  const policy = policyLayout(architecture)
  const value = valueLayout(architecture)
  return {
    name,
    architecture,
    own: vectorFromTensors(policy, own.tensors, value),
    value: vectorFromTensors(value, own.tensors, policy),
    peer: vectorFromTensors(policy, read('peer').tensors),
    experience: read('experience'),
    fisher: read('fisher'),
    minibatch: read('minibatch'),
    rollout: read('rollout'),
    expected: JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8')),
  }
}
