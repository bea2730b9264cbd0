export interface SlicerOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Longest time without a pause, ms; the step that is under way is finished first. */
  readonly sliceMs: number
  /** Resolves after everything that waits has had its turn. */
  readonly turn: () => Promise<void>
}

/** A function to call between steps of long work: a promise to wait for where the slice is used up. */
export function createSlicer({ now, sliceMs, turn }: SlicerOptions): () => Promise<void> | undefined {
  let since = Number.NEGATIVE_INFINITY
  return () => {
    if (now() - since < sliceMs) return undefined
    return turn().then(() => {
      since = now()
    })
  }
}
