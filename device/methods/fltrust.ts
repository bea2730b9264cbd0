import { trustedMean } from '../core/robust.ts'
import type { RoundMethod } from './method.ts'
import { considerRobustly } from './robust-round.ts'

/**
 * Weighs each peer's update by its cosine with the own one, at the own one's length (Cao, Fang, Liu, Gong: FLTrust:
 * Byzantine-robust Federated Learning via Trust Bootstrapping, NDSS 2021, arXiv:2012.13995). The own update of the round
 * stands for that of the paper's server, and takes part with trust 1; a peer's update is counted from the own θ before
 * learning, since no other is known here. Keeps the own policy in rounds in which nothing was learned. It has no f.
 */
export const fltrust: RoundMethod = {
  name: 'fltrust',
  source: 'round',
  considerRound: (input) =>
    considerRobustly(
      'fltrust',
      ({ policies, ownAt, own, before }) => {
        const mean = trustedMean(
          before,
          own,
          policies.filter((_, i) => i !== ownAt),
        )
        if (!mean) return 'too-few-samples'
        const weights = [...mean.weights]
        weights.splice(ownAt, 0, 1 - weights.reduce((sum, weight) => sum + weight, 0))
        return { policy: mean.policy, weights }
      },
      input,
    ),
}
