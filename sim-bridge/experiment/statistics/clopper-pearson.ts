import jStat from 'jstat'

/** A proportion with its confidence interval. */
export interface Proportion {
  readonly successes: number
  readonly trials: number
  /** successes / trials; NaN without trials. */
  readonly rate: number
  readonly lower: number
  readonly upper: number
}

/**
 * Exact binomial interval (Clopper and Pearson 1934, Biometrika 26(4)): the quantiles α/2 of Beta(x, n − x + 1) and 1 − α/2
 * of Beta(x + 1, n − x), α = 1 − `confidence`. Without trials nothing is known: [0, 1]. Throws on counts that are none.
 */
export function clopperPearson(successes: number, trials: number, confidence = 0.95): Proportion {
  if (!(Number.isInteger(trials) && trials >= 0)) throw new Error(`trials must be a whole number, got ${trials}`)
  if (!(Number.isInteger(successes) && successes >= 0 && successes <= trials))
    throw new Error(`successes must be in 0…${trials}, got ${successes}`)
  if (!(confidence > 0 && confidence < 1)) throw new Error(`confidence must be in (0, 1), got ${confidence}`)
  const tail = (1 - confidence) / 2
  return {
    successes,
    trials,
    rate: successes / trials,
    lower: successes === 0 ? 0 : jStat.beta.inv(tail, successes, trials - successes + 1),
    upper: successes === trials ? 1 : jStat.beta.inv(1 - tail, successes + 1, trials - successes),
  }
}

/** `31.2 % [28.0, 34.6]`; a dash without trials. */
export function proportionText({ rate, lower, upper, trials }: Proportion, digits = 1): string {
  if (trials === 0) return '–'
  const percent = (x: number): string => (100 * x).toFixed(digits)
  return `${percent(rate)} % [${percent(lower)}, ${percent(upper)}]`
}
