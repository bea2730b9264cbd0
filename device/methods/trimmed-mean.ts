import { isEnoughToTrim, trimmedMean as meanWithoutExtremes } from '../core/robust.ts'
import type { RoundMethod } from './method.ts'
import { considerRobustly } from './robust-round.ts'

/**
 * Takes the coordinate-wise mean of all policies of the round, the own one included, without the f least and f greatest
 * values (Yin, Chen, Ramchandran, Bartlett, ICML 2018, arXiv:1803.01498, option II of its algorithm 1, on parameters
 * instead of gradients). Keeps the own policy where there are not more than 2f.
 */
export const trimmedMean: RoundMethod = {
  name: 'trimmed-mean',
  source: 'round',
  considerRound: (input) =>
    considerRobustly(
      'trimmed-mean',
      ({ policies, byzantine }) =>
        isEnoughToTrim(policies.length, byzantine)
          ? { policy: meanWithoutExtremes(policies, byzantine) }
          : 'too-few-policies',
      input,
    ),
}
