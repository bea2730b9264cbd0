import type { Config } from '../schemas/config.ts'
import type { Reason } from '../schemas/reason.ts'
import { aggregatorId } from '../schemas/topics.ts'
import type { Agent } from './agent.ts'
import type { CertifiedOptions } from './core/certified.ts'
import type { GateOptions } from './core/gate.ts'
import { type LinkRound, linkIsUp } from './core/link.ts'
import type { Round } from './io.ts'
import type { Mailbox } from './mailbox.ts'
import type {
  AggregateMethod,
  Consideration,
  Finding,
  Method,
  PeerMethod,
  RoundMethod,
  RoundPeer,
} from './methods/method.ts'

export interface JudgeOptions {
  readonly vehicle: string
  readonly agent: Agent
  /** Asked when a round begins: what is ordered during one counts from the next on. */
  readonly judging: () => Judging
  readonly mailbox: Mailbox
}

/** By which method, with which numbers, others' policies are judged. */
export interface Judging {
  readonly method: Method
  readonly config: Config
}

/** Lets the method consider the policies of a round, and the agent take what comes of it. */
export interface Judge {
  /** Whose policies of which hash the method considers, in code-unit order of ids; one whose link is down is not among them. */
  wanted(round: Round): Map<string, string>
  /** One finding for each of them, in their order; what is not held is missing. `gamma` is that of the agent's interval. */
  consider(wanted: ReadonlyMap<string, string>, round: Round, gamma: number): Finding[]
}

/** What is the same for all policies of a round. */
type Terms = Omit<Consideration, 'engine' | 'own' | 'other' | 'identity' | 'replay' | 'streams'>

/** A policy that may be considered, or the finding that refuses it. */
type Opened = { readonly refusal: Finding } | { readonly peer: RoundPeer }

export function createJudge({ vehicle, agent, judging, mailbox }: JudgeOptions): Judge {
  let present = judging()

  const open = (id: string, hash: string): Opened => {
    const held = mailbox.held(id, hash)
    const { boot, sequence } = (held?.ok ? held.received : held?.authentic) ?? { boot: null, sequence: null }
    const identity = { ownHash: agent.policyHash, peerHash: hash, peerId: id, peerBoot: boot, peerSequence: sequence }
    if (!held) return { refusal: refusal('missing', identity) }
    if (!held.ok) return { refusal: refusal(held.reason, identity) }
    return { peer: { id, identity, policy: held.received.policy } }
  }

  const considerEach = (method: PeerMethod | AggregateMethod, wanted: ReadonlyMap<string, string>, terms: Terms) => {
    const { engine, replay, streams } = agent
    const common = { engine, replay, streams, ...terms }
    return [...wanted].map(([id, hash]) => {
      const opened = open(id, hash)
      if ('refusal' in opened) return opened.refusal
      const { policy: other, identity } = opened.peer
      const { verdict, policy } = method.consider({ own: agent.policy, other, identity, ...common })
      if (policy) agent.adopt(policy)
      return verdict
    })
  }

  const termsOf = (round: LinkRound, gamma: number): Terms => {
    const { config } = present
    const { fixedAlpha, coinProbability, gateSamples: samples } = config
    const certified = certifiedOptions(config, gamma)
    return { vehicle, round, samples, fixedAlpha, coinProbability, gate: gateOptions(gamma), certified }
  }

  const considerAll = (method: RoundMethod, opened: readonly Opened[], gamma: number): Finding[] => {
    const { byzantine } = present.config
    const peers = opened.flatMap((one) => ('peer' in one ? [one.peer] : []))
    const { verdicts, policy } = method.considerRound({
      ...{ vehicle, own: agent.policy, before: agent.before, ownHash: agent.policyHash },
      ...{ peers, byzantine, gamma },
    })
    if (policy) agent.adopt(policy)
    const judged = verdicts.values()
    return opened.flatMap((one) => ('refusal' in one ? [one.refusal] : (judged.next().value ?? [])))
  }

  const gateOptions = (gamma: number): GateOptions => {
    const { gateMode: mode, estimator, margin } = present.config
    return { mode, estimator, gamma, margin, z: 1 }
  }

  return {
    wanted({ policies, aggregate, epoch, step }) {
      present = judging()
      const { method, config } = present
      const { seed, linkProbability } = config
      if (method.source === 'none') return new Map()
      if (method.source === 'aggregate') return new Map(aggregate === undefined ? [] : [[aggregatorId, aggregate]])
      const heard = Object.entries(policies).filter(
        ([peer]) => peer !== vehicle && linkIsUp(linkProbability, { seed, epoch, step }, vehicle, peer),
      )
      return new Map(heard.sort(([a], [b]) => (a < b ? -1 : 1)))
    },
    consider(wanted, { epoch, step }, gamma) {
      const { method, config } = present
      if (method.source === 'none') return []
      if (method.source === 'round')
        return considerAll(
          method,
          [...wanted].map(([peer, hash]) => open(peer, hash)),
          gamma,
        )
      return considerEach(method, wanted, termsOf({ seed: config.seed, epoch, step }, gamma))
    },
  }
}

/** What `certified` judges by, of a configuration. */
export function certifiedOptions(config: Config, gamma: number): CertifiedOptions {
  const { certifiedTest, advantageEstimator, z, klRadius, minimumAlpha, minimumEffectiveSampleSize } = config
  return { test: certifiedTest, advantageEstimator, gamma, z, klRadius, minimumAlpha, minimumEffectiveSampleSize }
}

type RefusalIdentity = Pick<Finding, 'ownHash' | 'peerHash' | 'peerId' | 'peerBoot' | 'peerSequence'>

/** The verdict on parameters that never came as far as a method. */
export function refusal(reason: Reason, identity: RefusalIdentity): Finding {
  return { mode: 'wire', estimator: null, accepted: false, reason, alpha: 0, ...identity }
}
