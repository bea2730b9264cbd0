import type { Config } from '../schemas/config.ts'
import type { Reason } from '../schemas/reason.ts'
import { aggregatorId } from '../schemas/topics.ts'
import type { Agent } from './agent.ts'
import type { GateOptions } from './core/gate.ts'
import type { Brief, Mixed, Round } from './io.ts'
import type { Mailbox } from './mailbox.ts'
import type { Finding, Method } from './methods/method.ts'

export interface MixerOptions {
  readonly vehicle: string
  readonly agent: Agent
  readonly method: Method
  readonly config: Config
  readonly mailbox: Mailbox
  readonly now: () => number
  readonly publishVerdict: (finding: Finding, at: { epoch: number; step: number }) => void
  /** Asks a peer for parameters of a hash once more. */
  readonly ask: (peer: string, hash: string, round: number) => void
}

/** One collaboration round after the other: waits until exactly the listed policies are held, then considers them. */
export interface Mixer {
  startEpoch(gamma: number): void
  receive(bytes: Uint8Array, sender: string, epoch: number): void
  /** Counts a message that was dropped before it came here. */
  refused(reason: Reason, sender: string, epoch: number): void
  mix(round: Round): Promise<Omit<Mixed, 'policyHash'>>
  /** Asks again and gives up by the clock; only while there is a connection. */
  tick(): void
  /** After an outage, which is no fault of the peers, the time to wait starts again. */
  waitAnew(): void
}

interface Pending {
  readonly round: Round
  readonly wanted: ReadonlyMap<string, string>
  since: number
  askedAt: number
  readonly finish: (mixed: Omit<Mixed, 'policyHash'>) => void
}

const askAgainMs = 1_000
/** Verdicts on refused messages are published at most this often, so that a flood is not answered by one. */
const wireVerdictEveryMs = 200

export function createMixer(options: MixerOptions): Mixer {
  const { vehicle, agent, method, config, mailbox, now } = options
  let gamma = 0
  let refusals: Record<string, number> = {}
  let wireVerdictAt = Number.NEGATIVE_INFINITY
  let pending: Pending | undefined

  const missing = ({ wanted }: Pending): [string, string][] =>
    [...wanted].filter(([peer, hash]) => !mailbox.held(peer, hash))

  const settle = (givenUp: boolean): void => {
    if (!pending || (!givenUp && missing(pending).length > 0)) return
    const { round, wanted, finish } = pending
    pending = undefined
    const absent = [...wanted].filter(([peer, hash]) => !mailbox.held(peer, hash)).map(([peer]) => peer)
    const verdicts = [...wanted].map(([peer, hash]) => consider(peer, hash, round))
    const refused = refusals
    refusals = {}
    finish({ verdicts, refused, ...(absent.length > 0 && { note: noteOn(absent) }) })
  }

  const consider = (peer: string, hash: string, round: Round): Brief => {
    const finding = judge(peer, hash)
    options.publishVerdict(finding, round)
    const referred = (finding.policyAdvantage ?? 0) > 0 || (finding.accepted && finding.policyAdvantage === null)
    return { peer, accepted: finding.accepted, referred, reason: finding.reason }
  }

  const judge = (peer: string, hash: string): Finding => {
    const held = mailbox.held(peer, hash)
    const own = agent.policy
    const ownHash = agent.policyHash
    if (!held) return refusal('missing', { ownHash, peerHash: hash, peerId: peer, peerBoot: null, peerSequence: null })
    const { boot, sequence } = held.ok ? held.received : held.authentic
    const identity = { ownHash, peerHash: hash, peerId: peer, peerBoot: boot, peerSequence: sequence }
    if (!held.ok) return refusal(held.reason, identity)
    const { verdict, policy } = method.consider({
      engine: agent.engine,
      own,
      other: held.received.policy,
      identity,
      replay: agent.replay,
      samples: config.gateSamples,
      gate: gateOptions(),
      certified: { ...config, test: config.certifiedTest, gamma },
      fixedAlpha: config.fixedAlpha,
      streams: agent.streams,
    })
    if (policy) agent.adopt(policy)
    return verdict
  }

  const gateOptions = (): GateOptions => ({
    mode: config.gateMode,
    estimator: config.estimator,
    gamma,
    margin: config.margin,
    z: 1,
  })

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
      const wanted = wantedOf(round, vehicle, method)
      return new Promise((finish) => {
        pending = { round, wanted, since: now(), askedAt: now(), finish }
        settle(false)
      })
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

/** Whose parameters of which hash the method considers, in code-unit order of ids. */
function wantedOf({ policies, aggregate }: Round, vehicle: string, { source }: Method): Map<string, string> {
  if (source === 'none') return new Map()
  if (source === 'aggregate') return new Map(aggregate === undefined ? [] : [[aggregatorId, aggregate]])
  const peers = Object.entries(policies).filter(([peer]) => peer !== vehicle)
  return new Map(peers.sort(([a], [b]) => (a < b ? -1 : 1)))
}

type RefusalIdentity = Pick<Finding, 'ownHash' | 'peerHash' | 'peerId' | 'peerBoot' | 'peerSequence'>

/** The verdict on parameters that never came as far as a method. */
function refusal(reason: Reason, identity: RefusalIdentity): Finding {
  return { mode: 'wire', estimator: null, accepted: false, reason, alpha: 0, ...identity }
}
