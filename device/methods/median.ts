import { coordinateMedian, isEnoughToTrim } from '../core/robust.ts'
import type { RoundMethod } from './method.ts'
import { considerRobustly } from './robust-round.ts'

/**
 * Takes the coordinate-wise median of all policies of the round, the own one included (Yin, Chen, Ramchandran, Bartlett:
 * Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018, arXiv:1803.01498, option I of its
 * algorithm 1, on parameters instead of gradients). Keeps the own policy where there are not more than 2f.
 */
export const median: RoundMethod = {
  name: 'median',
  source: 'round',
  considerRound: (input) =>
    considerRobustly(
      'median',
      ({ policies, byzantine }) =>
        isEnoughToTrim(policies.length, byzantine) ? { policy: coordinateMedian(policies) } : 'too-few-policies',
      input,
    ),
}
