/** A clock that moves only where it is told to; what is due on the way is done in order of time, then of asking. */
export interface VirtualClock {
  readonly now: () => number
  readonly later: (ms: number, work: () => void) => void
  /** Moves by `ms`, doing what falls due; lets everything that waits for a resolved promise run before and after. */
  readonly sleep: (ms: number) => Promise<void>
  /** Moves on, 50 ms at a time, calling `tick`, until the promise has a result. */
  drive<T>(result: Promise<T>, tick: () => void): Promise<T>
}

export function createVirtualClock(): VirtualClock {
  let time = 0
  let order = 0
  const pending: { readonly at: number; readonly order: number; readonly work: () => void }[] = []

  const sleep = async (ms: number): Promise<void> => {
    const end = time + ms
    await turn()
    for (;;) {
      pending.sort((a, b) => a.at - b.at || a.order - b.order)
      if (!(pending[0] && pending[0].at <= end)) break
      const next = pending.shift()
      time = Math.max(time, next?.at ?? time)
      next?.work()
      await turn()
    }
    time = end
  }

  return {
    now: () => time,
    later: (ms, work) => void pending.push({ at: time + ms, order: order++, work }),
    sleep,
    async drive(result, tick) {
      let over = false
      const end = (): void => {
        over = true
      }
      result.then(end, end)
      for (await turn(); !over; await turn()) {
        await sleep(50)
        tick()
      }
      return await result
    },
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
