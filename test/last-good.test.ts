import t from 'tap'
import { createCheckpointStore, decodeCheckpoint, encodeCheckpoint } from '../device/checkpoint.ts'
import { createLastGood } from '../device/last-good.ts'
import { commandedRig, near } from './support/commanded-rig.ts'
import { createSmallAgent, practise } from './support/devices.ts'
import { runLocally } from './support/fleet.ts'
import { reset, turn } from './support/rig.ts'

t.test('rollback: to the last good policy, to a kept one, and what is refused', async (t) => {
  const { rig, command, round, mix, lines } = commandedRig({ rollbackDrop: 1, rollbackWindow: 2, method: 'fixed' })
  rig.ask('car01', reset)
  t.match(command('rollback'), { reason: 'nothing-kept', detail: /first 2 rounds are not over/ })
  const hashes: string[] = []
  for (let i = 0; i < 4; i++) {
    hashes.push((await round(0.3))?.policyHash ?? '')
    await mix(near, i + 1)
  }
  t.equal(new Set(hashes).size, 4)
  t.match(rig.statuses.at(-1), { lastGood: hashes[3], rollbacks: 0 })
  t.match(command('rollback', { policyHash: hashes[2] }), { reason: 'not-kept' })
  const device = rig.devices.get('car01')
  t.not(device?.policyHash, hashes[3], 'a mix came after it')
  rig.clock.ms += 500
  t.match(command('rollback'), { result: 'done', detail: `back to ${hashes[3]}` })
  t.equal(device?.policyHash, hashes[3])
  t.match(command('rollback', { policyHash: hashes[1] }), { result: 'done' })
  t.equal(device?.policyHash, hashes[1])
  t.match(rig.statuses.at(-1), { policyHash: hashes[1], lastGood: hashes[1], rollbacks: 0 })
  t.match(command('rollback', { policyHash: hashes[3] }), { reason: 'not-kept' }, 'what came after it is given up')
  await round(0.3)
  t.match(await mix(near, 9), { verdicts: [] }, 'after a return nobody is considered for a window')
  t.ok(lines.some((line) => line.startsWith('command: rollback of ann: back to ')))
  t.match(commandedRig().command('rollback'), { reason: 'nothing-kept', detail: /rollbackDrop is not set/ })
})

t.test('a rollback while an update is under way: the answer is the policy returned to', async (t) => {
  let resume: () => void = () => {}
  let halts = false
  const pause = () => (halts ? new Promise<void>((resolve) => (resume = resolve)) : undefined)
  const { rig, command, round } = commandedRig({ rollbackDrop: 1, rollbackWindow: 1 }, { pause })
  rig.ask('car01', reset)
  const kept = (await round(0.3))?.policyHash
  halts = true
  const seen = rig.acts.length
  void (await round(0.4))
  t.ok(
    rig.acts.slice(seen).every(({ kind }) => kind === 'decide'),
    'it is learning',
  )
  t.match(command('rollback'), { result: 'done' })
  halts = false
  resume()
  await turn()
  t.match(rig.last('learn'), { policyHash: kept, updates: 1 })
})

t.test('a collapse after a mix is undone, its peers are named, and the device rests', async (t) => {
  const config = { rollbackDrop: 0.5, rollbackWindow: 2, method: 'fixed', fixedAlpha: 0.9 } as const
  const { rig, round, mix, lines } = commandedRig(config)
  rig.ask('car01', reset)
  await round(0.4)
  await mix(near, 1)
  const good = (await round(0.4))?.policyHash
  t.match(rig.statuses.at(-1)?.lastGood, undefined)
  await mix(near, 2)
  t.match(rig.statuses.at(-1), { lastGood: good, rollbacks: 0 })
  await round(0.1)
  await mix(near, 3)
  t.match(await round(0.1), { policyHash: good }, 'peers are sent the policy returned to')
  const told = /^return fell from 0.4\S* to 0.1\S* over 2 rounds after mixes of car10: back to policy /
  t.match(rig.statuses.at(-1), { policyHash: good, lastGood: good, rollbacks: 1, notes: [told] })
  t.ok(
    lines.some((line) => told.test(line.replace('rollback: ', ''))),
    'an event in the log',
  )
  t.match(await mix(near, 4), { policyHash: good, verdicts: [] })
  // The road stays slow: by itself the policy is worth no more, which becomes the measure.
  await round(0.1)
  t.match(await mix(near, 5), { verdicts: [] })
  await round(0.1)
  t.match(await mix(near, 6), { verdicts: [{ peer: 'car10' }] })
  await round(0.1)
  await mix(near, 7)
  await round(0.1)
  t.match((await mix(near, 8))?.verdicts, [{ peer: 'car10' }])
  t.match(rig.statuses.at(-1), { rollbacks: 1 })
})

t.test('when the device returns, and when it does not', async (t) => {
  // Returns of windows of one round; a letter marks a mix after the round.
  const cases: [string, number, [number, string?][], number][] = [
    ['a fall of exactly the share is none', 0.5, [[0.4, 'a'], [0.2]], 0],
    ['a little more is one', 0.5, [[0.4, 'a'], [0.1999]], 1],
    ['without a mix nothing is undone', 0.5, [[0.4], [0.1]], 0],
    ['and what it fell to is the new measure', 0.5, [[0.4], [0.1, 'a'], [0.09]], 0],
    ['negative returns fall too', 0.5, [[-1, 'a'], [-1.6]], 1],
    ['a round without a return does not count', 0.5, [[0.4, 'a'], [Number.NaN], [0.3]], 0],
    ['with 1 only a command returns', 1, [[0.4, 'a'], [0]], 0],
    ['a mix before the first window is in no one’s way', 0.5, [[0.4, 'a'], [0.5, 'b'], [0.1]], 1],
  ]
  for (const [name, rollbackDrop, rounds, rollbacks] of cases) {
    const lastGood = createLastGood(createSmallAgent(), { rollbackDrop, rollbackWindow: 1 })
    const undone = rounds.map(([meanReturn, peer]) => {
      const result = lastGood?.learned(meanReturn)
      if (peer !== undefined) lastGood?.mixed([peer])
      return result
    })
    t.equal(lastGood?.rollbacks, rollbacks, name)
    t.equal(undone.at(-1) !== undefined, rollbacks === 1, name)
  }
  t.equal(createLastGood(createSmallAgent(), { rollbackDrop: null, rollbackWindow: 6 }), undefined)
})

t.test('a resumed device returns where the other would have', async (t) => {
  const owner = { vehicle: 'car01', seed: 1, engine: 'reference/1', architecture: '' }
  const config = { rollbackDrop: 0.5, rollbackWindow: 2 }
  const agent = createSmallAgent()
  const lastGood = createLastGood(agent, config)
  const play = (returns: readonly number[], [playing, keeping]: [typeof agent, typeof lastGood]) =>
    returns.map((meanReturn, i) => {
      practise(playing, 6, i)
      playing.learn()
      const undone = keeping?.learned(meanReturn)
      playing.adopt(playing.policy.map((x) => Math.fround(x + 0.01)))
      keeping?.mixed([`p${i % 3}`])
      return undone
    })
  play([0.4, 0.4, 0.5, 0.5, 0.1], [agent, lastGood])
  const state = { ...agent.state(), ...(lastGood && { lastGood: lastGood.state() }) }
  const bytes = encodeCheckpoint(state, owner)
  const read = decodeCheckpoint(bytes, owner)
  t.same(read, state)
  const twin = createSmallAgent()
  const twinGood = createLastGood(twin, config)
  twin.restore(read)
  if (read.lastGood) twinGood?.restore(read.lastGood)
  const rest = [0.1, 0.3, 0.3, 0.1]
  const undone = play(rest, [agent, lastGood])
  t.match(undone[0], { from: 0.5, to: 0.1 })
  t.same(undone[0]?.peers, ['p0', 'p1'], 'the mixes since the last judgement')
  t.same(undone.slice(1), [undefined, undefined, undefined])
  t.same(play(rest, [twin, twinGood]), undone)
  t.same(twin.state(), agent.state())
  t.same(twinGood?.state(), lastGood?.state())
  t.equal(lastGood?.rollbacks, 1)

  const directory = t.testdir()
  const store = createCheckpointStore(directory, owner)
  store.save(state)
  t.same(store.load().state, state)
})

t.test('a healthy run is the same with and without the way back', async (t) => {
  const run = { epochs: 3, seed: 1, hidden: [8, 8] }
  const { policies } = await runLocally(run)
  t.same((await runLocally({ ...run, rollbackDrop: 0.5 })).policies, policies)
  t.notSame((await runLocally({ ...run, rollbackDrop: 0.001, rollbackWindow: 1 })).policies, policies, 'it is at work')
})
