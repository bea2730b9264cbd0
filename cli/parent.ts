import { exitCodes } from '../schemas/exit.ts'

/** What a process hears from outside: signals, and its supervisor over the IPC channel. */
export interface Parent {
  /** Resolves at the first SIGINT, SIGTERM, word to stop, or death of the supervisor. */
  readonly stopped: Promise<void>
  /** Calls back at each further request to stop, and at once where there has been one. */
  readonly interrupts: (handler: () => void) => void
  /** Tells the supervisor; nothing where there is none. */
  readonly tell: (message: unknown) => void
  /** Lets the process end. */
  readonly release: () => void
}

/** Messages from supervisor to process. */
export type Order = { readonly kind: 'stop' } | { readonly kind: 'stop-now' }

export function followParent(): Parent {
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const handlers: (() => void)[] = []
  let asked = 0
  const request = (): void => {
    stop()
    if (asked++ > 0) for (const handler of handlers) handler()
    // Whoever asks a fourth time does not want to wait for anything.
    if (asked > 3) process.exit(exitCodes.interrupted)
  }
  process.on('SIGINT', request)
  process.on('SIGTERM', request)
  // A supervisor that died leaves no orphans behind.
  process.on('disconnect', () => {
    request()
    request()
  })
  process.on('message', (order: Order) => {
    if (order.kind === 'stop-now' && asked === 0) request()
    request()
  })
  if (!process.send) process.removeAllListeners('message')
  else if (!process.connected) {
    // It died before anybody here listened.
    request()
    request()
  }
  return {
    stopped,
    interrupts(handler) {
      handlers.push(handler)
      if (asked > 1) handler()
    },
    tell(message) {
      if (process.connected) process.send?.(message)
    },
    release() {
      process.removeAllListeners('disconnect')
      process.removeAllListeners('message')
      if (process.connected) process.disconnect()
    },
  }
}
