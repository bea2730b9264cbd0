import type { TaskName } from './contender.ts'

/** First line of a contender's process, once it has computed its first action. */
export interface Ready {
  readonly ready: true
  /** Versions, arithmetic, threads. */
  readonly about: string
  readonly tasks: readonly TaskName[]
  readonly residentBytes: number
  /** CPU time since the process began. */
  readonly cpuMs: number
}

/** Run the work `calls` times, or give the numbers of its defined instance. */
export type Request =
  | { readonly task: TaskName; readonly calls: number }
  | { readonly task: TaskName; readonly result: true }

/** Times per call; with the numbers where they were asked for. */
export interface Answer {
  readonly wallUs: number
  readonly cpuUs: number
  readonly values?: readonly number[]
}
