import { createHash } from 'node:crypto'
import { isFinite32 } from './core/finite.ts'
import { fillFromTensors, type Layout, type Tensor } from './core/parameters.ts'
import { decodeSafetensors } from './core/safetensors.ts'
import { emptySignature } from './identity.ts'

/** A message whose framing is sound, and what can be said of it whoever receives it. */
export interface DecodedParams {
  readonly metadata: ReadonlyMap<string, string>
  /** `policyHash` that the tensors really have. */
  readonly hash: string
  /** The bytes that the signature covers; only where there is one of the right length. */
  signed(): Uint8Array
  /** The policy, or why its tensors are none of this layout. */
  policy(form: Form): Float32Array | Unfit
}

export type DecodeParams = (bytes: Uint8Array) => DecodedParams

/** The tensors that a policy must have. */
export interface Form {
  readonly layout: Layout
  /** The same for equal layouts. */
  readonly layoutName: string
}

interface Unfit {
  readonly reason: 'shape-mismatch' | 'non-finite'
  readonly detail: string
}

/** Throws where the bytes are no container. */
export function decodeParams(bytes: Uint8Array): DecodedParams {
  const { metadata, tensors } = decodeSafetensors(bytes)
  let signed: Uint8Array | undefined
  let taken: { readonly layout: string; readonly policy: Float32Array | Unfit } | undefined
  return {
    metadata,
    hash: tensorsHash(tensors),
    signed() {
      signed ??= signedHeader(bytes)
      return signed
    },
    policy({ layout, layoutName }) {
      if (taken?.layout !== layoutName) taken = { layout: layoutName, policy: policyOf(tensors, layout) }
      return taken.policy
    },
  }
}

function policyOf(tensors: ReadonlyMap<string, Tensor>, layout: Layout): Float32Array | Unfit {
  for (const [name, { data }] of tensors)
    if (!(data instanceof Float32Array)) return { reason: 'shape-mismatch', detail: `${name} must be F32, got F64` }
  const policy = new Float32Array(layout.size)
  try {
    fillFromTensors(policy, layout, tensors)
  } catch (error) {
    return { reason: 'shape-mismatch', detail: (error as Error).message }
  }
  if (isFinite32(policy, policy.length)) return policy
  return { reason: 'non-finite', detail: 'parameters must be finite' }
}

/** Told of a message that was sealed: its bytes and metadata, and the name of its policy's layout. */
export type OnSealed = (bytes: Uint8Array, metadata: ReadonlyMap<string, string>, layoutName: string) => void

/** What the devices of one process know of the messages that they hand each other. */
export interface SharedMessages {
  /** Decodes the same message once, however many receivers it is handed to, and one that was sealed here not at all. */
  readonly decode: DecodeParams
  readonly onSealed: OnSealed
}

export function createSharedMessages(): SharedMessages {
  const known = new WeakMap<Uint8Array, DecodedParams>()
  return {
    decode(bytes) {
      const message = known.get(bytes) ?? decodeParams(bytes)
      known.set(bytes, message)
      return message
    },
    onSealed(bytes, metadata, sealedLayout) {
      const policy = new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + 8 + headerOf(bytes).length)
      const finite = isFinite32(policy, policy.length)
      known.set(bytes, {
        metadata,
        hash: metadata.get('policyHash') ?? '',
        signed: () => signedHeader(bytes),
        policy: (form) => (finite && form.layoutName === sealedLayout ? policy : decodeParams(bytes).policy(form)),
      })
    },
  }
}

/** SHA-256 over the values as they came, tensors in code-unit order of their names: `policyHash` before any shape is known. */
function tensorsHash(tensors: ReadonlyMap<string, Tensor>): string {
  const digest = createHash('sha256')
  for (const name of [...tensors.keys()].sort()) {
    const { buffer, byteOffset, byteLength } = (tensors.get(name) as Tensor).data
    digest.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return digest.digest('hex')
}

/** The header bytes with the signature's own characters replaced by `A`: what is signed. */
export function signedHeader(bytes: Uint8Array): Uint8Array {
  const header = Buffer.from(headerOf(bytes))
  header.write(emptySignature, signatureOffset(bytes) - 8, 'latin1')
  return header
}

function headerOf(bytes: Uint8Array): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  return bytes.subarray(8, 8 + length)
}

/** Where the signature's characters begin. */
export function signatureOffset(bytes: Uint8Array): number {
  const key = '"signature":"'
  return 8 + Buffer.from(headerOf(bytes)).indexOf(key) + key.length
}
