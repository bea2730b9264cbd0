import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AgentState } from '../device/agent-state.ts'
import {
  type CheckpointStore,
  createCheckpointStore,
  decodeCheckpoint,
  encodeCheckpoint,
  writeAtomically,
} from '../device/checkpoint.ts'
import { decodeSafetensors, encodeSafetensors } from '../device/core/safetensors.ts'
import { nextBoot } from '../device/process.ts'
import { createSmallAgent, practise } from './support/devices.ts'

const owner = { vehicle: 'car01', seed: 1, engine: 'reference/1', architecture: '{"hidden":[8,8]}' }
const [current, previous, temporary] = [
  'checkpoint.safetensors',
  'checkpoint.previous.safetensors',
  'checkpoint.tmp',
] as const

/** Three states that follow one another. */
const [s1, s2, s3] = (() => {
  const agent = createSmallAgent('car01', { reuseSamples: 8 })
  const next = (): AgentState => {
    practise(agent, 6, 10 * agent.updates)
    agent.learn()
    practise(agent, 2, 50)
    return agent.state()
  }
  return [next(), next(), next()] as const
})()

function newStore(directory: string): CheckpointStore {
  return createCheckpointStore(directory, owner)
}

t.test('a checkpoint keeps every bit', async (t) => {
  for (const state of [createSmallAgent().state(), s1, s3])
    t.same(decodeCheckpoint(encodeCheckpoint(state, owner), owner), state)
  const odd = Float64Array.from(s1.adamV)
  odd.set([-0, 5e-324, Number.MAX_VALUE, 0.1 + 0.2])
  const decoded = decodeCheckpoint(encodeCheckpoint({ ...s1, adamV: odd }, owner), owner)
  t.ok(Buffer.from(decoded.adamV.buffer).equals(Buffer.from(odd.buffer)), '−0 and the smallest number too')
  t.match(decodeCheckpoint(encodeCheckpoint({ ...s1, held: undefined }, owner), owner), { held: undefined })
})

t.test('two generations: the newest is loaded, the one before it is kept', async (t) => {
  const directory = join(t.testdir(), 'new', 'place')
  const store = newStore(directory)
  t.same(store.load(), { state: undefined, notes: [] })
  store.save(s1)
  t.same([existsSync(join(directory, current)), existsSync(join(directory, previous))], [true, false])
  store.save(s2)
  store.save(s3)
  t.same(newStore(directory).load(), { state: s3, notes: [] })
  t.same(decodeCheckpoint(readFileSync(join(directory, previous)), owner), s2)
  t.notOk(existsSync(join(directory, temporary)))
})

t.test('what is damaged is named and passed over', async (t) => {
  const directory = t.testdir()
  const store = newStore(directory)
  store.save(s1)
  store.save(s2)
  const whole = readFileSync(join(directory, current))
  for (const at of [0, 20, 200, whole.length - 1]) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    writeFileSync(join(directory, current), flipped)
    const { state, notes } = store.load()
    t.same(state, s1, `a bit of byte ${at}`)
    t.match(notes, [/^checkpoint\.safetensors is damaged: /])
  }
  for (const length of [0, 7, 300, whole.length - 1]) {
    writeFileSync(join(directory, current), whole.subarray(0, length))
    t.same(store.load().state, s1, `cut to ${length} bytes`)
  }
  writeFileSync(join(directory, previous), 'nonsense')
  const { state, notes } = store.load()
  t.equal(state, undefined)
  t.match(notes, [/^checkpoint\.safetensors is damaged: /, /^checkpoint\.previous\.safetensors is damaged: /])
  store.save(s3)
  t.same(store.load(), { state: s3, notes: [] }, 'the next save mends it')
})

t.test('a power cut between any two file operations leaves a whole generation', async (t) => {
  const whole = { 1: encodeCheckpoint(s1, owner), 2: encodeCheckpoint(s2, owner), 3: encodeCheckpoint(s3, owner) }
  const torn = whole[3].subarray(0, 1000)
  const damaged = Buffer.from(whole[2])
  damaged[500] = (damaged[500] ?? 0) ^ 1
  // Saving s3 over s2 and s1: what the directory holds after each operation, and what must be found there.
  const cuts: [string, Readonly<Record<string, Uint8Array>>, AgentState][] = [
    ['before', { [current]: whole[2], [previous]: whole[1] }, s2],
    ['in the write', { [current]: whole[2], [previous]: whole[1], [temporary]: torn }, s2],
    ['after the write', { [current]: whole[2], [previous]: whole[1], [temporary]: whole[3] }, s2],
    ['after the first rename', { [previous]: whole[2], [temporary]: whole[3] }, s3],
    ['after the second', { [current]: whole[3], [previous]: whole[2] }, s3],
    ['in the very first write', { [temporary]: whole[3].subarray(0, 1000), [previous]: whole[1] }, s1],
    ['after the first rename, the old one being damaged', { [previous]: damaged, [temporary]: whole[3] }, s3],
  ]
  for (const [when, files, state] of cuts) {
    const directory = t.testdir()
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
    const store = newStore(directory)
    t.same(store.load().state, state, when)
    store.save(s1)
    t.same(newStore(directory).load(), { state: s1, notes: [] }, `${when}: saving goes on`)
    for (const name of [current, previous, temporary]) rmSync(join(directory, name), { force: true })
  }
})

t.test("another owner's checkpoint and one of another version are not taken", async (t) => {
  const directory = t.testdir()
  newStore(directory).save(s1)
  for (const other of [{ vehicle: 'car03' }, { seed: 2 }, { engine: 'wasm/1' }, { architecture: '{}' }]) {
    const { state, notes } = createCheckpointStore(directory, { ...owner, ...other }).load()
    t.equal(state, undefined)
    t.match(notes, [/must belong to .*car0/])
  }
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(directory, current)))
  const later = new Map([...metadata, ['format', 'trustmix-checkpoint/2']])
  writeFileSync(join(directory, current), encodeSafetensors({ tensors, metadata: later }))
  t.match(newStore(directory).load(), {
    state: undefined,
    notes: [/unsupported-version: format must be trustmix-checkpoint\/1, got trustmix-checkpoint\/2/],
  })
})

t.test('a checkpoint that cannot be read at all is noted', async (t) => {
  const directory = t.testdir({ [current]: {} })
  const store = newStore(directory)
  t.match(store.load(), { state: undefined, notes: [/^checkpoint\.safetensors: EISDIR/] })
})

t.test('the boot counter grows with every start and refuses damage', async (t) => {
  const directory = t.testdir()
  t.same([nextBoot(directory), nextBoot(directory), nextBoot(directory)], [1, 2, 3])
  t.same(JSON.parse(readFileSync(join(directory, 'boot.json'), 'utf8')), { version: 1, boot: 3 })
  for (const boot of [
    '',
    '{"version":1,',
    '{"version":1}',
    '{"version":1,"boot":1.5}',
    '{"version":1,"boot":-1}',
    '{"version":2,"boot":1}',
  ]) {
    writeFileSync(join(directory, 'boot.json'), boot)
    t.throws(() => nextBoot(directory), { code: 4 }, `${boot}: a replay counter must not start again by itself`)
  }
})

t.test('an atomic write leaves the old file where it cannot finish', async (t) => {
  const directory = t.testdir({ 'policy.json': 'old', 'in-the-way': { file: '' } })
  t.throws(() => writeAtomically(join(directory, 'in-the-way'), 'new'))
  writeAtomically(join(directory, 'policy.json'), 'new')
  t.equal(readFileSync(join(directory, 'policy.json'), 'utf8'), 'new')
})
