import type { Command, Observation, Outcome } from '../schemas/lock-step.ts'
import type { Reason } from '../schemas/reason.ts'

/**
 * The port between a device and its car: what supplies observations and takes commands. The sim topics are its first
 * implementation (`sim-io.ts`); CAN, serial or a local socket can follow. Every question is answered exactly once.
 */
export interface VehicleIo {
  start(handlers: VehicleHandlers): void
}

/** The car's facts, known when an epoch starts. */
export interface Start {
  readonly epoch: number
  /** Length of a control step, s. */
  readonly stepLength: number
  /** Steps that an action is held. */
  readonly intervalSteps: number
  /** m */
  readonly loopLength: number
  /** m/s */
  readonly speedLimit: number
  /** m/s² */
  readonly accelerationLimit: number
}

/** The end of the held action and the observation that it ended in. */
export interface Closing {
  readonly outcome: Outcome
  readonly observation: Observation
}

export interface Learned {
  readonly policyHash: string
  readonly samples: number
  readonly updates: number
  readonly return: number
}

/** One line of what the gate said, and what was refused on the wire since the last time. */
export interface Mixed {
  readonly policyHash: string
  readonly verdicts: readonly Brief[]
  readonly refused: Readonly<Record<string, number>>
  /** Why the round did not go as the seed alone would have it. */
  readonly note?: string
}

export interface Brief {
  readonly peer: string
  readonly accepted: boolean
  readonly referred: boolean
  readonly reason: Reason
}

export interface Round {
  readonly epoch: number
  readonly step: number
  /** Hash of every live vehicle's policy of this round. */
  readonly policies: Readonly<Record<string, string>>
  readonly aggregate?: string | undefined
}

export interface VehicleHandlers {
  /** Starts an epoch; returns the policy's hash. */
  reset(start: Start): string
  /** Ends the held action, if any, and decides on the next; without an observation the fallback does. */
  decide(observation: Observation | undefined, outcome: Outcome | undefined): { command: Command; fallback?: string }
  /** Learns from the round; decisions may come while it does. */
  learn(at: { readonly epoch: number; readonly step: number }, closing: Closing | undefined): Promise<Learned>
  /** Considers the policies of the round; resolves when they have come. */
  mix(round: Round): Promise<Mixed>
  /** The run is over; returns the policy's hash. */
  end(): string
}
