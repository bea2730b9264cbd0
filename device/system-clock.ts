import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from './clock.ts'

export interface SystemClockOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** The configuration vouches for the clock. */
  readonly trusted: boolean
  /** Where `run` and `sys` of the system lie; `/` unless for a test. */
  readonly root?: string
}

/** Files are looked at this often. */
const lookEveryMs = 5_000
/** The program is asked this often, and no more once it has said yes. */
const askEveryMs = 30_000

/**
 * A function that tells `clock` what Linux says of its time; call it a few times a second, it looks every five seconds.
 * systemd-timesyncd leaves a file once it has set the clock; for other time daemons `timedatectl` passes on what the kernel
 * says (adjtimex(2), STA_UNSYNC). Where neither is there, NTP stays unknown.
 */
export function createSystemClock(clock: Clock, options: SystemClockOptions): () => void {
  const { now, trusted, root = '/' } = options
  const synchronizedFile = join(root, 'run/systemd/timesync/synchronized')
  const systemdFolder = join(root, 'run/systemd/system')
  const rtcFile = join(root, 'sys/class/rtc/rtc0/since_epoch')
  let lookedAt = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  let told: boolean | undefined

  const ask = (): void => {
    askedAt = now()
    // Loaded where it is needed: most units have the file, or nobody to ask.
    void import('node:child_process').then(({ execFile }) => {
      execFile('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], { timeout: 5_000 }, (error, stdout) => {
        if (!error) told = stdout.trim() === 'yes'
      })
    })
  }

  return () => {
    if (now() - lookedAt < lookEveryMs) return
    lookedAt = now()
    const bySystemd = existsSync(systemdFolder)
    const byFile = existsSync(synchronizedFile)
    if (!trusted && bySystemd && !byFile && told !== true && now() - askedAt >= askEveryMs) ask()
    const ntp = byFile || told
    const rtcMs = readSeconds(rtcFile)
    clock.observe({ trusted, ...(ntp !== undefined && { ntp }), ...(rtcMs !== undefined && { rtcMs }) })
  }
}

/** The battery-backed clock counts whole seconds. */
function readSeconds(path: string): number | undefined {
  try {
    const seconds = Number(readFileSync(path, 'utf8'))
    return seconds > 0 ? seconds * 1_000 : undefined
  } catch {
    return undefined
  }
}
