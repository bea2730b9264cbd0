import { clopperPearson, type Proportion } from '../statistics/clopper-pearson.ts'

/** How a reading fared over all pairs. */
export interface ReadingFigures {
  readonly accepted: Proportion
  /** Accepted mixes that lowered η. */
  readonly fell: Proportion
  /** Of the accepted mixes; null without any. */
  readonly meanAlpha: number | null
  readonly medianAlpha: number | null
  /** Mean of (1 − γ)(η(π_new) − η(π)) over the accepted mixes, in rewards per step; null without any. */
  readonly meanGain: number | null
  /** Sum of the gains of all accepted mixes over the sum of the largest gains that any α would have had. */
  readonly shareOfPossible: number
}

export interface Outcome {
  readonly alpha: number
  /** (1 − γ)(η(π_new) − η(π)). */
  readonly gain: number
  readonly fell: boolean
}

export interface Tally {
  /** `outcome` is undefined where the reading rejected. */
  count(outcome: Outcome | undefined, possible: number): void
  figures(): ReadingFigures
}

export function createTally(): Tally {
  const alphas: number[] = []
  let [considered, fell, gain, possibleSum] = [0, 0, 0, 0]
  return {
    count(outcome, possible) {
      considered++
      possibleSum += possible
      if (!outcome) return
      alphas.push(outcome.alpha)
      gain += outcome.gain
      if (outcome.fell) fell++
    },
    figures() {
      const accepted = alphas.length
      return {
        accepted: clopperPearson(accepted, considered),
        fell: clopperPearson(fell, accepted),
        meanAlpha: accepted === 0 ? null : alphas.reduce((a, b) => a + b, 0) / accepted,
        medianAlpha: Float64Array.from(alphas).sort()[Math.floor(accepted / 2)] ?? null,
        meanGain: accepted === 0 ? null : gain / accepted,
        shareOfPossible: gain / possibleSum,
      }
    },
  }
}

/** A count of those that are and of all. */
export interface Shares {
  readonly yes: number
  readonly of: number
  count(yes: boolean): void
}

export function createShares(): Shares {
  let [yes, of] = [0, 0]
  return {
    get yes() {
      return yes
    },
    get of() {
      return of
    },
    count(is) {
      of++
      if (is) yes++
    },
  }
}
