import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CommandBody, CommandName } from '../schemas/command.ts'
import { channels } from '../schemas/topics.ts'
import type { CommandMessage } from '../schemas/trust.ts'
import { calm } from './support/devices.ts'
import { createOperator, type TestOperator } from './support/operators.ts'
import { at, reset } from './support/rig.ts'
import { type Site, startSite } from './support/units.ts'

/** A command to d1 whose counter is the time, as that of the command line. */
function signer({ ann }: Site, boot: number) {
  let counter = 100
  return (name: CommandName, part: Partial<CommandBody> = {}, by: TestOperator = ann): CommandMessage =>
    by.command({ vehicle: 'd1', boot, name, counter: ++counter, ...part })
}

t.test('what a device process does with good, repeated, replayed, expired, foreign and altered commands', async (t) => {
  const site = await startSite(t)
  const unit = await site.unit('d1', { args: ['--clock', 'trusted'] })
  const command = signer(site, unit.boot)
  await site.ask('d1', reset)

  const pause = command('pause')
  const ack = await site.send(pause, 'pause')
  t.same(ack, { version: 1, operator: 'ann', counter: 101, result: 'done', reason: 'done' })
  await site.status('d1', ({ paused }) => paused === true)
  t.match(await site.send(command('resume'), 'resume'), { result: 'done' })
  await site.status('d1', ({ paused }) => paused === false)
  t.same(await site.send(pause, 'pause'), ack, 'the same answer again')
  t.match(await site.status('d1', () => true), { paused: false }, 'and it was not carried out again')

  const altered = command('pause')
  for (const [reason, message] of [
    ['replayed', command('pause', { counter: 99 })],
    ['counter-reused', command('pause', { counter: 101, args: {}, expires: '2999-01-01T00:00:00Z' })],
    ['expired', command('pause', { expires: '2026-01-01T00:00:00Z' })],
    ['wrong-boot', command('pause', { boot: unit.boot + 1 })],
    ['wrong-vehicle', command('pause', { vehicle: 'd2' })],
    ['unknown-operator', command('pause', {}, createOperator('mallory'))],
    ['bad-signature', command('pause', { operator: 'ann' }, site.bob)],
    ['bad-signature', { ...altered, body: altered.body.replace('"args":{}', '"args":{"a":1}') }],
  ] as const)
    t.match(await site.send(message, 'pause'), { result: 'refused', reason })
  t.match(await site.send(command('reload', {}, site.bob), 'reload'), { reason: 'not-allowed' })
  const soon = new Date(Date.now() + 60_000).toISOString()
  t.match(await site.send(command('pause', { expires: soon }), 'pause'), { result: 'done' })
  t.match(await site.status('d1', ({ paused }) => paused === true), { clock: 'synchronised' })

  const update = command('update', { args: { bundle: 'v2.raucb' } })
  t.match(await site.send(update, 'update'), { result: 'done' })
  const request = join(site.directory, 'state-d1/update-request.json')
  t.same(JSON.parse(readFileSync(request, 'utf8')), update, 'whoever installs can check the signature again')
  t.equal(statSync(request).mode & 0o777, 0o600)

  writeFileSync(join(site.directory, 'operators.json'), '{"version":1,"operators":{"ann":{}}}')
  t.match(await site.send(command('reload'), 'reload'), { reason: 'bad-configuration', detail: /operators.json/ })
  const { ann, bob } = site
  const found = {
    version: 1,
    operators: { ann: { key: ann.key, commands: ['resume'] }, bob: { key: bob.key, commands: [] } },
  }
  writeFileSync(join(site.directory, 'operators.json'), JSON.stringify(found))
  t.match(await site.send(command('reload'), 'reload'), { result: 'done', detail: 'changed: no key' })
  t.match(await site.send(command('reload'), 'reload'), { reason: 'not-allowed' }, 'the operators were read again')

  // A power cut between carrying out and answering: what was signed for the old boot is not carried out by the new one.
  await unit.kill()
  const again = await site.unit('d1')
  t.equal(again.boot, unit.boot + 1)
  t.match(await site.status('d1', () => true), { paused: true }, 'a pause holds over a restart')
  const late = command('resume')
  t.match(await site.send(late, 'resume'), { reason: 'wrong-boot' })
  t.match(await site.status('d1', () => true), { paused: true })
  t.match(await site.send(command('resume', { boot: again.boot }), 'resume'), { result: 'done' })
})

t.test('gate mode and rollback, seen from outside', async (t) => {
  const site = await startSite(t)
  const learning = ['--rollback-drop', '0.5', '--rollback-window', '2']
  const [unit] = await Promise.all([site.unit('d1', { args: learning }), site.unit('d2')])
  const command = signer(site, unit.boot)
  await Promise.all([site.ask('d1', reset), site.ask('d2', reset)])
  /** A round of both, in which d1 is paid so much; resolves with the answers of d1. */
  const round = async (reward: number) => {
    const [d1, d2] = await Promise.all([site.round('d1', reward), site.round('d2', 0.5)])
    const before = site.verdicts.length
    const mixed = await site.ask('d1', { kind: 'mix', ...at, policies: { d1, d2 } })
    if (mixed.kind !== 'mix') throw new Error('mix must be answered')
    const verdict = mixed.verdicts.length > 0 ? await site.verdict('d1', before) : undefined
    return { learned: d1, mixed: mixed.policyHash, verdicts: mixed.verdicts, mode: verdict?.mode }
  }
  t.equal((await round(0.4)).mode, 'theorem1')
  t.match(await site.send(command('gate-mode', { args: { mode: 'strict' } }), 'gate-mode'), { result: 'done' })
  await site.status('d1', ({ gateMode }) => gateMode === 'strict')
  const second = await round(0.4)
  t.equal(second.mode, 'strict')
  await site.status('d1', ({ lastGood }) => lastGood === second.learned)
  t.match(await site.send(command('gate-mode', { args: { mode: 'certified' } }), 'gate-mode'), { result: 'done' })
  t.equal((await round(0.4)).mode, 'certified')
  t.match(await site.send(command('gate-mode', { args: { mode: 'theorem1' } }), 'gate-mode'), { result: 'done' })
  const fourth = await round(0.4)

  t.match(await site.send(command('rollback', { args: { policyHash: 'f'.repeat(64) } }), 'rollback'), {
    reason: 'not-kept',
  })
  const back = await site.send(command('rollback', { args: { policyHash: second.learned } }), 'rollback')
  t.match(back, { result: 'done', detail: `back to ${second.learned}` })
  await site.status('d1', ({ policyHash }) => policyHash === second.learned)
  t.not(fourth.mixed, second.learned)
  t.match(await round(0.4), { verdicts: [] }, 'it rests')
})

t.test('ten thousand bad commands neither disturb the lock-step nor fill the memory', async (t) => {
  const site = await startSite(t)
  const unit = await site.unit('d1')
  const command = signer(site, unit.boot)
  await site.ask('d1', reset)
  await site.round('d1', 0.4)
  const memory = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${unit.child.pid}/status`, 'utf8'))?.[1]) / 1024
  const before = memory()
  const foreign = createOperator('ann')
  const bad = Array.from({ length: 100 }, (_, counter) =>
    foreign.command({ vehicle: 'd1', boot: unit.boot, name: 'pause', counter, args: { text: 'x'.repeat(3_000) } }),
  )
  for (let i = 0; i < 10_000; i += 100) {
    for (const message of bad) site.bus.publish(channels.cmd, { fleet: 'demo', vehicle: 'd1', name: 'pause' }, message)
    const answer = await site.ask('d1', { kind: 'decide', ...at, observation: { ...calm, speed: i / 1_000 } })
    if (answer.kind !== 'decide') t.fail(`a decision must come, got ${answer.kind}`)
  }
  const hash = await site.round('d1', 0.4)
  t.match(hash, /^[0-9a-f]{64}$/, 'it learns on')
  t.ok(memory() - before < 20, `grew by ${Math.round(memory() - before)} MiB`)
  // The budget of judged commands fills up again by itself.
  for (;;) {
    const answered = await Promise.race([
      site.send(command('pause'), 'pause'),
      new Promise<undefined>((resolve) => setTimeout(resolve, 500, undefined)),
    ])
    if (answered?.result === 'done') break
  }
  const { notes = [] } = await site.status('d1', ({ paused }) => paused === true)
  const refused = [...(notes.at(-1) ?? '').matchAll(/(bad-signature|rate-limited) (\d+)/g)]
  t.ok(refused.reduce((sum, [, , times]) => sum + Number(times), 0) >= 10_000, String(notes.at(-1)))
})
