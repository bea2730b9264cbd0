import type { Config } from '../schemas/config.ts'
import type { Summary } from '../schemas/summary.ts'
import type { BridgeEvent } from '../sim-bridge/bridge.ts'

export interface FleetViewOptions {
  readonly config: Config
  readonly vehicles: readonly string[]
  readonly directory: string
  readonly print: (line: string) => void
  readonly quiet: boolean
}

/** What people see of a run: live on stderr, at the end a table, the matrix and the learning curve. */
export interface FleetReport {
  event(event: BridgeEvent): void
  /** A line that a process wrote. */
  line(process: string, text: string): void
  note(text: string): void
  /** The last lines of a process. */
  linesOf(process: string): readonly string[]
  finish(summary: Summary): void
  stop(): void
}

export function createFleetView({ config, print }: FleetViewOptions): FleetReport {
  const said = new Map<string, string[]>()
  return {
    event(event) {
      if (event.kind === 'epoch')
        print(`epoch ${event.epoch}/${config.epochs}  ${event.meanSpeed.toFixed(2)} m/s  NAS ${event.nas.toFixed(3)}`)
    },
    line(process, text) {
      said.set(process, [...(said.get(process) ?? []), text].slice(-50))
      if (!/^epoch |^listening/.test(text)) print(`${process}: ${text}`)
    },
    note: print,
    linesOf: (process) => said.get(process) ?? [],
    finish() {},
    stop() {},
  }
}
