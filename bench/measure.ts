/** One figure: minimum and median over repetitions of the same work. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly minimum: number
  readonly median: number
  readonly repetitions: number
  /** What exactly was done, in one line. */
  readonly about: string
  /** The machine's calibration while this was measured, µs, where it was taken in between. */
  readonly calibrationUs?: number
}

/** A figure from its repetitions. Throws without one. */
export function figureOf(name: string, unit: string, values: readonly number[], about: string): Figure {
  if (values.length === 0) throw new Error(`${name} must have at least one repetition, got none`)
  return { name, unit, minimum: Math.min(...values), median: median(values), repetitions: values.length, about }
}

/** Middle value; the mean of the two middle ones where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/**
 * CPU time of this process per call of `work` in µs: after a warm-up, `repetitions` batches of `batch` calls each. Other
 * processes on the machine blur it less than the clock. Work leaves something behind, so that it can't be optimised away.
 */
export function timeCpuUs(work: () => void, { batch, repetitions }: { batch: number; repetitions: number }): number[] {
  for (let i = 0; i < batch; i++) work()
  return Array.from({ length: repetitions }, () => {
    const start = cpuUs()
    for (let i = 0; i < batch; i++) work()
    return (cpuUs() - start) / batch
  })
}

/** CPU time of this process so far, µs. */
export function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** `timeCpuUs` for several kinds of work in turns, so that a change of the machine's speed hits all alike. */
export function timeInTurnsUs<K extends string>(
  work: Readonly<Record<K, () => void>>,
  { batch, repetitions }: { batch: number; repetitions: number },
): Record<K, number[]> {
  const times = Object.fromEntries(Object.keys(work).map((name) => [name, [] as number[]])) as Record<K, number[]>
  for (let r = 0; r < repetitions; r++)
    for (const name of Object.keys(work) as K[]) times[name].push(...timeCpuUs(work[name], { batch, repetitions: 1 }))
  return times
}
