/**
 * sin(2π·turns) from + − × ÷ alone, the same bits on every processor: the Taylor series after folding into a quarter turn.
 * Absolute error below 1e-13 for |turns| < 1000.
 */
export function sineOfTurns(turns: number): number {
  let rest = turns - Math.round(turns)
  if (rest > 0.25) rest = 0.5 - rest
  else if (rest < -0.25) rest = -0.5 - rest
  const x = 2 * Math.PI * rest
  const square = x * x
  let sum = 1
  for (let n = terms; n >= 1; n--) sum = 1 - (square / (2 * n * (2 * n + 1))) * sum
  return x * sum
}

/** The next term is below 1e-17 at a quarter turn. */
const terms = 10
