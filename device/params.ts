import type { Reason } from '../schemas/reason.ts'
import { largestPayload } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Architecture, Vector } from './core/engine.ts'
import { policyLayout } from './core/parameters.ts'
import { createVectorEncoder } from './core/safetensors.ts'
import { emptySignature, type Identity, policyHash, sha256 } from './identity.ts'
import {
  type DecodedParams,
  type DecodeParams,
  decodeParams,
  type Form,
  type OnSealed,
  signatureOffset,
  signedHeader,
} from './params-decoding.ts'

/** Who sends which policy: what the signed header of a parameter message says besides the tensors. */
export interface ParamsHeader {
  readonly fleet: string
  readonly vehicle: string
  readonly boot: number
  readonly sequence: number
  readonly updates: number
  /** ISO 8601; informative until clocks are synchronised. */
  readonly time: string
  readonly cell: string
}

/** What two policies must share to be mixed: sizes of the networks, names and order of observation and action. */
export interface Kind {
  readonly architecture: Architecture
  readonly observationNames: readonly string[]
  readonly actionNames: readonly string[]
}

/** What a signature that holds vouches for. */
export interface Authentic {
  readonly vehicle: string
  readonly boot: number
  readonly sequence: number
  readonly hash: string
}

/** A peer's policy that passed every check before the gate. */
export interface ReceivedPolicy extends Authentic {
  readonly policy: Float32Array
}

export type Opened =
  | { readonly ok: true; readonly received: ReceivedPolicy }
  | {
      readonly ok: false
      readonly reason: Reason
      readonly detail: string
      /** Present where the signature held, so that the refusal can be laid at the sender's door. */
      readonly authentic?: Authentic
    }

const format = `trustmix-params/${formatVersion}`
const number = /^(0|[1-9][0-9]{0,14})$/

/** Encodes and signs a policy: one safetensors container, tensors of the policy only. */
export function sealParams(
  policy: Vector,
  header: ParamsHeader,
  kind: Kind,
  identity: Identity,
  hash: string = policyHash(policy),
): Uint8Array {
  return createSealer(kind, identity)(policy, header, hash)
}

/** A function that encodes and signs policies of one kind, see `sealParams`; `onSealed` is told of each. */
export function createSealer(
  kind: Kind,
  identity: Identity,
  onSealed: OnSealed = () => {},
): (policy: Vector, header: ParamsHeader, hash: string) => Uint8Array {
  const encode = createVectorEncoder(policyLayout(kind.architecture))
  const [features, architecture] = [featuresHash(kind), architectureHash(kind)]
  return (policy, header, hash) => {
    const metadata = new Map([
      ['format', format],
      ['fleet', header.fleet],
      ['vehicle', header.vehicle],
      ['boot', String(header.boot)],
      ['sequence', String(header.sequence)],
      ['updates', String(header.updates)],
      ['time', header.time],
      ['cell', header.cell],
      ['features', features],
      ['architecture', architecture],
      ['policyHash', hash],
      ['signature', emptySignature],
    ])
    const vector = policy instanceof Float32Array ? policy : new Float32Array(policy)
    const bytes = Buffer.from(encode(vector, metadata).buffer)
    const signature = identity.sign(signedHeader(bytes))
    bytes.write(signature, signatureOffset(bytes), 'latin1')
    onSealed(bytes, metadata.set('signature', signature), architecture)
    return bytes
  }
}

/** Bytes that a policy of this architecture takes on the wire, at most. */
export function sealedSize(architecture: Architecture): number {
  return 4 * policyLayout(architecture).size + maxHeaderBytes
}

/** Header of a parameter message: metadata and one entry a tensor of at most three hidden layers. */
const maxHeaderBytes = 2_048

/** Where a parameter message arrived and what is known there. */
export interface Arrival {
  readonly fleet: string
  /** The vehicle in the topic. */
  readonly vehicle: string
  /** The newest (boot, sequence) taken from that vehicle so far. */
  readonly last: { readonly boot: number; readonly sequence: number } | undefined
  readonly maxBytes?: number
}

/** What a receiver compares messages with. */
export interface Expected extends Form {
  /** `featuresHash` of the own kind. */
  readonly features: string
}

/** What a member of this kind expects of its peers. */
export function expectedOf(kind: Kind): Expected {
  return {
    layout: policyLayout(kind.architecture),
    layoutName: architectureHash(kind),
    features: featuresHash(kind),
  }
}

/** Checks in order: size, framing, signature, replay, shape, finiteness. Never throws. */
export function openParams(
  bytes: Uint8Array,
  arrival: Arrival,
  expected: Expected,
  identity: Identity,
  decode: DecodeParams = decodeParams,
): Opened {
  const maxBytes = arrival.maxBytes ?? largestPayload
  if (bytes.length > maxBytes) return refuse('over-size', `must be at most ${maxBytes} bytes, got ${bytes.length}`)
  let file: DecodedParams
  try {
    file = decode(bytes)
  } catch (error) {
    return refuse('malformed', (error as Error).message)
  }
  const field = (name: string): string => file.metadata.get(name) ?? ''
  if (field('format') !== format) {
    const reason = field('format').startsWith('trustmix-params/') ? 'unsupported-version' : 'malformed'
    return refuse(reason, `format must be ${format}, got ${JSON.stringify(field('format'))}`)
  }
  const vehicle = field('vehicle')
  if (!number.test(field('boot')) || !number.test(field('sequence')))
    return refuse('malformed', 'boot and sequence must be whole numbers')
  if (field('fleet') !== arrival.fleet)
    return refuse('wrong-sender', `fleet must be ${arrival.fleet}, got ${field('fleet')}`)
  if (vehicle !== arrival.vehicle) return refuse('wrong-sender', `topic is of ${arrival.vehicle}, header of ${vehicle}`)
  if (field('signature').length !== emptySignature.length)
    return refuse('bad-signature', `signature must have 88 characters, got ${field('signature').length}`)
  const checked = identity.verify(vehicle, file.signed(), field('signature'))
  if (checked !== 'ok') return refuse(checked, `of ${vehicle}`)
  const hash = field('policyHash')
  // The signature covers the header; through policyHash it covers the tensors.
  if (file.hash !== hash) return refuse('bad-signature', 'policyHash is not that of the tensors')
  const boot = Number(field('boot'))
  const sequence = Number(field('sequence'))
  const authentic = { vehicle, boot, sequence, hash }
  const { last } = arrival
  if (last && !(boot > last.boot || (boot === last.boot && sequence > last.sequence)))
    return refuse(
      'replayed',
      `(boot, sequence) must exceed (${last.boot}, ${last.sequence}), got (${boot}, ${sequence})`,
    )
  if (field('features') !== expected.features)
    return refuse('shape-mismatch', 'other observation or action features', authentic)
  const policy = file.policy(expected)
  if (!(policy instanceof Float32Array)) return refuse(policy.reason, policy.detail, authentic)
  return { ok: true, received: { vehicle, boot, sequence, hash, policy } }
}

/** Hash of names and order of observation and action features. */
export function featuresHash({ observationNames, actionNames }: Kind): string {
  return sha256(JSON.stringify([observationNames, actionNames]))
}

export function architectureHash({ architecture: { observationSize, actionSize, hidden } }: Kind): string {
  return sha256(JSON.stringify([observationSize, actionSize, hidden]))
}

function refuse(reason: Reason, detail: string, authentic?: Authentic): Opened {
  return { ok: false, reason, detail, ...(authentic && { authentic }) }
}
