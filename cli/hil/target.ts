import type { MachineFacts } from '../../schemas/hil-report.ts'
import { createExternalTarget } from './external-target.ts'
import type { HilConfig } from './hil.ts'
import { createSshTarget } from './ssh-target.ts'

/**
 * The machine that a unit runs on, as far as it can be reached beside the broker. Nothing here throws for a machine that
 * does not answer: a run must not end for it.
 */
export interface Target {
  /** As the command was given it. */
  readonly name: string
  /** Makes the unit come to the broker, where that is up to the target; ExitError 3 where it cannot. */
  start(): Promise<void>
  /** What the machine says of the unit's service; undefined where it cannot be asked at all. */
  facts(): Promise<MachineFacts | undefined>
  /** The last lines that the service wrote. */
  journal(): Promise<string[]>
  /** Where the recording is asked for: brings it to this machine, if need be into this directory; the paths of its files. */
  readonly log: ((into: string) => Promise<string[]>) | undefined
  /** Rejects where the unit can be there no more. */
  readonly failed?: Promise<never>
  stop(): Promise<void>
}

/** The target that a configuration names, unless it is an emulated board. */
export function createTarget(config: HilConfig): Target {
  return config.target === 'external' ? createExternalTarget(config) : createSshTarget(config)
}
