import type { Rng } from '../../device/core/rng.ts'
import type { Fault } from '../../schemas/faults.ts'
import type { Obs, Observation } from '../../schemas/lock-step.ts'
import { observationNames } from '../observation.ts'

/** A question as a fault of sensors or clocks changes it; the same object where it does not. */
export function falsified(question: Obs, fault: Fault, stepLength: number, draws: () => Rng): Obs {
  if (fault.kind === 'skew') return skewed(question, stepLength, fault.offsetS ?? 0, fault.ppm ?? 0)
  if (fault.kind === 'dropout' && question.kind === 'decide') {
    const { observation: _, ...rest } = question
    return rest
  }
  if (fault.kind !== 'noise' || !('observation' in question) || !question.observation) return question
  return { ...question, observation: noisy(question.observation, fault.sigma, draws()) }
}

/** Independent Gaussian errors, σ in m or m/s; drawn in the order of `observationNames`. */
function noisy(observation: Observation, sigma: Partial<Observation>, rng: Rng): Observation {
  const result = { ...observation }
  for (const name of observationNames) {
    const deviation = sigma[name]
    if (deviation !== undefined) result[name] += deviation * rng.normal()
  }
  return result
}

/** What the device is told of time is off by an offset and a rate: the step it is asked at, the length of a step. */
function skewed(question: Obs, stepLength: number, offsetS: number, ppm: number): Obs {
  const seconds = offsetS + (question.step * stepLength * ppm) / 1e6
  const step = Math.max(0, question.step + Math.round(seconds / stepLength))
  if (question.kind !== 'reset') return { ...question, step }
  return { ...question, step, stepLength: question.stepLength * (1 + ppm / 1e6) }
}
