import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nextCounter } from '../cli/operator-counter.ts'
import { channels } from '../schemas/topics.ts'
import type { CommandMessage } from '../schemas/trust.ts'
import { answer, refuses, run as runHere, trustmix } from './support/cli.ts'
import { testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'
import { at, reset } from './support/rig.ts'
import { type Site, startSite } from './support/units.ts'

interface DryRun {
  readonly topic: string
  readonly message: CommandMessage
}

/** `trustmix command` as ann, with ann's key and the operator's password at the broker. */
function commandLine({ directory, port, ann }: Site) {
  const key = join(directory, 'ann.key.pem')
  const password = join(directory, 'operator.password')
  writeFileSync(key, ann.pem, { mode: 0o600 })
  writeFileSync(password, 'operator-secret\n')
  const there = ['--broker', `mqtt://127.0.0.1:${port}`, '--username', 'operator', '--password-file', password]
  return {
    key,
    line: (args: readonly string[]) => ['command', ...args, ...there, '--key', key, '--operator', 'ann'],
  }
}

t.test('from the command line: done, refused, no answer', async (t) => {
  const site = await startSite(t)
  await site.unit('d1', { args: ['--clock', 'trusted'] })
  await site.ask('d1', reset)
  const { line, key } = commandLine(site)
  t.same(await trustmix(line(['d1', 'pause'])), { code: 0, stdout: 'd1 pause: done\n', stderr: '' })
  await site.status('d1', ({ paused }) => paused === true)
  const first = JSON.parse(readFileSync(`${key}.counter`, 'utf8')).counter as number
  t.ok(first > Date.UTC(2025, 0, 1), 'counters are at least the time of day')

  const { counter, ...rest } = await answer(t, line(['d1', 'gate-mode', '--mode', 'strict']))
  t.ok(Number(counter) > first)
  t.same(rest, { version: 1, operator: 'ann', result: 'done', reason: 'done' })
  await site.status('d1', ({ gateMode }) => gateMode === 'strict')

  const run = (...args: string[]) => runHere(line(args))
  t.match(await run('d1', 'rollback'), { code: 5, printed: [/^d1 rollback: refused, nothing-kept: /] })
  t.match(await run('d1', 'resume', '--boot', '99', '--json'), { code: 5, printed: [/"reason":"wrong-boot"/] })
  t.match(await run('d1', 'resume', '--expires-in', '30'), { code: 0 })
  await site.status('d1', ({ paused }) => paused === false)

  const away = line(['d2', 'pause', '--timeout-ms', '300'])
  await refuses(t, 3, /d2 of fleet demo must be online, got no status/, away)
  await refuses(t, 3, /must answer pause within 300 ms/, [...away, '--boot', '1'])
  const { topic, message } = (await answer(t, line(['d1', 'pause', '--dry-run']))) as unknown as DryRun
  t.equal(topic, 'tm/v1/demo/v/d1/cmd/pause')
  t.match(await site.status('d1', () => true), { paused: false }, 'nothing was sent')
  t.match(await site.send(message, 'pause'), { result: 'done' }, 'but it could be')
})

t.test('keys with and without a passphrase, as openssl makes them, and what is no key', async (t) => {
  if (!requireTool(t, 'openssl')) return
  const directory = t.testdir({ secret: 'open sesame\n', wrong: 'sesame', text: 'text' })
  const file = (name: string): string => join(directory, name)
  const openssl = (...args: string[]): string => String(execFileSync('openssl', args))
  openssl('genpkey', '-algorithm', 'ed25519', '-out', file('plain.pem'))
  openssl('genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:open sesame', '-out', file('locked.pem'))
  openssl('genpkey', '-algorithm', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file('ec.pem'))
  const dry = ['command', 'd1', 'pause', '--boot', '3', '--dry-run', '--operator', 'ann']
  for (const [name, ...opened] of [
    ['plain.pem', '-passin', 'pass:'],
    ['locked.pem', '-passin', 'pass:open sesame'],
  ] as const) {
    const args = ['--key', file(name), '--passphrase-file', file('secret')]
    const { body, signature } = ((await answer(t, [...dry, ...args])) as unknown as DryRun).message
    const signed = { fleet: 'demo', vehicle: 'd1', boot: 3, name: 'pause', args: {}, operator: 'ann', expires: null }
    t.match(JSON.parse(body), signed)
    writeFileSync(file('body'), body)
    writeFileSync(file('signature'), Buffer.from(signature, 'base64'))
    const files = ['-in', file('body'), '-sigfile', file('signature')]
    const said = openssl('pkeyutl', '-verify', '-rawin', '-inkey', file(name), ...opened, ...files)
    t.match(said, /Verified Successfully/)
  }
  for (const [code, rule, args] of [
    [2, /the passphrase must open/, ['--key', file('locked.pem'), '--passphrase-file', file('wrong')]],
    [2, /--passphrase-file is needed where there is no terminal/, ['--key', file('locked.pem')]],
    [2, /ENOENT/, ['--key', file('absent.pem')]],
    [4, /must be a private key/, ['--key', file('text')]],
    [4, /must be an Ed25519 key, got ec/, ['--key', file('ec.pem')]],
  ] as const)
    await refuses(t, code, rule, [...dry, ...args])
})

t.test('what cannot be meant is refused before anything is signed', async (t) => {
  const directory = testFolder(t)
  const key = join(directory, 'none.pem')
  const tried = (args: readonly string[], rule: RegExp) =>
    refuses(t, 2, rule, ['command', ...args, '--key', key, '--operator', 'ann'])
  await tried([], /VEHICLE must match/)
  await tried(['+', 'pause'], /VEHICLE must match/)
  await tried(['d1', 'stop'], /the command must be one of pause, resume, rollback/)
  await tried(['d1', 'gate-mode'], /arguments of gate-mode.*mode/)
  await tried(['d1', 'gate-mode', '--mode', 'lenient'], /theorem1/)
  await tried(['d1', 'pause', '--mode', 'strict'], /unknown key "mode"/)
  await tried(['d1', 'pause', '--args', '[]'], /--args must be a JSON object, got \[\]/)
  await tried(['d1', 'gate-mode', '--mode', 'strict', '--args', '{}'], /in place of named arguments/)
  await tried(['d1', 'pause', '--expires-in', '0'], /--expires-in must be at least 1/)
  t.notOk(existsSync(`${key}.counter`))
})

t.test('counters rise, also without their file and when the clock runs back', async (t) => {
  const path = join(testFolder(t), 'ann.counter')
  const wall = Date.UTC(2026, 5, 1)
  t.equal(nextCounter(path, wall), wall)
  t.equal(nextCounter(path, wall), wall + 1)
  t.equal(nextCounter(path, wall - 86_400_000), wall + 2)
  rmSync(path)
  t.equal(nextCounter(path, wall + 50), wall + 50)
  for (const damaged of ['', '{"version":1}', '{"version":2,"counter":1}', '{"version":1,"counter":-1}']) {
    writeFileSync(path, damaged)
    t.throws(() => nextCounter(path, wall), { code: 4 }, damaged)
  }
})

t.test('a unit that starts in 1970 drives, learns and publishes, and says what it refuses', async (t) => {
  if (!requireTool(t, 'faketime')) return
  const site = await startSite(t)
  // The monotonic clock is left alone, as on a board.
  const env = {
    LD_PRELOAD: fakeTimeLibrary(t),
    FAKETIME: '@1970-01-01 00:00:10',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    TZ: 'UTC',
  }
  const [unit, peer] = await Promise.all([site.unit('d1', { env }), site.unit('d2')])
  await Promise.all([site.ask('d1', reset), site.ask('d2', reset)])
  const [d1, d2] = [await site.round('d1', 0.4), await site.round('d2', 0.5)]
  const mixed = await site.ask('d2', { kind: 'mix', ...at, policies: { d1, d2 } })
  t.match(mixed, {
    kind: 'mix',
    verdicts: [{ peer: 'd1', reason: /^(accepted|non-positive-advantage)$/ }],
    refused: {},
  })
  t.match(
    await site.verdict('d2'),
    { mode: 'theorem1', peerId: 'd1', peerHash: d1 },
    'a peer judges what it published by its content',
  )
  t.match(await site.ask('d1', { kind: 'mix', ...at, policies: { d1, d2 } }), {
    kind: 'mix',
    verdicts: [{ peer: 'd2' }],
  })
  const shown = /^clock: it shows 1970-01-01T00:00:\d\d\.\d\d\dZ, which is before 2025/
  t.match(await site.status('d1', ({ updates }) => updates === 1), { clock: 'not-synchronised', notes: [shown] })

  const { line } = commandLine(site)
  const refused = await runHere(line(['d1', 'pause', '--expires-in', '60']))
  t.match(refused, { code: 5, printed: [/^d1 pause: refused, clock-not-synchronised: .*1970/] })
  t.match(await site.status('d1', ({ notes = [] }) => notes.length > 1), {
    paused: false,
    notes: [shown, 'commands refused: clock-not-synchronised 1'],
  })
  t.same(await runHere(line(['d1', 'pause'])), { code: 0, printed: ['d1 pause: done\n'] })
  await site.status('d1', ({ paused }) => paused === true)
  t.equal(unit.stderr() + peer.stderr(), '')
})

function fakeTimeLibrary(t: Test): string {
  const found = ['x86_64', 'aarch64']
    .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
    .find(existsSync)
  if (found === undefined) t.fail('libfaketime.so.1 must lie beside the program faketime')
  return found ?? ''
}

t.test('a collapse after a mix is undone by a device process, which says so', async (t) => {
  const site = await startSite(t)
  const args = ['--rollback-drop', '0.5', '--rollback-window', '1', '--method', 'fixed']
  await Promise.all([site.unit('d1', { args }), site.unit('d2', { args })])
  await Promise.all([site.ask('d1', reset), site.ask('d2', reset)])
  const lines: string[] = []
  site.bus.subscribe(channels.log, { fleet: 'demo', vehicle: 'd1' }, ({ event, text }) =>
    lines.push(`${event} ${text}`),
  )
  const [d1, d2] = [await site.round('d1', 0.4), await site.round('d2', 0.4)]
  const mixed = await site.ask('d1', { kind: 'mix', ...at, policies: { d1, d2 } })
  t.match(mixed, { kind: 'mix', verdicts: [{ peer: 'd2', accepted: true }] })
  t.equal(await site.round('d1', 0.1), d1, 'back to the policy before the mix')
  t.match(await site.status('d1', ({ rollbacks }) => rollbacks === 1), { policyHash: d1, lastGood: d1 })
  t.match(lines, [/^rollback return fell from 0\.4\S* to 0\.1\S* over 1 rounds after mixes of d2: back to policy/])
})
