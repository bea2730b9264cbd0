import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replayLog } from '../device/recorder/replay.ts'
import { watchUpdates } from '../device/update-result.ts'
import { answer, refuses } from './support/cli.ts'
import { calm } from './support/devices.ts'
import { createRecording, drive, forged, type Message, messagesOf } from './support/recording.ts'
import { createRig, decide, last, policyOf, reset, turn } from './support/rig.ts'

t.test('a recorded device does what it does without a recorder, and its log replays bit for bit', async (t) => {
  const recording = createRecording(t.testdir())
  await drive(recording.rig, 3)
  const plain = createRig(['car01'], { engine: 'reference' })
  await drive(plain, 3)
  t.same(policyOf(recording.rig, 'car01'), policyOf(plain, 'car01'))
  t.ok(
    plain.verdicts.some(({ accepted }) => accepted),
    'something was mixed',
  )
  const withoutKeys = (rig: typeof plain) => rig.acts.map((act) => JSON.stringify(act))
  t.same(withoutKeys(recording.rig), withoutKeys(plain), 'every answer is the same')

  const [path = ''] = await recording.end()
  const result = await replayLog([path])
  t.match(result, { vehicle: 'car01', identical: true, files: 1, lost: 0, cut: 0, first: undefined })
  t.equal(result.policyHash, recording.rig.devices.get('car01')?.policyHash)
  const counts = { '/in/reset': 3, '/in/decide': 30, '/out/action': 30, '/in/learn': 6, '/out/learned': 6 }
  t.match(result.counts, { ...counts, '/in/mix': 6, '/out/mixed': 6, '/in/message': 12, '/out/verdict': 12 })
  t.match(result.counts, { '/out/state': 12, '/out/params': 6, '/snapshot': 1 })
  t.equal(result.records, messagesOf(readFileSync(path)).length)
  t.same(await answer(t, ['replay', path]), { identical: true, records: result.records, logs: [result] })
})

t.test('what became of an update is in the status, when it comes, and the log replays', async (t) => {
  const path = join(t.testdir({ log: {} }), 'result.json')
  const updates = watchUpdates(path)
  const { rig, end } = createRecording(join(t.testdirName, 'log'), {}, { lastUpdate: updates.last })
  await drive(rig, 1)
  t.notOk(updates.changed())
  t.match(rig.statuses.at(-1), { state: 'online' })
  t.equal(rig.statuses.at(-1)?.update, undefined)
  const result = { state: 'refused', reason: 'wrong-host', detail: 'the host must be one of (none), got a.example' }
  writeFileSync(path, JSON.stringify(result))
  t.ok(updates.changed())
  rig.devices.get('car01')?.surroundingsChanged()
  t.match(rig.statuses.at(-1), { update: result })
  writeFileSync(path, '{ "state": "fine" }')
  rig.devices.get('car01')?.surroundingsChanged()
  t.equal(rig.statuses.at(-1)?.update, undefined, 'what is no such file says nothing')
  const [log = ''] = await end()
  t.match(await replayLog([log]), { identical: true })
})

t.test('decisions that come into learning are replayed between the same steps', async (t) => {
  let release: (() => void) | undefined
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      release = resolve
    })
  const go = async (): Promise<void> => {
    const resolve = release
    release = undefined
    resolve?.()
    await turn()
  }
  const { rig, end } = createRecording(t.testdir(), { ppoEpochs: 6 }, { pause })
  rig.ask('car01', reset)
  rig.ask('car01', decide)
  rig.ask('car01', { kind: 'learn', epoch: 1, step: 250, outcome: last, observation: calm })
  await turn()
  for (let i = 0; release; i++) {
    if (i === 1 || i === 3) rig.ask('car01', { ...decide, step: 260 + i, observation: { ...calm, gap: 20 + i } })
    if (i === 3) rig.devices.get('car01')?.tick()
    await go()
  }
  t.match(rig.last('learn'), { updates: 1 })
  rig.ask('car01', { kind: 'learn', epoch: 1, step: 500, outcome: last, observation: calm })
  await turn()
  await go()
  // A new epoch gives the update up; the next decision is the first of its own.
  rig.ask('car01', { ...reset, epoch: 2 })
  rig.ask('car01', { ...decide, epoch: 2 })
  while (release) await go()
  const [path = ''] = await end()
  const inputs = messagesOf(readFileSync(path)).filter(({ topic }) => topic === '/in/decide')
  t.same(
    inputs.map(({ json }) => json.learningStep),
    [undefined, 2, 4, 2],
  )
  t.match(await replayLog([path]), { identical: true, counts: { '/out/action': 4, '/out/learned': 2 } })
})

t.test('a log that is cut anywhere replays as far as it is whole', async (t) => {
  const directory = t.testdir()
  const { rig, end } = createRecording(directory)
  await drive(rig, 2)
  const [path = ''] = await end()
  const bytes = readFileSync(path)
  const messages = messagesOf(bytes)
  const cut = join(directory, 'cut.mcap')
  for (let i = 1; i <= messages.length; i += 7) {
    writeFileSync(cut, bytes.subarray(0, (messages[i]?.offset ?? bytes.length) + (i % 40)))
    const result = await replayLog([cut])
    if (!(result.identical && result.cut === 1 && result.records === i)) t.fail(`${i}: ${JSON.stringify(result)}`)
  }
  t.ok(messages.length > 100, `${messages.length} records`)
})

t.test('every file of a rotated log replays alone, and as many as configured are kept', async (t) => {
  const directory = t.testdir()
  const { rig, end } = createRecording(directory, {}, { fileBytes: 200_000, files: 3 })
  await drive(rig, 12)
  const files = await end()
  t.equal(files.length, 3)
  t.notMatch(files[0], /000001-000000\.mcap$/, 'the oldest ones are gone')
  let records = 0
  for (const file of files) {
    t.ok(statSync(file).size <= 200_000, `${statSync(file).size} bytes`)
    const alone = await replayLog([file])
    t.match(alone, { identical: true, cut: 0, lost: 0 })
    records += alone.records
  }
  const together = await replayLog([...files].reverse())
  t.match(together, { identical: true, files: 3, records })
  t.equal(together.policyHash, rig.devices.get('car01')?.policyHash)
})

t.test('what was changed and chained again is named where it first shows', async (t) => {
  const directory = t.testdir()
  const recording = createRecording(directory)
  await drive(recording.rig, 2)
  const [path = ''] = await recording.end()
  const messages = messagesOf(readFileSync(path))
  const place = messages.findLastIndex(({ topic, json }) => topic === '/in/decide' && json.outcome === null)
  const input = messages[place] as Message
  const actionAfter = messages[place + 1] as Message
  t.equal(actionAfter.topic, '/out/action')
  const file = join(directory, 'car01-000009-000000.mcap')
  const replayForged = async (message: Message, change: (text: string) => string) => {
    writeFileSync(file, forged(path, message, change))
    return replayLog([file])
  }
  const faster = (bits: string): string => {
    const numbers = new Float64Array(new Uint8Array(Buffer.from(bits, 'base64')).buffer)
    numbers[1] = 6.5
    return Buffer.from(numbers.buffer).toString('base64')
  }
  const { bits, observation } = input.json as { bits: string; observation: { speed: number } }
  const speed = `"speed":${observation.speed}`
  const padded = `"speed":6.5${'0'.repeat(String(observation.speed).length - 3)}`

  const both = await replayForged(input, (text) => text.replace(bits, faster(bits)).replace(speed, padded))
  t.match(both, { identical: false, first: { topic: '/out/action', record: actionAfter.json.record } })
  t.match(both.first?.field, /^command\./)
  t.equal(both.first?.expected, JSON.stringify(Object.values(actionAfter.json.command as object)[0]))

  const copyOnly = await replayForged(input, (text) => text.replace(speed, padded))
  t.match(copyOnly.first, { topic: '/in/decide', record: input.json.record, field: 'observation.speed' })
  t.match(copyOnly.first, { expected: '6.5', found: String(observation.speed) })

  const state = messages.filter(({ topic }) => topic === '/out/state')[2] as Message
  const { digests } = state.json as { digests: { adamM: string } }
  const spoilt = await replayForged(state, (text) => text.replace(digests.adamM, '5'.repeat(64)))
  t.match(spoilt.first, { topic: '/out/state', record: state.json.record, field: 'digests.adamM' })

  const peer = messages.find(({ topic }) => topic === '/in/message') as Message
  const { bytes } = peer.json as { bytes: string }
  const turned = bytes.slice(-40, -39) === 'A' ? 'B' : 'A'
  const parameter = await replayForged(peer, (text) =>
    text.replace(bytes, `${bytes.slice(0, -40)}${turned}${bytes.slice(-39)}`),
  )
  t.match(parameter.first, { topic: '/out/state', field: 'topic', found: '/out/verdict' }, 'it is refused at once')

  const refuse = async (code: number, rule: RegExp, bytes: Buffer): Promise<void> => {
    writeFileSync(file, bytes)
    await refuses(t, code, rule, ['replay', file])
  }
  const unread = forged(path, input, (text) => text.replace('"outcome"', '"outcomf"'))
  await refuse(4, new RegExp(`record ${input.json.record}, /in/decide: `), unread)
  const [snapshot] = messages as [Message]
  const other = forged(path, snapshot, (text) => text.replace('"engine":"reference/1"', '"engine":"reference/0"'))
  await refuse(2, /the engine must be reference\/0, which recorded, got reference\/1/, other)
  const flipped = Buffer.from(readFileSync(path)).fill('x', input.offset + 200, input.offset + 201)
  await refuse(4, new RegExp(`record ${input.json.record}, at byte ${input.offset}: its chain is not right`), flipped)
  await refuse(4, /a log must hold a whole record/, flipped.subarray(0, 1000))
  await refuses(t, 2, /must hold logs/, ['replay', t.testdir({ empty: {} })])
  await refuses(t, 2, /needs a log file/, ['replay'])
})
