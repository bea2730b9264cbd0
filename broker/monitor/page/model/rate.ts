/** Counts per second over the last few seconds, from a total that is read now and then. */
export class Rate {
  readonly #spanMs: number
  readonly #read: { readonly atMs: number; readonly total: number }[] = []

  constructor(spanMs = 3_000) {
    this.#spanMs = spanMs
  }

  /** Takes the total at `nowMs`; returns the rate per second, undefined until a second has been seen. */
  at(nowMs: number, total: number): number | undefined {
    const read = this.#read
    const last = read.at(-1)
    if (!last || nowMs - last.atMs >= 250) read.push({ atMs: nowMs, total })
    while (read.length > 2 && nowMs - (read[1]?.atMs ?? nowMs) >= this.#spanMs) read.shift()
    const first = read[0]
    if (!first || nowMs - first.atMs < 900) return undefined
    return (1_000 * (total - first.total)) / (nowMs - first.atMs)
  }
}
