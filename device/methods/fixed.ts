import type { PeerMethod } from './method.ts'
import { mixUnconditionally } from './unconditional.ts'

/** DRL-DE: mixes with every peer by a fixed metric (0.5 in the letter's section IV). */
export const fixed: PeerMethod = {
  name: 'fixed',
  source: 'peers',
  consider: (input) => mixUnconditionally('fixed', input.fixedAlpha, input),
}
