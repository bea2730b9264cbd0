import { rmSync } from 'node:fs'
import t from 'tap'
import { createBroker } from '../broker/broker.ts'
import { createCheckpointStore } from '../device/checkpoint.ts'
import { policyHash } from '../device/identity.ts'
import { validateAct, validateObs } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { base, start } from './support/broker-fixture.ts'
import { busTo, disconnected, nextConnection } from './support/buses.ts'
import { calm, collect } from './support/devices.ts'
import { testFolder } from './support/program.ts'
import { absent, at, createRig, decide, last, outcome, peerPolicies, policyOf, reset, turn } from './support/rig.ts'

const [first, second] = peerPolicies

t.test('nothing counts before the first reset, each question is answered once', async (t) => {
  const rig = createRig(['car01'])
  rig.ask('car01', decide)
  rig.ask('car01', { kind: 'learn', ...at })
  await turn()
  rig.ask('car01', { kind: 'mix', ...at, policies: {} })
  await turn()
  t.same(rig.acts, [])
  rig.ask('car01', reset)
  t.same(rig.acts, [
    {
      version: 1,
      run: 'run1',
      epoch: 1,
      step: 0,
      seq: 4,
      kind: 'reset',
      policyHash: policyHash(policyOf(rig, 'car01')),
    },
  ])
  rig.ask('car01', decide)
  rig.ask('car01', decide, 5)
  t.equal(rig.acts.length, 3)
  t.same(rig.acts[2], rig.acts[1], 'the same seq gets the same answer, not a new draw')
  rig.ask('car01', decide, 2)
  t.equal(rig.acts.length, 3, 'an older seq gets none')
  const foreign = { version: 1, run: 'other', seq: 99, ...decide } as const
  rig.bus.publish(channels.obs, { fleet: 'demo', run: 'run1', vehicle: 'car01' }, foreign)
  t.equal(rig.acts.length, 3, 'another run gets none')
  rig.ask('car01', { kind: 'end', epoch: 1, step: 0 })
  t.equal(rig.last('end')?.policyHash, rig.devices.get('car01')?.policyHash)
  t.equal(rig.devices.get('car01')?.agent.samples, 0)
})

t.test('a device that only meets the end of a run answers it', async (t) => {
  const rig = createRig(['car01'])
  rig.ask('car01', { kind: 'end', epoch: 9, step: 0 })
  t.match(rig.acts, [{ kind: 'end', seq: 1 }])
})

t.test('a round waits for exactly the listed policies, asks once a second and gives up with a note', async (t) => {
  const rig = createRig(['car01', 'car03'])
  for (const id of ['car01', 'car03']) rig.ask(id, reset)
  rig.ask('car01', decide)
  rig.ask('car01', { kind: 'learn', ...at, outcome: last, observation: calm })
  await turn()
  t.match(rig.last('learn'), { samples: 1, updates: 1, return: 0.25 })
  const learned = rig.last('learn')?.policyHash ?? ''
  rig.ask('car03', { kind: 'learn', ...at })
  await turn()
  const policies = { car01: learned, car03: rig.last('learn')?.policyHash ?? '', car10: policyHash(second) }
  rig.offer('car10', first)
  rig.ask('car01', { kind: 'mix', ...at, policies })
  await turn()
  t.equal(rig.last('mix'), undefined, 'another policy of the same peer does not do')
  const tick = (ms: number): void => {
    rig.clock.ms = ms
    rig.devices.get('car01')?.tick()
  }
  for (const ms of [999, 1000, 1500, 2000]) tick(ms)
  const hash = policyHash(second).slice(0, 4)
  t.same(rig.wants, Array(2).fill(`car01 wants ${hash} of car10`))
  rig.offer('car10', second, 2)
  await turn()
  const answer = rig.last('mix')
  t.match(
    answer?.verdicts.map(({ peer }) => peer),
    ['car03', 'car10'],
  )
  t.same(answer?.refused, {})
  t.equal(answer?.note, undefined)

  rig.ask('car01', { kind: 'mix', ...at, policies: { car03: absent } })
  tick(12_000)
  await turn()
  t.equal(rig.last('mix'), answer, 'missingAfterMs is not over yet')
  tick(12_001)
  await turn()
  t.same(rig.last('mix')?.verdicts, [{ peer: 'car03', accepted: false, referred: false, reason: 'missing' }])
  t.equal(rig.last('mix')?.note, 'parameters of car03 did not come')
  t.match(rig.verdicts.at(-1), { mode: 'wire', reason: 'missing', peerId: 'car03', peerHash: absent, accepted: false })
})

t.test('a peer answers `want` with the same policy again, at most twice a second', async (t) => {
  const rig = createRig(['car01'])
  let sent = 0
  rig.bus.subscribe(channels.params, { fleet: 'demo' }, () => sent++)
  rig.ask('car01', reset)
  rig.ask('car01', { kind: 'learn', ...at })
  await turn()
  const hash = rig.last('learn')?.policyHash ?? ''
  const want = { version: 1, peer: 'car03', round: 1 } as const
  const to = { fleet: 'demo', cell: 'all', vehicle: 'car01' }
  for (const [ms, wanted] of [
    [0, absent],
    [0, hash],
    [499, hash],
    [500, hash],
  ] as const) {
    rig.clock.ms = ms
    rig.bus.publish(channels.want, to, { ...want, hash: wanted })
  }
  t.equal(sent, 3)
})

t.test('refused messages are counted by reason, once, and a flood is not answered by one', async (t) => {
  const rig = createRig(['car01'])
  rig.ask('car01', reset)
  rig.offer('car03', first)
  rig.offer('car03', first)
  for (let i = 0; i < 50; i++)
    rig.bus.publish(channels.params, { fleet: 'demo', cell: 'all', vehicle: 'car10' }, Uint8Array.of(1))
  rig.ask('car01', { kind: 'mix', ...at, policies: {} })
  await turn()
  t.same(rig.last('mix')?.refused, { replayed: 1, malformed: 50 })
  t.match(rig.verdicts, [{ mode: 'wire', reason: 'replayed', peerId: 'car03' }])
  rig.ask('car01', { kind: 'mix', ...at, policies: {} })
  await turn()
  t.same(rig.last('mix')?.refused, {})
})

t.test('a policy that is authentic but broken is judged by its reason, not waited for', async (t) => {
  const rig = createRig(['car01'])
  rig.ask('car01', reset)
  const hash = rig.offer(
    'car03',
    first.map((x, i) => (i === 4 ? Number.NaN : x)),
  )
  rig.ask('car01', { kind: 'mix', ...at, policies: { car03: hash } })
  await turn()
  t.match(rig.last('mix'), {
    verdicts: [{ peer: 'car03', accepted: false, reason: 'non-finite' }],
    refused: { 'non-finite': 1 },
  })
})

t.test('senses that are not numbers: the fallback drives and nothing is learned of it', async (t) => {
  const rig = createRig(['car01'])
  const agent = rig.devices.get('car01')?.agent
  rig.ask('car01', reset)
  rig.ask('car01', decide)
  const before = policyHash(policyOf(rig, 'car01'))
  rig.ask('car01', { ...decide, observation: { ...calm, gap: Number.NaN }, outcome })
  t.match(rig.last('decide'), { command: { acceleration: -3 }, fallback: 'no observation' })
  t.equal(agent?.samples, 0, 'the observation that ended the hold is unknown')
  rig.ask('car01', { ...decide, outcome })
  t.equal(agent?.samples, 0, 'what the fallback earned is no sample of an older action')
  t.equal(rig.last('decide')?.fallback, undefined)
  rig.ask('car01', { ...decide, observation: { ...calm, followerSpeed: Number.POSITIVE_INFINITY }, outcome })
  t.match(rig.last('decide'), { command: { acceleration: 1.5 }, fallback: 'no action' })
  rig.ask('car01', { ...decide, outcome: { ...outcome, reward: Number.NaN } })
  rig.ask('car01', { kind: 'learn', ...at, outcome: { ...outcome, reward: Number.NaN }, observation: calm })
  await turn()
  t.match(rig.last('learn'), { samples: 0, updates: 0, policyHash: before, return: 0 })
  rig.ask('car01', decide)
  rig.ask('car01', { kind: 'learn', ...at, outcome: last, observation: calm })
  await turn()
  t.match(rig.last('learn'), { samples: 1, updates: 1, return: 0.25 })
  t.ok(policyOf(rig, 'car01').every(Number.isFinite))
})

t.test('the raw observation lacks the gap, which the envelope needs', async (t) => {
  const rig = createRig(['car01'], { setting: 'letter' })
  rig.ask('car01', reset)
  rig.ask('car01', { ...decide, observation: { ...calm, gap: Number.NaN } })
  rig.ask('car01', { ...decide, outcome })
  t.equal(rig.devices.get('car01')?.agent.samples, 0, 'the drawn action was never driven')
})

t.test('many absent peers: the answer keeps within its schema', async (t) => {
  const rig = createRig(['car01'])
  rig.ask('car01', reset)
  const ids = Array.from({ length: 40 }, (_, i) => `a-very-long-vehicle-id${i % 10}${i}`.slice(-23))
  rig.ask('car01', { kind: 'mix', ...at, policies: Object.fromEntries(ids.map((id) => [id, absent])) })
  rig.clock.ms = 10_001
  rig.devices.get('car01')?.tick()
  await turn()
  t.match(validateAct(rig.last('mix')), { ok: true })
  t.match(rig.last('mix')?.note, /and 32 more did not come$/)
})

t.test('ids and reasons in questions and answers are of their kind', async (t) => {
  const envelope = { version: 1, run: 'r', epoch: 1, step: 0, seq: 1, kind: 'mix' }
  t.match(validateObs({ ...envelope, policies: { car01: absent } }), { ok: true })
  t.match(validateObs({ ...envelope, policies: { 'a/b': absent } }), { ok: false, reason: 'malformed' })
  const answer = { ...envelope, policyHash: absent, verdicts: [] }
  t.match(validateAct({ ...answer, refused: { replayed: 2 } }), { ok: true })
  t.match(validateAct({ ...answer, refused: { constructor: 2 } }), { ok: false, reason: 'malformed' })
})

t.test('a disk that fails does not stop the car', async (t) => {
  const directory = testFolder(t)
  const owner = { vehicle: 'car01', seed: 1, engine: 'reference/1', architecture: '' }
  const rig = createRig(['car01'], {}, { store: createCheckpointStore(directory, owner) })
  rmSync(directory, { recursive: true })
  rig.ask('car01', reset)
  rig.ask('car01', { kind: 'learn', ...at })
  await turn()
  rig.ask('car01', { kind: 'mix', ...at, policies: {} })
  await turn()
  t.same(
    rig.acts.map(({ kind }) => kind),
    ['reset', 'learn', 'mix'],
  )
  t.match(rig.statuses.at(-1)?.notes?.[0], /^checkpoint was not written: ENOENT/)
})

t.test('an outage of the broker is no fault of the peers: the waiting time starts again', async (t) => {
  const broker = await createBroker(base)
  const [own, bridge, peer] = [
    busTo(t, broker.port, 'd1'),
    busTo(t, broker.port, 'bridge'),
    busTo(t, broker.port, 'd2'),
  ]
  const rig = createRig(['d1'], {}, { bus: own, bridge })
  const device = rig.devices.get('d1')
  const answers = collect(bridge, channels.act, { fleet: 'demo' })
  const questions = collect(own, channels.obs, { fleet: 'demo', run: 'run1', vehicle: 'd1' })
  await Promise.all([own.ready, bridge.ready, peer.ready])
  rig.ask('d1', reset)
  await answers.until(1)
  rig.ask('d1', { kind: 'mix', ...at, policies: { d2: policyHash(first) } })
  await questions.until(2)
  await broker.close()
  await disconnected(own)
  rig.clock.ms = 60_000
  device?.tick()
  const back = Promise.all([own, bridge, peer].map(nextConnection))
  await start(t, { port: broker.port })
  await back
  rig.clock.ms = 70_000
  device?.tick()
  rig.offer('d2', first, 1, peer)
  await answers.until(2)
  t.match(answers.messages[1], { kind: 'mix', verdicts: [{ peer: 'd2', reason: 'too-few-samples' }] })
})
