import { SimulatorLostError } from '../simulator.ts'

/** A rule between us and SUMO was broken, or SUMO itself failed; the text says which, with SUMO's own words, and what to do. */
export class SumoError extends Error {
  override readonly name = 'SumoError'
}

/** SUMO is gone or no longer answers; the text says how it ended. The next reset starts (or connects to) another one. */
export class SumoLostError extends SimulatorLostError {
  override readonly name = 'SumoLostError'
}

/** A program of SUMO is not installed; the text says how to get it. */
export class SumoMissingError extends Error {
  override readonly name = 'SumoMissingError'
  /** The program as it was called. */
  readonly program: string

  constructor(program: string) {
    super(
      `${program} must be installed, but it was not found: run "apt-get install sumo", set SUMO_HOME, or name the program with --sumo-binary`,
    )
    this.program = program
  }
}
