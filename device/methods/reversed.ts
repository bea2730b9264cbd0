import { considerGated } from './gated.ts'
import type { PeerMethod } from './method.ts'

/**
 * A control of `gated`: accepts where A < 0 and rejects where A > 0; α comes from the bound with |A|. Where it does worse than
 * `coin`, the sign of A says something.
 */
export const reversed: PeerMethod = {
  name: 'reversed',
  source: 'peers',
  consider(input) {
    const { verdict, ...mixed } = considerGated(input, (policyAdvantage) => policyAdvantage < 0)
    return { verdict: { ...verdict, mode: 'reversed' }, ...mixed }
  },
}
