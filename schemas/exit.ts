/** Exit codes of every command, as documented in its help. */
export const exitCodes = {
  ok: 0,
  /** Bad usage or configuration. */
  usage: 2,
  /** A peer or server is not reachable, or a program that is needed is not installed. */
  unreachable: 3,
  /** Damaged data. */
  damaged: 4,
  /** A run that was judged did not keep a limit, or a vehicle refused a command. */
  failed: 5,
  /** A defect of ours. */
  internal: 70,
  interrupted: 130,
} as const

export type ExitName = keyof typeof exitCodes

/** An expected end of a command: its message is for the user, its code one of the documented list. */
export class ExitError extends Error {
  readonly code: number
  constructor(name: ExitName, message: string) {
    super(message)
    this.name = 'ExitError'
    this.code = exitCodes[name]
  }
}
