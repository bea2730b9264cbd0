/** A subcommand of the bin. */
export interface Command {
  readonly help: string
  /** Returns the exit code; throws ExitError for expected failures. */
  run(args: readonly string[], io: CommandIo): Promise<number>
}

/** The process around a command. */
export interface CommandIo {
  readonly software: string
  readonly stopped: Promise<void>
  readonly interrupts: (handler: () => void) => void
  readonly tell: (message: unknown) => void
  /** A line on stderr. */
  readonly print: (line: string) => void
  /** Text on stdout. */
  readonly output: (text: string) => void
}
