import { gateAndMix } from '../core/gate.ts'
import { gaussianSample } from '../core/gaussian.ts'
import { policyLayout, slotOf } from '../core/parameters.ts'
import type { States } from '../core/replay.ts'
import type { Consideration, Decision, PeerMethod } from './method.ts'

/**
 * DRL-PA: mixing gated by Theorem 1 (Xu, Li, Zhao: Trustable Policy Collaboration Scheme for Multi-Agent Stigmergic
 * Reinforcement Learning, IEEE Communications Letters 26(4), 2022, Algorithm 1).
 */
export const gated: PeerMethod = { name: 'gated', source: 'peers', consider: (input) => considerGated(input) }

/** Judges a policy by the gate and mixes it with the α that the bound allows; `admits` is what a control decides by. */
export function considerGated(input: Consideration, admits?: (policyAdvantage: number) => boolean): Decision {
  const { engine, own, other, replay, samples, streams } = input
  return gateAndMix({
    engine,
    own,
    peer: other,
    evidence: replay.draw(samples, streams.replay),
    states: statesOf(input),
    options: input.gate,
    identity: input.identity,
    ...(admits && { admits }),
  })
}

/** The newest states; for (17) with actions drawn afresh from the current policy, since no stored action is from it. */
function statesOf({ engine, own, replay, samples, gate: { estimator }, streams }: Consideration): States {
  const { count, observations } = replay.newest(samples)
  if (estimator !== 'sampled') return { count, observations }
  const { actionSize } = engine.architecture
  const mean = new Float64Array(count * actionSize)
  const actions = new Float64Array(count * actionSize)
  engine.policyMean(own, observations, count, mean)
  const { offset } = slotOf(policyLayout(engine.architecture), 'log_std')
  gaussianSample(mean, count, actionSize, own, offset, streams.fisher, actions)
  return { count, observations, actions }
}
