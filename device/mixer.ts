import type { Reason } from '../schemas/reason.ts'
import type { Stateful } from './device-state.ts'
import type { Brief, Mixed, Round } from './io.ts'
import { createJudge, type JudgeOptions, refusal } from './judge.ts'
import type { Finding } from './methods/method.ts'

export interface MixerOptions extends JudgeOptions {
  readonly now: () => number
  readonly publishVerdict: (finding: Finding, at: { epoch: number; step: number }) => void
  /** Asks a peer for parameters of a hash once more. */
  readonly ask: (peer: string, hash: string, round: number) => void
}

/** One collaboration round after the other: waits until exactly the listed policies are held, then considers them. */
export interface Mixer extends Stateful<MixerState> {
  startEpoch(gamma: number): void
  receive(bytes: Uint8Array, sender: string, epoch: number): void
  /** Counts a message that was dropped before it came here. */
  refused(reason: Reason, sender: string, epoch: number): void
  /** Rejects where the method or the agent throws. */
  mix(round: Round): Promise<Omit<Mixed, 'policyHash'>>
  /** Asks again and gives up by the clock; only while there is a connection. */
  tick(): void
  /** After an outage, which is no fault of the peers, the time to wait starts again. */
  waitAnew(): void
}

/** As it is between rounds. */
export interface MixerState {
  readonly gamma: number
  readonly refusals: Readonly<Record<string, number>>
  readonly wireVerdictAt: number
}

interface Pending {
  readonly round: Round
  readonly wanted: ReadonlyMap<string, string>
  since: number
  askedAt: number
  readonly finish: (mixed: Omit<Mixed, 'policyHash'>) => void
  readonly fail: (error: unknown) => void
}

const askAgainMs = 1_000
/** Verdicts on refused messages are published at most this often, so that a flood is not answered by one. */
const wireVerdictEveryMs = 200

export function createMixer(options: MixerOptions): Mixer {
  const { config, mailbox, now } = options
  const judge = createJudge(options)
  let gamma = 0
  let refusals: Record<string, number> = {}
  let wireVerdictAt = Number.NEGATIVE_INFINITY
  let pending: Pending | undefined

  const missing = ({ wanted }: Pick<Pending, 'wanted'>): [string, string][] =>
    [...wanted].filter(([peer, hash]) => !mailbox.held(peer, hash))

  const settle = (givenUp: boolean): void => {
    if (!pending || (!givenUp && missing(pending).length > 0)) return
    const settled = pending
    pending = undefined
    try {
      settled.finish(considered(settled))
    } catch (error) {
      settled.fail(error)
    }
  }

  const considered = ({ round, wanted }: Pending): Omit<Mixed, 'policyHash'> => {
    const absent = missing({ wanted }).map(([peer]) => peer)
    const verdicts = judge.consider(wanted, round, gamma).map((finding) => brief(finding, round))
    const told = refusals
    refusals = {}
    return { verdicts, refused: told, ...(absent.length > 0 && { note: noteOn(absent) }) }
  }

  const brief = (finding: Finding, round: Round): Brief => {
    options.publishVerdict(finding, round)
    const referred = (finding.policyAdvantage ?? 0) > 0 || (finding.accepted && finding.policyAdvantage === null)
    return { peer: finding.peerId ?? '', accepted: finding.accepted, referred, reason: finding.reason }
  }

  const refused = (reason: Reason, sender: string, epoch: number): void => {
    refusals[reason] = (refusals[reason] ?? 0) + 1
    if (now() - wireVerdictAt < wireVerdictEveryMs) return
    wireVerdictAt = now()
    const identity = { ownHash: null, peerHash: null, peerId: sender || null, peerBoot: null, peerSequence: null }
    options.publishVerdict(refusal(reason, identity), { epoch, step: 0 })
  }

  return {
    startEpoch(next) {
      gamma = next
      pending = undefined
    },
    receive(bytes, sender, epoch) {
      const { refused: why } = mailbox.receive(bytes, sender)
      if (why) refused(why.reason, sender, epoch)
      settle(false)
    },
    refused,
    mix(round) {
      const wanted = judge.wanted(round)
      return new Promise((finish, fail) => {
        pending = { round, wanted, since: now(), askedAt: now(), finish, fail }
        settle(false)
      })
    },
    state: () => ({ gamma, refusals: { ...refusals }, wireVerdictAt }),
    restore(state) {
      ;({ gamma, wireVerdictAt } = state)
      refusals = { ...state.refusals }
    },
    waitAnew() {
      if (pending) pending.since = now()
    },
    tick() {
      if (!pending) return
      if (now() - pending.since > config.missingAfterMs) return settle(true)
      if (now() - pending.askedAt < askAgainMs) return
      pending.askedAt = now()
      for (const [peer, hash] of missing(pending)) options.ask(peer, hash, pending.round.epoch)
    },
  }
}

/** Names the first few: the message has a limit. */
function noteOn(absent: readonly string[]): string {
  const more = absent.length > 8 ? ` and ${absent.length - 8} more` : ''
  return `parameters of ${absent.slice(0, 8).join(', ')}${more} did not come`
}
