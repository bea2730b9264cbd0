import { spawn } from 'node:child_process'

/** The service manager that started this process, told how it goes. */
export interface ServiceManager {
  /**
   * Call it from the loop that does the work, a few times a second. The first call says that the service is ready, a new
   * `status` is passed on, and the watchdog is fed once per third of its time if `advanced` says that the work got on.
   */
  tick(status: string, advanced: () => boolean): void
  /** The service is about to end. */
  stopping(): void
}

/**
 * systemd's notification protocol (sd_notify(3), https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html), through
 * `systemd-notify`, since Node has no datagram sockets: the unit needs `NotifyAccess=all`. Undefined where the environment
 * names no socket. `now` is in monotonic ms; `onTrouble` is told once.
 */
export function createServiceManager(
  environment: NodeJS.ProcessEnv,
  pid: number,
  now: () => number,
  onTrouble: (text: string) => void,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs, WATCHDOG_PID: watched, PATH } = environment
  if (!socket) return undefined
  const isWatched = Number(watchdogUs) > 0 && (watched === undefined || Number(watched) === pid)
  const beatEveryMs = isWatched ? Number(watchdogUs) / 3_000 : Number.POSITIVE_INFINITY
  let said = ''
  let beatAt = Number.NEGATIVE_INFINITY
  let silentUntil = Number.NEGATIVE_INFINITY
  let busy = false
  let troubled = false

  const notify = (words: readonly string[], done: (passedOn: boolean) => void = () => {}): void => {
    const trouble = (why: string): void => {
      if (!troubled) onTrouble(`the service manager was not told ${words.join(' ')}: ${why}`)
      troubled = true
      done(false)
    }
    spawn('systemd-notify', words, { stdio: 'ignore', env: { NOTIFY_SOCKET: socket, PATH } })
      .once('error', (error) => trouble(error.message))
      .once('exit', (code) => (code === 0 ? done(true) : trouble(`systemd-notify ended with ${code}`)))
  }

  return {
    tick(status, advanced) {
      const time = now()
      if (busy || time < silentUntil) return
      const saying = status === said ? [] : ['READY=1', `STATUS=${status}`]
      const beats = time - beatAt >= beatEveryMs && advanced() ? ['WATCHDOG=1'] : []
      if (saying.length + beats.length === 0) return
      busy = true
      if (beats.length > 0) beatAt = time
      notify([...saying, ...beats], (passedOn) => {
        busy = false
        if (passedOn) said = status
        else silentUntil = now() + retryMs
      })
    },
    stopping() {
      notify(['STOPPING=1', 'STATUS=ending'])
    },
  }
}

/** Each try is a process: not many of them where none is heard. */
const retryMs = 1_000
