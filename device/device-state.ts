import type { Agent } from './agent.ts'
import type { AgentState } from './agent-state.ts'
import type { CommandDesk, CommandDeskState } from './command-desk.ts'
import type { Start } from './io.ts'
import type { Journal } from './journal.ts'
import type { LastGood, LastGoodState } from './last-good.ts'
import type { Log } from './log.ts'
import type { Mailbox, MailboxState } from './mailbox.ts'
import type { Mixer, MixerState } from './mixer.ts'
import type { Offer, OfferState } from './offer.ts'
import type { Standing, StandingState } from './orders.ts'

/** A part of a device whose state goes into snapshots: plain data, numbers and arrays of numbers exact. */
export interface Stateful<S> {
  /** Taken between events, while neither learning nor mixing is under way. */
  state(): S
  restore(state: S): void
}

/** The parts of a device that hold anything; whoever adds one that does adds it here, or a replay goes wrong. */
export interface Parts {
  readonly agent: Pick<Agent, 'state' | 'before' | 'restore'>
  readonly mailbox: Mailbox
  readonly mixer: Mixer
  readonly offer: Offer
  readonly log: Log
  readonly counts: { lastReturn: number; fallbacks: number; speed: number }
  readonly journal: Journal
  readonly standing: Standing
  /** Where policies are kept to return to. */
  readonly lastGood: LastGood | undefined
  /** Where signed commands are obeyed. */
  readonly desk: CommandDesk | undefined
}

/** All that decides what a device will do, beside its configuration. */
export interface DeviceState {
  readonly start: Start | undefined
  readonly agent: AgentState
  readonly before: Float32Array
  readonly mailbox: MailboxState
  readonly mixer: MixerState
  readonly offer: OfferState
  readonly log: ReturnType<Log['state']>
  readonly counts: Parts['counts']
  readonly notes: readonly string[]
  readonly standing: StandingState
  readonly lastGood: LastGoodState | undefined
  readonly desk: CommandDeskState | undefined
}

export function stateOf(parts: Parts, start: Start | undefined): DeviceState {
  const { agent, mailbox, mixer, offer, log, counts, journal, standing, lastGood, desk } = parts
  const { before } = agent
  const states = { agent: agent.state(), before, mailbox: mailbox.state(), mixer: mixer.state(), offer: offer.state() }
  const ordered = { standing: standing.state(), lastGood: lastGood?.state(), desk: desk?.state() }
  return { start, ...states, log: log.state(), counts: { ...counts }, notes: journal.state(), ...ordered }
}

/** Throws where the state is of other networks. */
export function restoreParts(parts: Parts, state: DeviceState): void {
  parts.agent.restore(state.agent, state.before)
  parts.mailbox.restore(state.mailbox)
  parts.mixer.restore(state.mixer)
  parts.offer.restore(state.offer)
  parts.log.restore(state.log)
  Object.assign(parts.counts, state.counts)
  parts.journal.restore(state.notes)
  parts.standing.restore(state.standing)
  if (state.lastGood) parts.lastGood?.restore(state.lastGood)
  if (state.desk) parts.desk?.restore(state.desk)
}
