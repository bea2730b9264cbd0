import { certified } from '../core/certified.ts'
import type { PeerMethod } from './method.ts'

/**
 * Beyond the letter: judges the policy that would really run by a lower confidence bound of its advantage over the own one
 * (`docs/algorithm.md`).
 */
export const certifiedMixing: PeerMethod = {
  name: 'certified',
  source: 'peers',
  consider({ engine, own, other, replay, samples, streams, identity, certified: options }) {
    const evidence = replay.draw(samples, streams.replay)
    return certified({ engine, own, peer: other, evidence, states: replay.newest(samples), options, identity })
  },
}
