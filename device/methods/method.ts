import type { VerdictMessage } from '../../schemas/verdict.ts'
import type { CertifiedOptions } from '../core/certified.ts'
import type { Engine } from '../core/engine.ts'
import type { GateOptions } from '../core/gate.ts'
import type { Replay } from '../core/replay.ts'
import type { Rng } from '../core/rng.ts'
import type { VerdictIdentity } from '../core/verdict.ts'

/** A way to use the policies of others. One file each; the fleet over MQTT and the experiment take the same names. */
export interface Method {
  readonly name: string
  /** Whose parameters it considers: nobody's, each peer's, or the aggregate's. */
  readonly source: 'none' | 'peers' | 'aggregate'
  /** Judges one other policy; `policy` is the mixed θ when it was accepted. */
  consider(input: Consideration): Decision
}

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
  readonly streams: { readonly replay: Rng; readonly fisher: Rng }
}

export interface Decision {
  readonly verdict: Finding
  readonly policy?: Float32Array
}

/** A verdict without the envelope that the message adds. */
export type Finding = Omit<VerdictMessage, 'version' | 'vehicle' | 'epoch' | 'step'>
