import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  type Architecture,
  createRng,
  encodeSafetensors,
  initialPolicy,
  policyLayout,
  slotOf,
  tensorsFromVector,
} from '../../device/core/index.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { answer } from './cli.ts'

/** A policy file to exchange, and rows of observations with the actions that the reference engine takes. */
export interface Specimen {
  readonly path: string
  readonly policy: Float64Array
  readonly architecture: Architecture
  /** [rows][observationSize] float32 values */
  readonly observations: number[][]
  /** [rows][actionSize] */
  readonly actions: number[][]
}

/** Writes a policy whose values are hard to carry over: −0, the smallest and other small float32, no short decimals. */
export function awkwardPolicy(path: string, architecture: Architecture, seed: number): Specimen {
  const layout = policyLayout(architecture)
  const rng = createRng(seed, 'awkward')
  const policy = initialPolicy(architecture, rng, 0).map((x) => Math.fround(x + 0.5 * rng.uniform() - 0.25))
  for (const { offset, size } of layout.tensors) {
    policy[offset] = -0
    if (size > 1) policy[offset + 1] = 2 ** -149
  }
  const { offset, size } = slotOf(layout, 'log_std')
  for (let i = 2; i < size; i++) policy[offset + i] = Math.fround(-i / 10)
  const names = (count: number, name: string): string =>
    JSON.stringify(Array.from({ length: count }, (_, i) => `${name} ${i} “é”`))
  const metadata = new Map([
    ['format', 'trustmix-policy/1'],
    ['observationNames', names(architecture.observationSize, 'seen')],
    ['actionNames', names(architecture.actionSize, 'done')],
  ])
  writeFileSync(path, encodeSafetensors({ tensors: tensorsFromVector(layout, policy), metadata }))
  return specimen(path, architecture, policy, rng.uniform)
}

/** 50 rows of observations in [−1, 1) and what the reference engine does with them. */
export function specimen(
  path: string,
  architecture: Architecture,
  policy: Float64Array,
  uniform: () => number,
): Specimen {
  const rows = 50
  const { observationSize, actionSize } = architecture
  const observations = Float32Array.from({ length: rows * observationSize }, () => 2 * uniform() - 1)
  const actions = new Float64Array(rows * actionSize)
  createReferenceEngine(architecture).policyMean(policy, observations, rows, actions)
  const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
    Array.from({ length: rows }, (_, r) => Array.from({ length: width }, (_, i) => values[r * width + i] as number))
  return {
    ...{ path, policy, architecture },
    ...{ observations: rowsOf(observations, observationSize), actions: rowsOf(actions, actionSize) },
  }
}

/** The largest |found − wanted| over two tables of one shape; NaN where the shapes differ. */
export function largestDifference(
  found: readonly (readonly number[])[],
  wanted: readonly (readonly number[])[],
): number {
  if (found.length !== wanted.length) return Number.NaN
  const differences = wanted.flatMap((row, r) => row.map((x, i) => Math.abs((found[r]?.[i] ?? Number.NaN) - x)))
  return differences.reduce((largest, x) => Math.max(largest, x), 0)
}

/** What a policy is exchanged as. */
export const formats = ['tfjs', 'onnx', 'safetensors'] as const

/** One small policy in every format: 2 observations, hidden layers of 3 and 2, 2 actions. */
export async function writtenPolicies(
  t: Test,
): Promise<Record<(typeof formats)[number] | 'weights' | 'directory', string>> {
  const directory = t.testdir()
  const source = join(directory, 'source.safetensors')
  awkwardPolicy(source, { observationSize: 2, actionSize: 2, hidden: [3, 2] }, 1)
  for (const format of formats)
    await answer(t, ['policy', 'export', source, '--format', format, '--out', join(directory, format)])
  return {
    ...{ directory, tfjs: join(directory, 'tfjs', 'model.json'), weights: join(directory, 'tfjs', 'weights.bin') },
    ...{ onnx: join(directory, 'onnx'), safetensors: join(directory, 'safetensors') },
  }
}
