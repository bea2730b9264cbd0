import type { Config } from '../schemas/config.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { channels } from '../schemas/topics.ts'
import type { UpdateResult } from '../schemas/update.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Agent } from './agent.ts'
import type { Bus } from './bus/bus.ts'
import type { CheckpointStore } from './checkpoint.ts'
import type { Clock } from './clock.ts'
import type { Vitals } from './device-options.ts'
import type { Stateful } from './device-state.ts'
import type { LastGood, Undone } from './last-good.ts'
import type { Log } from './log.ts'
import type { Finding } from './methods/method.ts'
import type { Standing } from './orders.ts'
import { maxNotes, onlineStatus } from './status.ts'

export interface JournalOptions {
  readonly config: Config
  readonly vehicle: string
  readonly boot: number
  readonly software: string
  readonly bus: Bus
  readonly agent: Agent
  readonly store: CheckpointStore | undefined
  readonly log: Log
  readonly clock: Clock
  readonly standing: Standing
  readonly lastGood: LastGood | undefined
  readonly vitals: () => Vitals
  readonly lastUpdate: () => UpdateResult | undefined
  /** What holds now rather than happened once; read with every status. */
  readonly standingNotes: () => readonly string[]
}

/** What a device remembers and says of itself: its checkpoint and its status. Its state are the notes. */
export interface Journal extends Stateful<readonly string[]> {
  /** Something that happened, for the status; the oldest ones make room. */
  note(text: string): void
  /** Something that went wrong, for the status and the log. */
  trouble(event: string, text: string): void
  /** A full or broken disk must not stop the car: the device goes on and its status says so. */
  save(): void
  publishStatus(): void
  publishTelemetry(told: Driven): void
  publishVerdict(finding: Finding, at: { readonly epoch: number; readonly step: number }): void
  /** Tells of a collapse that was answered by going back, where there was one. */
  rolledBack(undone: Undone | undefined): void
}

/** Of the round that ended. */
export interface Driven {
  /** m/s */
  readonly speed: number
  readonly epoch: number
  readonly return: number
  readonly fallbacks: number
}

export function createJournal(options: JournalOptions): Journal {
  const { config, vehicle, bus, agent, store, log, clock, standing, lastGood } = options
  const { fleet } = config
  const notes: string[] = []

  const note = (text: string): void => {
    if (notes.length >= maxNotes) notes.shift()
    notes.push(text)
  }

  const publishStatus = (): void => {
    const { policyHash, updates } = agent
    const { state, why } = clock.read()
    const update = options.lastUpdate()
    const told = {
      boot: options.boot,
      connection: bus.connections,
      software: options.software,
      engine: agent.engine.id,
      policyHash,
      updates,
      clock: state,
      ...standing.status(),
      ...(config.run !== null && { run: config.run }),
      ...(update && { update }),
    }
    const clockNotes = state === 'not-synchronised' ? [`clock: ${why}; commands that expire are refused`] : []
    bus.publish(
      channels.status,
      { fleet, vehicle },
      onlineStatus(told, [...notes, ...clockNotes, ...options.standingNotes()]),
    )
  }

  const trouble = (event: string, text: string): void => {
    note(text)
    log('error', event, text)
    publishStatus()
  }

  return {
    note,
    trouble,
    state: () => [...notes],
    restore(state) {
      notes.splice(0, notes.length, ...state)
    },
    save() {
      try {
        store?.save({ ...agent.state(), ...(lastGood && { lastGood: lastGood.state() }) })
      } catch (error) {
        trouble('checkpoint', `checkpoint was not written: ${(error as Error).message}`)
      }
    },
    publishStatus,
    publishTelemetry({ speed, epoch, return: lastReturn, fallbacks }) {
      const { updates, samples } = agent
      const told = { speed, epoch, return: lastReturn, updates, samples, fallbacks, ...options.vitals() }
      bus.publish(channels.telemetry, { fleet, vehicle }, telemetryOf(told))
    },
    publishVerdict(finding, { epoch, step }) {
      bus.publish(channels.verdict, { fleet, vehicle }, { version: formatVersion, vehicle, epoch, step, ...finding })
    },
    rolledBack(undone) {
      if (!undone) return
      const { from, to, peers } = undone
      const fall = `return fell from ${from.toPrecision(4)} to ${to.toPrecision(4)} over ${config.rollbackWindow} rounds`
      const text = `${fall} after mixes of ${named(peers)}: back to policy ${agent.policyHash.slice(0, 12)}`
      note(text)
      // Not through the log's limit: it comes once in a window at most, and must not be lost to a line about a fallback.
      const message = { version: formatVersion, level: 'warning', event: 'rollback', text: text.slice(0, 300) } as const
      bus.publish(channels.log, { fleet, vehicle }, message)
      publishStatus()
    },
  }
}

/** Names the first few: a note has a limit. */
function named(peers: readonly string[]): string {
  const more = peers.length > 8 ? ` and ${peers.length - 8} more` : ''
  return `${peers.slice(0, 8).join(', ')}${more}`
}
