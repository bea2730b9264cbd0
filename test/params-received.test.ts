import t from 'tap'
import { policyHash } from '../device/identity.ts'
import { createMailbox } from '../device/mailbox.ts'
import { createSealer, expectedOf, type Kind, openParams, sealParams } from '../device/params.ts'
import { createSharedMessages } from '../device/params-decoding.ts'
import { smallKind } from './support/devices.ts'
import { arrival, good, header, identityOf, own, policy, sender } from './support/sealed.ts'

/** Parameter messages on their way to the judgement: kept by a mailbox, shared by the devices of one process. */
t.test('a message that is not authentic moves no counter and displaces no policy', async (t) => {
  const mailbox = createMailbox('demo', smallKind, own)
  const hash = policyHash(policy)
  t.same(mailbox.receive(good, 'car03'), {})
  const held = mailbox.held('car03', hash)
  t.equal(held?.ok, true)
  const forged = sealParams(policy, { ...header, boot: 900 }, smallKind, identityOf('car05'))
  const older = sealParams(policy, { ...header, boot: 1, sequence: 99 }, smallKind, sender)
  const flipped = Uint8Array.from(sealParams(policy, { ...header, sequence: 77 }, smallKind, sender))
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  t.same(
    [forged, good, older, flipped, good.subarray(9)].map((bytes) => mailbox.receive(bytes, 'car03').refused?.reason),
    ['bad-signature', 'replayed', 'replayed', 'bad-signature', 'malformed'],
  )
  t.equal(mailbox.receive(good, 'car05').refused?.reason, 'wrong-sender')
  t.equal(mailbox.held('car03', hash), held)
  t.equal(mailbox.held('car05', hash), undefined)
  t.equal(mailbox.held('car03', '0'.repeat(64)), undefined, 'only under its hash')
  const next = sealParams(policy, { ...header, sequence: 6 }, smallKind, sender)
  t.same(mailbox.receive(next, 'car03'), {}, 'the next sequence is still taken')
})

t.test("an authentic message that cannot be mixed is laid at its sender's door", async (t) => {
  const mailbox = createMailbox('demo', smallKind, own)
  const broken = policy.slice().fill(Number.NaN, 3, 4)
  mailbox.receive(good, 'car03')
  const refused = mailbox.receive(sealParams(broken, { ...header, sequence: 6 }, smallKind, sender), 'car03')
  t.equal(refused.refused?.reason, 'non-finite')
  const held = mailbox.held('car03', policyHash(broken))
  t.match(held, { ok: false, reason: 'non-finite', authentic: { boot: 2, sequence: 6 } })
})

t.test('what was sealed in the same process opens as it would anywhere', async (t) => {
  const messages = createSharedMessages()
  const seal = createSealer(smallKind, sender, messages.onSealed)
  const openings = (bytes: Uint8Array, kind: Kind = smallKind, to = arrival) => {
    const elsewhere = openParams(Uint8Array.from(bytes), to, expectedOf(kind), own)
    return [openParams(bytes, to, expectedOf(kind), own, messages.decode), elsewhere]
  }
  const sealed = (vector: Float64Array, hash = policyHash(vector)) => seal(vector, header, hash)
  const wider = { ...smallKind, architecture: { ...smallKind.architecture, hidden: [8, 9] } }
  const broken = policy.slice().fill(Number.NaN, 3, 4)
  for (const [name, [here, elsewhere]] of Object.entries({
    accepted: openings(sealed(policy)),
    'other architecture': openings(sealed(policy), wider),
    'not finite': openings(sealed(broken)),
    'other sender': openings(sealed(policy), smallKind, { ...arrival, vehicle: 'car05' }),
    replayed: openings(sealed(policy), smallKind, { ...arrival, last: { boot: 2, sequence: 5 } }),
  }))
    t.same(here, elsewhere, name)
  t.equal(messages.decode(sealed(policy)).policy(expectedOf(smallKind)).constructor, Float32Array)
  t.equal(messages.decode(good), messages.decode(good), 'what came from elsewhere is decoded once')
})
