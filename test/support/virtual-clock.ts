/** A clock that moves only from one thing that is due to the next, in order of time, then of asking. */
export interface VirtualClock {
  readonly now: () => number
  readonly later: (ms: number, work: () => void) => void
  readonly sleep: (ms: number) => Promise<void>
  /** Moves by `ms`, doing what falls due. */
  advance(ms: number): Promise<void>
  /** Moves on until the promise has a result. */
  drive<T>(result: Promise<T>): Promise<T>
}

export function createVirtualClock(): VirtualClock {
  let time = 0
  let order = 0
  const pending: { readonly at: number; readonly order: number; readonly work: () => void }[] = []

  const later = (ms: number, work: () => void): void => {
    pending.push({ at: time + ms, order: order++, work })
    pending.sort((a, b) => a.at - b.at || a.order - b.order)
  }

  /** Does what is due next, if it is due by `end`; then lets everything run that waits for a resolved promise. */
  const next = async (end: number): Promise<boolean> => {
    if (!(pending[0] && pending[0].at <= end)) return false
    const { at, work } = pending.shift() as (typeof pending)[number]
    time = at
    work()
    await turn()
    return true
  }

  return {
    now: () => time,
    later,
    sleep: (ms) => new Promise((resolve) => later(ms, resolve)),
    async advance(ms) {
      const end = time + ms
      await turn()
      while (await next(end));
      time = end
    },
    async drive(result) {
      let over = false
      const end = (): void => {
        over = true
      }
      result.then(end, end)
      await turn()
      while (!over)
        if (!(await next(Number.POSITIVE_INFINITY))) throw new Error('nothing is due, and the result has not come')
      return await result
    },
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
