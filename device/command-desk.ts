import type { CommandOrder, CommandReason } from '../schemas/command.ts'
import { channels } from '../schemas/topics.ts'
import type { CommandMessage } from '../schemas/trust.ts'
import type { Bus } from './bus/bus.ts'
import type { Clock } from './clock.ts'
import type { Stateful } from './device-state.ts'
import type { Log } from './log.ts'
import { type CommandJudgeOptions, type CommandJudgeState, createCommandJudge, type Outcome } from './trust/command.ts'

export interface CommandDeskOptions extends Omit<CommandJudgeOptions, 'clock'> {
  readonly clock: Clock
  readonly bus: Bus
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly log: Log
  /** Carries a command out. Must not throw for what the command may be refused for. */
  readonly execute: (order: CommandOrder, message: CommandMessage, operator: string) => Outcome
  /** Told after a command was carried out. */
  readonly executed: (order: CommandOrder) => void
  /** Told the first time that something is refused for want of a clock. */
  readonly wantsClock: () => void
}

/** Where the commands to a device arrive: each is judged, carried out at most once and answered with exactly one ack. */
export interface CommandDesk extends Stateful<CommandDeskState> {
  /** What was refused so far, in words, for the status. */
  notes(): string[]
}

export interface CommandDeskState {
  readonly tokens: number
  /** Monotonic milliseconds. */
  readonly filledAt: number
  readonly refused: readonly { readonly reason: CommandReason; readonly times: number }[]
  readonly judge: CommandJudgeState
}

/** Commands judged at once, and then a second: a signature costs time that the car needs, and each refusal an answer. */
const burst = 50
const perSecond = 20

export function createCommandDesk(options: CommandDeskOptions): CommandDesk {
  const { bus, fleet, vehicle, now, log } = options
  const judge = createCommandJudge({ ...options, clock: options.clock.read })
  const refused = new Map<CommandReason, number>()
  let tokens = burst
  let filledAt = now()

  const count = (reason: CommandReason, detail: string): void => {
    const times = (refused.get(reason) ?? 0) + 1
    refused.set(reason, times)
    // A flood must not take the log from everything else.
    if (reason !== 'rate-limited' || times === 1) log('warning', 'command', `refused as ${reason}: ${detail}`)
  }

  const admitted = (): boolean => {
    const time = now()
    tokens = Math.min(burst, tokens + ((time - filledAt) / 1_000) * perSecond)
    filledAt = time
    if (!(tokens >= 1)) return false
    tokens--
    return true
  }

  const handle = (message: CommandMessage, name: string): void => {
    if (!admitted()) {
      count('rate-limited', `more than ${perSecond} commands a second`)
      return
    }
    const judged = judge.judge(message, name)
    if (judged.kind === 'drop') {
      if (judged.reason !== 'pending') count(judged.reason, judged.detail)
      return
    }
    if (judged.kind === 'answer') {
      const { ack, repeated } = judged
      if (!repeated) refuse(ack.reason as CommandReason, ack.detail ?? '')
      bus.publish(channels.ack, { fleet, vehicle, name }, ack)
      return
    }
    const { order, operator, settle } = judged
    const outcome = options.execute(order, message, operator)
    if (outcome.result === 'refused') refuse(outcome.reason, outcome.detail)
    else {
      log('info', 'command', `${order.name} of ${operator}: ${outcome.detail ?? 'done'}`)
      options.executed(order)
    }
    bus.publish(channels.ack, { fleet, vehicle, name }, settle(outcome))
  }

  const refuse = (reason: CommandReason, detail: string): void => {
    count(reason, detail)
    if (reason === 'clock-not-synchronised' && refused.get(reason) === 1) options.wantsClock()
  }

  bus.subscribe(channels.cmd, { fleet, vehicle }, (message, { name }) => handle(message, name))
  bus.onRefused(({ channel, reason, detail }) => {
    if (channel !== channels.cmd.name) return
    if (reason === 'over-size' || reason === 'malformed' || reason === 'unsupported-version') count(reason, detail)
  })

  return {
    state: () => ({
      ...{ tokens, filledAt, judge: judge.state() },
      refused: [...refused].map(([reason, times]) => ({ reason, times })),
    }),
    restore(state) {
      ;({ tokens, filledAt } = state)
      judge.restore(state.judge)
      refused.clear()
      for (const { reason, times } of state.refused) refused.set(reason, times)
    },
    notes() {
      if (refused.size === 0) return []
      return [`commands refused: ${[...refused].map(([reason, times]) => `${reason} ${times}`).join(', ')}`]
    },
  }
}
