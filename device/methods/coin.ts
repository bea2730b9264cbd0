import { createRng } from '../core/rng.ts'
import { considerGated } from './gated.ts'
import type { PeerMethod } from './method.ts'

/**
 * A control of `gated`: the same procedure, but a coin decides whether to mix, not the sign of A; α comes from the bound with
 * |A|. What it reaches, the evidence has no part in. One draw for every peer and round, from (seed, vehicle, 'coin',
 * epoch, step, peer), whether it is needed or not.
 */
export const coin: PeerMethod = {
  name: 'coin',
  source: 'peers',
  consider(input) {
    const { vehicle, identity } = input
    const { seed, epoch, step } = input.round
    const stream = createRng(seed, vehicle, 'coin', epoch, step, identity.peerId ?? '')
    const heads = stream.uniform() < input.coinProbability
    const { verdict, ...mixed } = considerGated(input, () => heads)
    return { verdict: { ...verdict, mode: 'coin' }, ...mixed }
  },
}
