import type { MethodName } from '../../schemas/config-methods.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import type { CertifiedOptions } from '../core/certified.ts'
import type { Engine } from '../core/engine.ts'
import type { GateOptions } from '../core/gate.ts'
import type { LinkRound } from '../core/link.ts'
import type { Replay } from '../core/replay.ts'
import type { Rng } from '../core/rng.ts'
import type { VerdictIdentity } from '../core/verdict.ts'

/** A way to use the policies of others. One file each; the fleet over MQTT and the experiment take the same names. */
export type Method = SolitaryMethod | PeerMethod | AggregateMethod | RoundMethod

/** Considers nobody. */
export interface SolitaryMethod {
  readonly name: MethodName
  readonly source: 'none'
}

/** Considers each peer of a round in code-unit order of ids, against what the one before left. */
export interface PeerMethod {
  readonly name: MethodName
  readonly source: 'peers'
  consider(input: Consideration): Decision
}

/** Considers what the aggregator made of all policies of a round. */
export interface AggregateMethod {
  readonly name: MethodName
  readonly source: 'aggregate'
  consider(input: Consideration): Decision
}

/** Considers all policies of a round at once. */
export interface RoundMethod {
  readonly name: MethodName
  readonly source: 'round'
  considerRound(input: RoundConsideration): RoundDecision
}

/** One other policy to judge, and what to judge it by. */
export interface Consideration {
  readonly engine: Engine
  readonly own: Float32Array
  readonly other: Float32Array
  readonly identity: VerdictIdentity
  readonly replay: Replay
  /** Most samples per judgement, M and K. */
  readonly samples: number
  readonly gate: GateOptions
  readonly certified: CertifiedOptions
  readonly fixedAlpha: number
  readonly coinProbability: number
  readonly streams: { readonly replay: Rng; readonly fisher: Rng }
  readonly vehicle: string
  readonly round: LinkRound
}

export interface Decision {
  readonly verdict: Finding
  /** The mixed θ, where the other policy was accepted. */
  readonly policy?: Float32Array
}

/** Told of every mix that a method considered, before the decision is carried out: `input.own` is still θ. */
export type OnConsidered = (input: Consideration, decision: Decision) => void

/** The policies of a round that came and may be considered. */
export interface RoundConsideration {
  readonly vehicle: string
  readonly own: Float32Array
  /** θ before the learning of this round. */
  readonly before: Float32Array
  readonly ownHash: string
  /** In code-unit order of ids; without the own one. */
  readonly peers: readonly RoundPeer[]
  /** f: policies that may be arbitrary. */
  readonly byzantine: number
  readonly gamma: number
}

export interface RoundPeer {
  readonly id: string
  readonly identity: VerdictIdentity
  readonly policy: Float32Array
}

export interface RoundDecision {
  /** One per peer, in their order. */
  readonly verdicts: readonly Finding[]
  /** The new θ; without it the own one stays. */
  readonly policy?: Float32Array
}

/** A verdict without the envelope that the message adds. */
export type Finding = Omit<VerdictMessage, 'version' | 'vehicle' | 'epoch' | 'step'>
