import { noEvidence } from '../core/verdict.ts'
import type { Consideration, Decision } from './method.ts'

/** Mixes with a fixed α whatever the policy is; only its being finite was checked before. No evidence is taken. */
export function mixUnconditionally(mode: 'fixed' | 'average', alpha: number, input: Consideration): Decision {
  const verdict = {
    mode,
    estimator: null,
    accepted: true,
    reason: 'accepted',
    alpha,
    ...noEvidence,
    M: null,
    K: null,
    gamma: input.gate.gamma,
    ...input.identity,
  } as const
  return { verdict, policy: input.engine.mix(input.own, input.other, alpha) }
}
