import t from 'tap'
import { initialPolicy } from '../device/core/parameters.ts'
import { createRng } from '../device/core/rng.ts'
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from '../device/core/safetensors.ts'
import { type Identity, policyHash, sha256 } from '../device/identity.ts'
import { createMailbox, type Mailbox } from '../device/mailbox.ts'
import { type Arrival, expectedOf, type Kind, openParams, sealParams } from '../device/params.ts'
import { largestPayload } from '../schemas/topics.ts'
import { namesOf, smallKind } from './support/devices.ts'
import { arrival, good, header, own, policy, sender } from './support/sealed.ts'

const reasonOf = (bytes: Uint8Array, at: Partial<Arrival> = {}): string => {
  const opened = openParams(bytes, { ...arrival, ...at }, expectedOf(smallKind), own)
  return opened.ok ? 'accepted' : opened.reason
}

t.test('a sealed policy opens bit for bit', async (t) => {
  const received = { vehicle: 'car03', boot: 2, sequence: 5, hash: policyHash(policy), policy }
  t.same(openParams(good, arrival, expectedOf(smallKind), own), { ok: true, received })
  const file = decodeSafetensors(good)
  t.same(
    [...file.tensors.keys()],
    ['log_std', ...[0, 2, 4].flatMap((i) => [`policy.${i}.bias`, `policy.${i}.weight`])],
    'the policy alone: no value network, no sample',
  )
  t.equal(file.metadata.get('policyHash'), hashOf(good), 'policyHash is SHA-256 over the raw tensor bytes')
  t.match(file.metadata.get('signature'), /^[A-Za-z0-9+/]{86}==$/)
  const shifted = Buffer.alloc(good.length + 3)
  shifted.set(good, 3)
  t.equal(reasonOf(shifted.subarray(3)), 'accepted', 'at any alignment')
})

t.test('each hostile message has its reason', async (t) => {
  const withValue = (value: number) => {
    const changed = policy.slice()
    changed[17] = value
    return sealParams(changed, header, smallKind, sender)
  }
  t.equal(reasonOf(withValue(Number.NaN)), 'non-finite')
  t.equal(reasonOf(withValue(Number.POSITIVE_INFINITY)), 'non-finite')
  t.equal(reasonOf(withValue(-1e39)), 'non-finite', 'beyond float32')
  t.equal(reasonOf(withValue(-0)), 'accepted')

  const wider: Kind = { ...smallKind, architecture: { ...smallKind.architecture, hidden: [8, 9] } }
  t.equal(
    reasonOf(sealParams(initialPolicy(wider.architecture, createRng(1), 0), header, wider, sender)),
    'shape-mismatch',
  )
  const letter = { ...smallKind, ...namesOf('letter') }
  t.equal(reasonOf(sealParams(policy, header, letter, sender)), 'shape-mismatch', 'other features')
  t.equal(
    reasonOf(resealed(sender, { tensors: (tensors) => tensors.set('value.0.bias', vector(8)) })),
    'shape-mismatch',
  )
  t.equal(reasonOf(resealed(sender, { tensors: (tensors) => tensors.delete('log_std') })), 'shape-mismatch')
  const doubles = { shape: [1], data: new Float64Array(1) }
  t.equal(reasonOf(resealed(sender, { tensors: (tensors) => tensors.set('log_std', doubles) })), 'shape-mismatch')
  t.equal(reasonOf(replaceText(good, '"dtype":"F32"', '"dtype":"F16"')), 'malformed')

  const huge = Buffer.from(good)
  huge.writeBigUInt64LE(2n ** 63n, 0)
  t.equal(reasonOf(huge), 'malformed', 'a header of 2^63 bytes')
  t.equal(reasonOf(new Uint8Array(0)), 'malformed')
  t.equal(reasonOf(new Uint8Array(largestPayload + 1)), 'over-size')
  t.equal(reasonOf(good, { maxBytes: good.length }), 'accepted')
  t.equal(reasonOf(good, { maxBytes: good.length - 1 }), 'over-size')

  t.equal(reasonOf(resealed(sender, { metadata: { format: 'trustmix-params/2' } })), 'unsupported-version')
  t.equal(reasonOf(resealed(sender, { metadata: { format: 'someone-else/1' } })), 'malformed')
  for (const boot of ['', '-1', '1.5', '01', '1e3', '9'.repeat(16)])
    t.equal(reasonOf(resealed(sender, { metadata: { boot } })), 'malformed', `boot ${boot}`)

  t.equal(reasonOf(good, { vehicle: 'car05' }), 'wrong-sender', 'the topic of another vehicle')
  t.equal(reasonOf(good, { fleet: 'other' }), 'wrong-sender', 'another fleet')
  const claimed = sealParams(policy, { ...header, vehicle: 'car05' }, smallKind, sender)
  t.equal(reasonOf(claimed, { vehicle: 'car05' }), 'bad-signature', "another vehicle's name under the own key")
  const stranger = sealParams(policy, { ...header, vehicle: 'car99' }, smallKind, sender)
  t.equal(reasonOf(stranger, { vehicle: 'car99' }), 'unknown-peer')
  t.equal(reasonOf(unsigned({})), 'bad-signature', 'no signature but the placeholder')
  t.equal(reasonOf(unsigned({ metadata: { signature: '' } })), 'bad-signature')
  t.equal(reasonOf(replaceText(good, '"signature"', '"signaturX"')), 'bad-signature')
})

t.test('every truncation is malformed and every flipped bit is refused', async (t) => {
  const lengths = Array.from({ length: 200 }, (_, i) => Math.floor((i * good.length) / 200))
  t.same(new Set(lengths.map((length) => reasonOf(good.subarray(0, length)))), new Set(['malformed']))
  const dataStart = 8 + Number(new DataView(good.buffer, good.byteOffset).getBigUint64(0, true))
  const flipped = (byte: number, bit: number) => {
    const bytes = good.slice()
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit)
    return reasonOf(bytes)
  }
  const tensorReasons = new Set<string>()
  for (let byte = dataStart; byte < good.length; byte += 3) tensorReasons.add(flipped(byte, byte % 8))
  t.same(tensorReasons, new Set(['bad-signature']))
  const headerReasons = new Set<string>()
  for (let byte = 0; byte < dataStart; byte++) headerReasons.add(flipped(byte, byte % 7))
  const blameless = ['bad-signature', 'malformed', 'unsupported-version', 'wrong-sender']
  t.same(
    [...headerReasons].filter((reason) => !blameless.includes(reason)),
    [],
    'in the header: never accepted, and no reason that needs a signature that holds',
  )
})

t.test('(boot, sequence) must grow', async (t) => {
  const cases: [number, number, string][] = [
    [2, 4, 'accepted'],
    [1, 900, 'accepted'],
    [2, 5, 'replayed'],
    [2, 6, 'replayed'],
    [3, 0, 'replayed'],
  ]
  for (const [boot, sequence, reason] of cases)
    t.equal(reasonOf(good, { last: { boot, sequence } }), reason, `(2, 5) after (${boot}, ${sequence})`)
})

t.test('the order of the checks is size, framing, signature, replay, shape, finiteness', async (t) => {
  // A message with all six faults; each is mended in turn.
  const last = { boot: 9, sequence: 9 }
  const nan = { shape: [1], data: Float32Array.of(Number.NaN) }
  const worst = (more: { sequence?: string; features?: string; sign?: boolean; extra?: boolean }) => {
    const change: Change = {
      metadata: { boot: '9', sequence: more.sequence ?? '1', ...(more.features && { features: more.features }) },
      tensors(tensors) {
        tensors.set('log_std', nan)
        if (more.extra !== false) tensors.set('extra', vector(1))
      },
    }
    return more.sign === false ? unsigned(change) : resealed(sender, change)
  }
  const torn = worst({ sign: false }).subarray(0, -1)
  t.equal(reasonOf(torn, { last, maxBytes: 100 }), 'over-size')
  t.equal(reasonOf(torn, { last }), 'malformed')
  t.equal(reasonOf(worst({ sign: false }), { last }), 'bad-signature')
  t.equal(reasonOf(worst({ features: '0' }), { last }), 'replayed')
  t.equal(reasonOf(worst({ sequence: '10' }), { last }), 'shape-mismatch')
  t.equal(reasonOf(worst({ sequence: '10', extra: false }), { last }), 'non-finite')
})

t.test('2,000 mutations: nothing throws, nothing foreign is accepted', async (t) => {
  const rng = createRng(20220401, 'mutations')
  const mailbox: Mailbox = createMailbox('demo', smallKind, own)
  const accepted: number[] = []
  for (let i = 0; i < 2_000; i++) {
    let bytes: Uint8Array = good.slice()
    for (let edits = 1 + rng.integer(4); edits > 0; edits--) {
      // Mostly in the header, where the structure is.
      const at = rng.integer(rng.integer(4) === 0 ? bytes.length : Math.min(bytes.length, 1200))
      const kind = rng.integer(4)
      if (kind === 0) bytes[at] = rng.integer(256)
      else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + rng.integer(9))])
      else if (kind === 2)
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, rng.integer(64)), bytes.subarray(at)])
      else bytes.set(bytes.slice(0, 8), Math.max(0, Math.min(at, bytes.length - 8)))
      if (bytes.length === 0) bytes = Uint8Array.of(0)
    }
    if (!mailbox.receive(bytes, 'car03').refused && !Buffer.from(bytes).equals(good)) accepted.push(i)
  }
  t.same(accepted, [])
})

interface Change {
  readonly metadata?: Readonly<Record<string, string>>
  readonly tensors?: (tensors: Map<string, { shape: readonly number[]; data: Float32Array | Float64Array }>) => void
}

/** The good message changed, its hash put right, with the placeholder as signature. */
function unsigned({ metadata = {}, tensors: change = () => {} }: Change): Buffer {
  const file = decodeSafetensors(good)
  const tensors = new Map(file.tensors) as Parameters<typeof change>[0]
  change(tensors)
  const draft = { tensors, metadata: new Map([...file.metadata, ['signature', 'A'.repeat(88)]]) } as SafetensorsFile
  const values = new Map([
    ...draft.metadata,
    ['policyHash', hashOf(encodeSafetensors(draft))],
    ...Object.entries(metadata),
  ])
  return Buffer.from(encodeSafetensors({ tensors, metadata: values }))
}

/** The same, signed as the sender would. */
function resealed(identity: Identity, change: Change): Buffer {
  const bytes = unsigned(change)
  const length = Number(bytes.readBigUInt64LE(0))
  bytes.write(identity.sign(bytes.subarray(8, 8 + length)), bytes.indexOf('A'.repeat(88)), 'latin1')
  return bytes
}

function hashOf(bytes: Uint8Array): string {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  return sha256(bytes.subarray(8 + length))
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace(from, to), 'latin1')
}

function vector(size: number): { shape: number[]; data: Float32Array } {
  return { shape: [size], data: new Float32Array(size) }
}
