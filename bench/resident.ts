import { readFileSync } from 'node:fs'

/** What Linux counts as resident of a process, in MB; NaN where it can't be read. */
export function residentMegabytes(pid: number | undefined): number {
  try {
    const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    return (1024 * kilobytes) / 1e6
  } catch {
    return Number.NaN
  }
}
