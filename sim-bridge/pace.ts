import { Histogram } from './report/histogram.ts'

export interface PaceOptions {
  /** Clock time of one step, ms: step length / real-time factor. */
  readonly periodMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Resolves after about `ms`, never before messages that have come were handed on; 0 too. */
  readonly sleep: (ms: number) => Promise<void>
}

/**
 * The schedule of steps in real time. Step k of an epoch is due at start + k · period, reckoned from the start each time, so
 * that no error adds up. A late step begins at once and those after it keep their places: the schedule is caught up with. A
 * step that is later than `rebaseAfterPeriods` moves the start so that it is due now, which is counted.
 */
export interface Pace {
  readonly periodMs: number
  /** Starts an epoch: its step 0 is due one period from now, so that devices have a whole period to answer for it. */
  begin(): void
  /** Resolves when step k is due. */
  due(k: number): Promise<void>
  /** Actual − due begin of every step, ms. */
  readonly jitter: Histogram
  /** How often a start was moved, and by how much in all. */
  readonly rebases: number
  readonly lostMs: number
}

/** As long as an action is held at least (1 s of simulated time): catching up with more would use that up by itself. */
export const rebaseAfterPeriods = 10

export function createPace({ periodMs, now, sleep }: PaceOptions): Pace {
  const jitter = new Histogram()
  let start = 0
  let rebases = 0
  let lostMs = 0
  return {
    periodMs,
    begin() {
      start = now() + periodMs
    },
    async due(k) {
      const due = start + k * periodMs
      do await sleep(Math.max(0, due - now()))
      while (now() < due)
      const late = now() - due
      jitter.record(late)
      if (late <= rebaseAfterPeriods * periodMs) return
      start += late
      lostMs += late
      rebases++
    },
    jitter,
    get rebases() {
      return rebases
    },
    get lostMs() {
      return lostMs
    },
  }
}
