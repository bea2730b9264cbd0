import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A collection of all garbage, when it is called. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  return () => {
    collect()
    collect() // the first one may leave buffers to a thread that sweeps
  }
}

/**
 * Bytes by which the heap is larger after `work` than before it: the least of three times, since what leaks does so every
 * time, while V8 compiles and flushes some 0.2 MB now and then.
 */
export function heapGrowth(work: () => void): number {
  const collect = garbageCollector()
  work()
  return Math.min(
    ...[1, 2, 3].map(() => {
      collect()
      const before = process.memoryUsage().heapUsed
      work()
      collect()
      return process.memoryUsage().heapUsed - before
    }),
  )
}
