import type { ScenarioOptions } from '../sim/scenario.ts'

/** The scenario, and how to get at SUMO. */
export interface SumoOptions extends ScenarioOptions {
  /** `sumo` to call; SUMO_HOME/bin, then PATH, if not given. */
  readonly binary?: string
  /** Port on this machine at which a SUMO started by someone else waits (`sumo --remote-port`); nothing is started then. */
  readonly port?: number
  /** Starts `sumo-gui`: a window that shows the cars. */
  readonly gui?: boolean
  /** Folder for the net and the routes; a temporary one, removed at `close`, if not given. */
  readonly directory?: string
}
