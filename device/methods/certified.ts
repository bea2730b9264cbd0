import { certified } from '../core/certified.ts'
import type { Method } from './method.ts'

/**
 * Beyond the letter: judges the policy that would really run by a lower confidence bound of its advantage, on samples that the
 * own policy has not been fitted to (`docs/algorithm.md`).
 */
export const certifiedMixing: Method = {
  name: 'certified',
  source: 'peers',
  consider(input) {
    const { engine, own, other, replay, samples, streams, heldOut, before, judgeBefore } = input
    const evidence = heldOut.count > 0 ? heldOut : replay.draw(samples, streams.replay)
    return certified({
      engine,
      own,
      peer: other,
      evidence,
      states: replay.newest(samples),
      options: input.certified,
      identity: input.identity,
      ...(judgeBefore && before ? { reference: before } : {}),
    })
  },
}
