import t from 'tap'
import { createClock } from '../device/clock.ts'
import { policyHash } from '../device/identity.ts'
import type { Orders } from '../schemas/command.ts'
import type { Config } from '../schemas/config.ts'
import type { CommandMessage } from '../schemas/trust.ts'
import { ann, commandedRig, near } from './support/commanded-rig.ts'
import { smallConfig } from './support/devices.ts'
import { createOperator } from './support/operators.ts'
import { at, createRig, peerPolicies, reset, turn } from './support/rig.ts'

t.test('pause and resume: learning and mixing rest, the lock-step goes on', async (t) => {
  const ordered: Orders[] = []
  const { rig, command, round, mix } = commandedRig({}, { keep: (orders) => ordered.push(orders) })
  rig.ask('car01', reset)
  await round(0.3)
  t.match(await mix(), { verdicts: [{ peer: 'car10' }] })
  t.match(command('pause'), { result: 'done', reason: 'done' })
  t.match(rig.statuses.at(-1), { paused: true })
  const device = rig.devices.get('car01')
  const before = device?.policyHash
  const { updates, samples } = device?.agent ?? {}
  for (const sequence of [2, 3]) {
    const answers = rig.acts.filter(({ kind }) => kind === 'decide').length
    t.match(await round(0.5), { policyHash: before, updates }, 'the answer is the policy as it is')
    t.equal(rig.acts.filter(({ kind }) => kind === 'decide').length, answers + 8, 'every decision is answered')
    t.match(await mix(near, sequence), { policyHash: before, verdicts: [] }, 'nobody is considered')
  }
  t.equal(device?.agent.samples, samples, 'what is driven meanwhile is no sample')
  t.equal(device?.agent.state().rollout.count, 0)
  t.match(command('resume'), { result: 'done' })
  t.match(rig.statuses.at(-1), { paused: false })
  t.match(await round(0.4), { updates: (updates ?? 0) + 1 })
  t.not(device?.policyHash, before)
  t.match(await mix(near, 4), { verdicts: [{ peer: 'car10' }], note: 'commanded: resume of ann' })
  t.match(ordered, [{ paused: true }, { paused: false }], 'both were made durable')
})

t.test('a pause holds over a restart, and where it cannot be stored the answer says so', async (t) => {
  const { rig, command } = commandedRig({}, { ordered: { version: 1, paused: true, gateMode: 'strict' } })
  t.match(rig.statuses.at(-1), { paused: true, gateMode: 'strict' })
  t.match(command('resume'), { result: 'done' })
  const full = commandedRig(
    {},
    {
      keep() {
        throw new Error('ENOSPC')
      },
    },
  )
  t.match(full.command('pause'), { result: 'done', detail: 'holds until the restart: ENOSPC' })
  t.match(full.rig.statuses.at(-1), { paused: true })
})

t.test('gate-mode shows in the verdicts from the next round on', async (t) => {
  const { rig, command, round, mix } = commandedRig()
  rig.ask('car01', reset)
  const modes: unknown[] = []
  for (const [i, mode] of (['theorem1', 'strict', 'certified', 'theorem1'] as const).entries()) {
    if (i > 0) t.match(command('gate-mode', { mode }), { result: 'done' })
    t.match(rig.statuses.at(-1), { gateMode: mode })
    await round(0.3 + i / 10)
    await mix(peerPolicies[i % 3], i + 1)
    modes.push(rig.verdicts.at(-1)?.mode)
  }
  t.same(modes, ['theorem1', 'strict', 'certified', 'theorem1'])

  // One that waits for parameters is judged as it began.
  rig.ask('car01', { kind: 'mix', ...at, policies: { car10: policyHash(near) } })
  await turn()
  command('gate-mode', { mode: 'strict' })
  rig.offer('car10', near, 9)
  await turn()
  t.match(rig.verdicts.at(-1), { mode: 'theorem1' })

  for (const [method, mode] of [
    ['independent', 'strict'],
    ['median', 'theorem1'],
    ['average-gated', 'certified'],
  ] as const) {
    const other = commandedRig({ method })
    t.match(other.command('gate-mode', { mode }), { result: 'refused', reason: 'not-applicable' }, method)
  }
  t.match(commandedRig({ method: 'certified' }).rig.statuses.at(-1), { gateMode: 'certified' })
  t.match(commandedRig({ method: 'average-gated' }).command('gate-mode', { mode: 'strict' }), { result: 'done' })
})

t.test('reload takes all that a running device can take, or nothing', async (t) => {
  let next: Config = smallConfig
  let taken = 0
  const { rig, command } = commandedRig({}, { reload: () => ({ config: next, take: () => taken++ }) })
  t.match(command('reload'), { result: 'done', detail: 'changed: no key' })
  next = { ...smallConfig, gateMode: 'strict', margin: 0.2 }
  t.match(command('reload'), { result: 'done', detail: 'changed: gateMode, margin' })
  t.match(rig.statuses.at(-1), { gateMode: 'strict' })
  next = { ...smallConfig, gateMode: 'theorem1', seed: 2, hidden: [4] }
  t.match(command('reload'), { reason: 'restart-needed', detail: 'only a restart changes seed, hidden' })
  t.match(rig.statuses.at(-1), { gateMode: 'strict' })
  t.equal(taken, 2)
  const broken = commandedRig(
    {},
    {
      reload() {
        throw new Error('c.json must be JSON')
      },
    },
  )
  t.match(broken.command('reload'), { reason: 'bad-configuration', detail: 'c.json must be JSON' })
  t.match(commandedRig().command('reload'), { reason: 'not-applicable' })
})

t.test('update hands over the message as it was signed', async (t) => {
  const requests: CommandMessage[] = []
  const { acks, send } = commandedRig({}, { requestUpdate: (message) => requests.push(message) })
  const message = ann.command({ name: 'update', counter: 1, args: { bundle: 'v2.raucb' } })
  send(message, 'update')
  send(message, 'update')
  t.same(requests, [message])
  t.equal(acks.length, 2)
  t.same(acks[0], acks[1])
  t.match(commandedRig().command('update'), { reason: 'not-applicable' })
})

t.test('a flood of commands is judged slowly, counted, and leaves the memory alone', async (t) => {
  const { rig, acks, send, command, round } = commandedRig()
  const foreign = createOperator('ann')
  rig.ask('car01', reset)
  for (let i = 0; i < 10_000; i++) send(foreign.command({ name: 'pause', counter: i }), 'pause')
  t.equal(acks.length, 50, 'those beyond the burst are not even verified')
  t.ok(acks.every(({ reason }) => reason === 'bad-signature'))
  t.match(await round(0.3), { updates: 1 })
  t.equal(command('pause'), acks[49], 'nor is a good one in the flood')
  rig.clock.ms += 1_000
  t.match(command('pause'), { result: 'done', counter: 2 })
  t.match(rig.statuses.at(-1), { notes: ['commands refused: bad-signature 50, rate-limited 9951'] })
})

t.test('a unit without a clock says what it refuses for want of it', async (t) => {
  let wall = 5_000
  const clock = createClock(() => wall)
  const { rig, command } = commandedRig({}, { clock })
  const shown = /^clock: it shows 1970-01-01T00:00:05.000Z, which is before 2025.*; commands that expire are refused$/
  t.match(rig.statuses.at(-1), { clock: 'not-synchronised', notes: [shown] })
  const expires = '2026-06-01T12:00:00Z'
  t.match(command('pause', {}, { expires }), { reason: 'clock-not-synchronised' })
  t.match(rig.statuses.at(-1), { paused: false, notes: [shown, 'commands refused: clock-not-synchronised 1'] })
  t.match(command('pause'), { result: 'done' }, 'one that does not expire is obeyed')
  wall = Date.UTC(2026, 5, 1, 11)
  clock.observe({ ntp: true })
  for (const device of rig.devices.values()) device.tick()
  t.match(rig.statuses.at(-1), { clock: 'synchronised' }, 'the status follows the clock')
  t.match(command('resume', {}, { expires }), { result: 'done' })
  wall = Date.UTC(2026, 5, 1, 12)
  t.match(command('resume', {}, { expires }), { reason: 'expired' })
  const uncommanded = createRig(['car01'])
  t.match(uncommanded.statuses.at(-1), { clock: 'unknown', notes: [] })
})
