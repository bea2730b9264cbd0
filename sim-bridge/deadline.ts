export interface DeadlineOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Clock time of a step, ms; undefined in lock-step, where no step begins without its answers. */
  readonly periodMs?: number | undefined
  /** Clock time that a device has for an answer, ms; undefined: until the step that the answer is for begins. */
  readonly deadlineMs?: number | undefined
}

/** Says which decisions missed their deadline. */
export interface Deadline {
  readonly now: () => number
  /** Judges a decision without an answer when the step that it is for begins. */
  atStep(dueAtMs: number): 'missed' | 'unjudged' | 'in-time'
  /** Judges a decision when its answer comes. */
  atAnswer(dueAtMs: number): 'missed' | 'in-time'
}

/**
 * The rule: an answer misses its deadline when the step that it is for begins without it, or, where a time is given, when it
 * comes later than that after it fell due. A step that begins less than half a period after its decisions fell due, because
 * the bridge itself was late and catches up, says nothing about a device: those decisions are not judged.
 */
export function createDeadline({ now, periodMs, deadlineMs }: DeadlineOptions): Deadline {
  return {
    now,
    atStep(dueAtMs) {
      if (deadlineMs !== undefined || periodMs === undefined) return 'in-time'
      return now() - dueAtMs < periodMs / 2 ? 'unjudged' : 'missed'
    },
    atAnswer: (dueAtMs) => (deadlineMs !== undefined && now() - dueAtMs > deadlineMs ? 'missed' : 'in-time'),
  }
}
