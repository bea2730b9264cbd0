import { createRng } from './rng.ts'

/** The round of a run in which a link is drawn. */
export interface LinkRound {
  /** Of the run, so that both ends draw the same. */
  readonly seed: number
  readonly epoch: number
  readonly step: number
}

/**
 * Whether two vehicles hear each other in a round, with chance `probability` in [0, 1]: one draw per unordered pair and
 * round, from (seed, the ids in code-unit order, epoch, step), so that both ends agree without a message.
 */
export function linkIsUp(probability: number, { seed, epoch, step }: LinkRound, a: string, b: string): boolean {
  if (probability === 1) return true
  const [first, second] = a < b ? [a, b] : [b, a]
  return createRng(seed, 'link', first, second, epoch, step).uniform() < probability
}
