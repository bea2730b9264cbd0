import { log } from '../../../device/core/elementary.ts'
import { type PolicyAdvantage, policyAdvantage } from '../../../device/core/policy-advantage.ts'
import type { Rng } from '../../../device/core/rng.ts'
import { penaltyCoefficient, trustBound } from '../../../device/core/trust-bound.ts'
import type { Mix, Pair } from './pair.ts'
import { alphaGrid, margin } from './readings.ts'
import type { PathPoint } from './softmax-path.ts'

/** Samples (s, a) with s ~ (1 − γ) d_π, a ~ π, and the exact advantage of each. */
export interface Samples {
  readonly count: number
  /** Row of (s, a) in [states, actions]. */
  readonly row: Int32Array
  readonly advantage: Float64Array
  readonly logProb: Float64Array
  /** C with ε = max |A| over the samples. */
  readonly c: number
  /** q, mean over the samples' states. */
  readonly fisher: number
}

export function drawSamples({ mdp, own, path }: Pair, count: number, rng: Rng): Samples {
  const row = new Int32Array(count)
  const advantage = new Float64Array(count)
  const logProb = new Float64Array(count)
  let [epsilon, fisher] = [0, 0]
  for (let i = 0; i < count; i++) {
    const s = drawIndex(own.visitation, 1 / (1 - mdp.gamma), rng)
    const a = drawIndex(path.own.subarray(s * mdp.actions, (s + 1) * mdp.actions), 1, rng)
    row[i] = s * mdp.actions + a
    advantage[i] = own.advantage[row[i]!]!
    logProb[i] = log(path.own[row[i]!]!)
    epsilon = Math.max(epsilon, Math.abs(advantage[i]!))
    fisher += path.fisher[s]! / count
  }
  return { count, row, advantage, logProb, c: penaltyCoefficient(epsilon, mdp.gamma), fisher }
}

/** What a reading takes on samples: the mix it allows, or none. */
export type SampledReading = (pair: Pair, samples: Samples) => Mix | undefined

/**
 * The readings where A, ε and q come from samples. `z` standard errors are taken off A before it is compared, with 0 or with the
 * penalty C · mean KL over the samples' states; α itself comes from A as it is, as in the gate.
 */
export const sampledReadings = {
  theorem1: (pair, samples) => bounded('theorem1', pair, samples, 0),
  'theorem1, z = 1': (pair, samples) => bounded('theorem1', pair, samples, 1),
  strict: (pair, samples) => bounded('strict', pair, samples, 0),
  'strict, z = 1': (pair, samples) => bounded('strict', pair, samples, 1),
  'certified, z = 0': (pair, samples) => certified(pair, samples, 0),
  'certified, z = 1': (pair, samples) => certified(pair, samples, 1),
  'certified, z = 2': (pair, samples) => certified(pair, samples, 2),
} as const satisfies Record<string, SampledReading>

export type SampledReadingName = keyof typeof sampledReadings

function bounded(mode: 'theorem1' | 'strict', pair: Pair, samples: Samples, z: number): Mix | undefined {
  const { mean, standardError } = estimateOf(samples, pair.path.at(1))
  if (!(mean - z * standardError > 0)) return undefined
  const bound = trustBound(mode, mean / (1 - pair.mdp.gamma), samples.c, samples.fisher)
  const alpha = (1 - margin) * Math.min(1, bound)
  return alpha > 0 ? pair.mix(alpha) : undefined
}

function certified(pair: Pair, samples: Samples, z: number): Mix | undefined {
  for (const alpha of alphaGrid) {
    const mix = pair.mix(alpha)
    const { mean, standardError } = estimateOf(samples, mix)
    if ((mean - z * standardError) / (1 - pair.mdp.gamma) > samples.c * sampledKl(pair, samples, mix)) return mix
  }
  return undefined
}

/** Ā (16) on samples of the own policy. */
function estimateOf(samples: Samples, { policy }: PathPoint): PolicyAdvantage {
  const { count, row, logProb, advantage } = samples
  const next = new Float64Array(count)
  for (let i = 0; i < count; i++) next[i] = log(policy[row[i]!]!)
  return policyAdvantage(logProb, next, logProb, advantage, count)
}

function sampledKl({ mdp }: Pair, { count, row }: Samples, { kl }: Mix): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += kl[Math.floor(row[i]! / mdp.actions)]!
  return sum / count
}

/** Draws an index with probability weights[i] / total. */
function drawIndex(weights: Float64Array, total: number, rng: Rng): number {
  let left = rng.uniform() * total
  for (let i = 0; i < weights.length - 1; i++) {
    left -= weights[i]!
    if (left < 0) return i
  }
  return weights.length - 1
}
