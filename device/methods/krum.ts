import { isEnoughForKrum, krum as leastScore } from '../core/robust.ts'
import type { RoundMethod } from './method.ts'
import { considerRobustly } from './robust-round.ts'

/**
 * Takes that policy of the round, maybe the own one, that lies nearest to its n − f − 2 nearest others (Blanchard, El Mhamdi,
 * Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NIPS 2017,
 * arXiv:1703.02757, on parameters instead of gradients). Keeps the own policy where there are not more than 2f + 2.
 */
export const krum: RoundMethod = {
  name: 'krum',
  source: 'round',
  considerRound: (input) =>
    considerRobustly(
      'krum',
      ({ policies, byzantine }) => {
        if (!isEnoughForKrum(policies.length, byzantine)) return 'too-few-policies'
        const chosen = leastScore(policies, byzantine)
        const weights = policies.map((_, i) => (i === chosen ? 1 : 0))
        return { policy: Float32Array.from(policies[chosen] ?? []), weights }
      },
      input,
    ),
}
