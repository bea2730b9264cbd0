import { setTimeout as sleep } from 'node:timers/promises'

/** Real time: step k of an epoch begins no earlier than k step lengths after its first; a late step is not made up for. */
export function createPace(stepLength: number): (step: number) => Promise<void> {
  let next = 0
  return async (step) => {
    const now = performance.now()
    if (step === 0 || now > next + 1_000 * stepLength) next = now
    if (next > now) await sleep(next - now)
    next += 1_000 * stepLength
  }
}
