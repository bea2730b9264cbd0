import type { WatchView } from './view/watch-view.ts'

/** Something with cars to look at: a world of its own or a running fleet. */
export interface Watched {
  /** The keys it knows, for the last line. */
  readonly keys: string
  /** Resolves when `seconds` of an epoch have been driven; ExitError 3 where that cannot be waited for. */
  until(seconds: number): Promise<void>
  /** Lets `ms` of real time go by. */
  pass(ms: number): Promise<void>
  key(key: string): void
  /** What is to be seen now; undefined as long as there is nothing, `notice` then says why. */
  view(): Omit<WatchView, 'foot'> | undefined
  readonly notice?: string
  close(): Promise<void>
}
