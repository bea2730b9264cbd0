import type { VehicleIo } from './io.ts'

/** Whether a device gets on with what it is asked. */
export interface Progress {
  /** The port to hand to the device in place of the one that is watched. */
  readonly io: VehicleIo
  /** A step of learning was made. */
  stepped(): void
  /**
   * False where learning made no step since this was last called, and where the last question ended in an error: the process
   * lives, but no car is driven by it. A device that is asked nothing, or waits for its peers, gets on.
   */
  advanced(): boolean
  /** 99th percentile (nearest rank) of the times from question to decision since this was last called, ms. */
  tickP99(): number | undefined
}

/** Watches a device through the questions that its port hands it; `now` is a monotonic clock in ms. */
export function watchProgress(io: VehicleIo, now: () => number): Progress {
  const ticks = createTicks()
  let learning = 0
  let steps = 0
  let failed = false

  const attempt = <T>(answer: () => T): T => {
    failed = true
    const given = answer()
    failed = false
    return given
  }

  const settle = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const given = await answer
      failed = false
      return given
    } catch (error) {
      failed = true
      throw error
    }
  }

  return {
    io: {
      start(handlers) {
        io.start({
          reset: (start) => attempt(() => handlers.reset(start)),
          decide(observation, outcome) {
            const askedAt = now()
            const decision = attempt(() => handlers.decide(observation, outcome))
            ticks.add(now() - askedAt)
            return decision
          },
          end: () => attempt(() => handlers.end()),
          mix: (round) => settle(handlers.mix(round)),
          async learn(at, closing) {
            learning++
            try {
              return await settle(handlers.learn(at, closing))
            } finally {
              learning--
            }
          },
        })
      },
    },
    stepped() {
      steps++
    },
    advanced() {
      const advanced = !failed && (learning === 0 || steps > 0)
      steps = 0
      return advanced
    },
    tickP99: ticks.take,
  }
}

/** The newest times, enough for a round of decisions at ten a second. */
function createTicks() {
  const times = new Float64Array(1024)
  let count = 0
  return {
    add(ms: number): void {
      times[count++ % times.length] = ms
    },
    take(): number | undefined {
      const known = Math.min(count, times.length)
      count = 0
      const p99 = times.slice(0, known).sort()[Math.ceil(0.99 * known) - 1]
      return p99 === undefined ? undefined : Math.round(1_000 * p99) / 1_000
    },
  }
}
