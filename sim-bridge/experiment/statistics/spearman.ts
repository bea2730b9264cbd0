/** Spearman's rank correlation, ties with their mean rank; NaN where one of the two does not vary. Throws on unequal lengths. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length) throw new Error(`both must have ${x.length} values, got ${y.length}`)
  const [a, b] = [ranks(x), ranks(y)]
  // Mean ranks add up to n(n + 1)/2 whatever the ties.
  const middle = (x.length + 1) / 2
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    const [u, v] = [(a[i] ?? 0) - middle, (b[i] ?? 0) - middle]
    ab += u * v
    aa += u * u
    bb += v * v
  }
  return ab / Math.sqrt(aa * bb)
}

/** From 1; equal values share their mean rank. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((value, i) => ({ value, i })).sort((p, q) => p.value - q.value)
  const out = new Array<number>(values.length).fill(0)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to < order.length && order[to]?.value === order[from]?.value) to++
    for (const { i } of order.slice(from, to)) out[i] = (from + 1 + to) / 2
    from = to
  }
  return out
}
