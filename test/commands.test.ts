import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type ClockReading, createClock } from '../device/clock.ts'
import { createSystemClock } from '../device/system-clock.ts'
import { createCommandJudge, type JudgedCommand, type Operator } from '../device/trust/command.ts'
import { commandNames, isCommandName } from '../schemas/command.ts'
import type { CommandMessage } from '../schemas/trust.ts'
import { addressee, createOperator } from './support/operators.ts'
import { requireTool } from './support/require.ts'

const [ann, bob, eve] = [createOperator('ann'), createOperator('bob'), createOperator('eve')]
const noon = Date.UTC(2026, 5, 1, 12)
const floorMs = Date.UTC(2026, 0, 1)
const set: ClockReading = { state: 'synchronised', why: '', timeMs: noon, floorMs }
const operators = new Map<string, Operator>([
  ['ann', { key: ann.key, commands: commandNames }],
  ['bob', { key: bob.key, commands: ['pause', 'resume'] }],
  ['eve', { key: eve.key, commands: commandNames, revoked: true }],
])

function newJudge(clock: ClockReading = set, boot = 1) {
  const judge = createCommandJudge({
    ...addressee,
    boot,
    operators: (id) => operators.get(id),
    clock: () => clock,
  })
  return (message: CommandMessage, name?: string): JudgedCommand =>
    judge.judge(message, name ?? (JSON.parse(message.body) as { name: string }).name)
}

/** The reason of a refusal, answered or not. */
function reasonOf(judged: JudgedCommand): string {
  return judged.kind === 'execute' ? 'execute' : judged.kind === 'drop' ? judged.reason : judged.ack.reason
}

t.test('each rule that a command breaks is named in its answer', async (t) => {
  const pause = { name: 'pause', counter: 7 } as const
  const good = ann.command(pause)
  const altered = (change: (body: string) => string): CommandMessage => ({ ...good, body: change(good.body) })
  const cases: [string, CommandMessage, string?][] = [
    ['execute', good],
    ['bad-signature', altered((body) => body.replace('"counter":7', '"counter":8'))],
    ['bad-signature', altered((body) => `${body} `)],
    ['bad-signature', { ...good, signature: `${good.signature.slice(0, 85)}B==` }],
    ['bad-signature', bob.command({ ...pause, operator: 'ann' })],
    ['bad-signature', { ...good, signature: Buffer.alloc(64).toString('base64') }],
    ['unknown-operator', createOperator('mallory').command(pause)],
    ['revoked', eve.command(pause)],
    ['not-allowed', bob.command({ name: 'rollback', counter: 7 })],
    ['wrong-fleet', ann.command({ ...pause, fleet: 'other' })],
    ['wrong-vehicle', ann.command({ ...pause, vehicle: 'car03' })],
    ['wrong-boot', ann.command({ ...pause, boot: 2 })],
    ['wrong-boot', ann.command({ ...pause, boot: 0 })],
    ['wrong-name', good, 'resume'],
    ['unknown-command', ann.command({ name: 'stop', counter: 7 })],
    ['expired', ann.command({ ...pause, expires: '2026-06-01T12:00:00Z' })],
    ['execute', ann.command({ ...pause, expires: '2026-06-01T12:00:00.001Z' })],
    ['malformed', ann.command({ ...pause, expires: '2026-13-01T12:00:00Z' })],
    ['malformed', ann.command({ ...pause, expires: 'tomorrow' })],
    ['malformed', ann.command({ ...pause, vehicle: '+' })],
    ['malformed', ann.command({ ...pause, args: { mode: 'strict' } })],
    ['malformed', ann.command({ name: 'gate-mode', counter: 7 })],
    ['malformed', ann.command({ name: 'gate-mode', counter: 7, args: { mode: 'none' } })],
    ['malformed', ann.command({ name: 'rollback', counter: 7, args: { policyHash: 'abc' } })],
    ['execute', ann.command({ name: 'gate-mode', counter: 7, args: { mode: 'certified' } })],
    ['execute', ann.command({ name: 'rollback', counter: 7, args: { policyHash: 'a'.repeat(64) } })],
    ['execute', ann.command({ name: 'update', counter: 7, args: { bundle: 'v2', sha256: 'b'.repeat(64) } })],
    ['unsupported-version', ann.sign(good.body.replace('"version":1', '"version":2'))],
    ['malformed', ann.sign(good.body.replace('"version":1', '"version":1,"and":1'))],
    ['malformed', ann.sign('[]')],
    ['malformed', ann.sign('{')],
    ['malformed', ann.sign(good.body.replace('"counter":7', '"counter":7,"counter":9'))],
    ['malformed', ann.sign(good.body.replace('"counter":7', '"counter":1e300'))],
    ['malformed', ann.sign(good.body.replace('"counter":7', '"counter":-1'))],
    ['malformed', ann.sign(good.body.replace('"ann"', '"\\ud800"'))],
    ['malformed', { ...good, body: `${good.body.slice(0, -1)},"x":"\ud800"}` }],
    ['over-size', ann.sign(`${good.body}${' '.repeat(4097 - good.body.length)}`)],
    ['over-size', ann.sign(`${good.body}${'é'.repeat(2048)}`)],
    ['execute', ann.sign(`${good.body}${' '.repeat(4096 - good.body.length)}`)],
  ]
  for (const [reason, message, name = isNamed(message)] of cases)
    t.equal(reasonOf(newJudge()(message, name)), reason, `${reason}: ${message.body.slice(0, 200).trim()}`)
  const { kind, ack } = newJudge()(bob.command({ name: 'rollback', counter: 7 })) as Extract<
    JudgedCommand,
    { kind: 'answer' }
  >
  t.same(
    [kind, ack],
    [
      'answer',
      {
        ...{ version: 1, operator: 'bob', counter: 7, result: 'refused', reason: 'not-allowed' },
        detail: 'allowed are pause, resume, got rollback',
      },
    ],
  )
})

function isNamed(message: CommandMessage): string {
  return /"name":"([a-z-]+)"/.exec(message.body)?.[1] ?? 'pause'
}

t.test('a signature made by openssl holds', async (t) => {
  if (!requireTool(t, 'openssl')) return
  const directory = t.testdir({ 'key.pem': ann.pem })
  const body = JSON.stringify({
    version: 1,
    ...addressee,
    name: 'pause',
    args: {},
    operator: 'ann',
    counter: 1,
    expires: null,
  })
  writeFileSync(join(directory, 'body'), body)
  const signature = execFileSync('openssl', [
    ...['pkeyutl', '-sign', '-rawin', '-inkey', join(directory, 'key.pem'), '-in', join(directory, 'body')],
  ]).toString('base64')
  t.equal(reasonOf(newJudge()({ version: 1, body, signature })), 'execute')
})

t.test('counters rise per operator; a repeat gets the same answer and is not carried out again', async (t) => {
  const judge = newJudge()
  const first = ann.command({ name: 'pause', counter: 5 })
  const judged = judge(first)
  t.match(judged, { kind: 'execute', order: { name: 'pause' }, operator: 'ann' })
  t.equal(reasonOf(judge(first)), 'pending', 'while it is being carried out nothing is answered')
  const ack = judged.kind === 'execute' && judged.settle({ result: 'done', detail: 'as asked' })
  t.same(ack, { version: 1, operator: 'ann', counter: 5, result: 'done', reason: 'done', detail: 'as asked' })
  for (let i = 0; i < 3; i++) t.same(judge(first), { kind: 'answer', ack, repeated: true })
  t.equal(reasonOf(judge(ann.command({ name: 'resume', counter: 5 }))), 'counter-reused')
  t.equal(reasonOf(judge(ann.command({ name: 'resume', counter: 4 }))), 'replayed')
  t.same(judge(first), { kind: 'answer', ack, repeated: true }, 'still')
  t.equal(
    reasonOf(judge(bob.command({ name: 'resume', counter: 4 }))),
    'execute',
    'another operator counts for himself',
  )
  t.equal(reasonOf(judge(ann.command({ name: 'resume', counter: 6 }))), 'execute')

  const refused = bob.command({ name: 'reload', counter: 9 })
  t.equal(reasonOf(judge(refused)), 'not-allowed')
  t.match(judge(refused), { ack: { reason: 'not-allowed' }, repeated: true })
  t.equal(reasonOf(judge(bob.command({ name: 'pause', counter: 8 }))), 'replayed', 'a refused one spends its counter')
  t.equal(reasonOf(judge(ann.command({ name: 'pause', counter: 50, boot: 2 }))), 'wrong-boot')
  t.equal(reasonOf(judge(ann.command({ name: 'pause', counter: 7 }))), 'execute', 'one for another boot spends none')
  t.equal(reasonOf(newJudge(set, 2)(first)), 'wrong-boot', 'after a restart')
})

t.test('of many answers the newest 256 are remembered, and no more', async (t) => {
  const judge = newJudge()
  const messages = Array.from({ length: 300 }, (_, counter) => ann.command({ name: 'pause', counter }))
  for (const message of messages) {
    const judged = judge(message)
    if (judged.kind === 'execute') judged.settle({ result: 'done' })
  }
  t.same(
    [0, 43, 44, 299].map((i) => reasonOf(judge(messages[i] as CommandMessage))),
    ['replayed', 'replayed', 'done', 'done'],
  )
})

t.test('without a clock only what expires is refused, and what is certainly over is over', async (t) => {
  for (const state of ['not-synchronised', 'unknown'] as const) {
    const judge = newJudge({ state, why: 'it shows 1970', timeMs: 0, floorMs })
    t.equal(reasonOf(judge(ann.command({ name: 'pause', counter: 1 }))), 'execute')
    const asked = ann.command({ name: 'pause', counter: 2, expires: '2026-06-01T12:00:00Z' })
    t.match(judge(asked), { ack: { reason: 'clock-not-synchronised', detail: /2026-06-01T12:00:00Z.*it shows 1970/ } })
    t.equal(reasonOf(judge(ann.command({ name: 'pause', counter: 3, expires: '2026-01-01T00:00:00Z' }))), 'expired')
  }
  t.notOk(isCommandName('toString'))
})

t.test('the clock: what vouches for it, and what it cannot be', async (t) => {
  let wall = 12_345
  const clock = createClock(() => wall)
  const says = () => [clock.read().state, clock.read().why]
  t.same(says(), ['not-synchronised', 'it shows 1970-01-01T00:00:12.345Z, which is before 2025-01-01T00:00:00.000Z'])
  clock.observe({ ntp: true, trusted: true })
  t.equal(clock.read().state, 'not-synchronised', 'in 1970 nobody is believed')
  wall = noon
  t.same(says(), ['synchronised', 'trusted by configuration'])
  clock.observe({ ntp: true })
  t.same(says(), ['synchronised', 'set by a time server'])
  clock.observe({ ntp: false })
  t.same(says(), ['not-synchronised', 'no time server has set it yet'])
  clock.observe({})
  t.same(says(), ['unknown', 'the system does not say whether it is set'])
  clock.observe({ rtcMs: noon - 2_000 })
  t.same(says(), ['synchronised', 'as the battery-backed clock'])
  wall += 3_600_000
  t.equal(clock.read().state, 'synchronised', 'what was seen does not age')
  clock.observe({ ntp: false, rtcMs: noon })
  t.equal(clock.read().state, 'not-synchronised', 'the two are an hour apart')

  clock.observe({ ntp: true })
  t.notOk(clock.raiseFloor('2024-01-01T00:00:00Z'), 'it never falls')
  t.notOk(clock.raiseFloor('nonsense'))
  t.ok(clock.raiseFloor('2026-06-01T13:00:00Z'))
  t.equal(clock.read().state, 'synchronised', 'at the floor itself')
  wall -= 1
  t.same(says(), ['not-synchronised', 'it shows 2026-06-01T12:59:59.999Z, which is before 2026-06-01T13:00:00.000Z'])
  wall = Number.NaN
  t.equal(clock.read().state, 'unknown')
  wall = Number.POSITIVE_INFINITY
  t.equal(createClock(() => -wall).read().state, 'not-synchronised')
})

t.test('the system is looked at every five seconds', async (t) => {
  const root = t.testdir({ run: { systemd: { timesync: {} } } })
  let now = 0
  const clock = createClock(() => noon)
  const look = createSystemClock(clock, { now: () => now, trusted: false, root })
  const stateAt = (ms: number): string => {
    now = ms
    look()
    return clock.read().state
  }
  t.equal(stateAt(0), 'unknown')
  writeFileSync(join(root, 'run/systemd/timesync/synchronized'), '')
  t.equal(stateAt(4_999), 'unknown')
  t.equal(stateAt(5_000), 'synchronised')
  const other = createClock(() => noon)
  const battery = join(root, 'battery')
  mkdirSync(join(battery, 'sys/class/rtc/rtc0'), { recursive: true })
  writeFileSync(join(battery, 'sys/class/rtc/rtc0/since_epoch'), `${noon / 1_000 - 1}\n`)
  createSystemClock(other, { now: () => 0, trusted: false, root: battery })()
  t.match(other.read(), { state: 'synchronised', why: 'as the battery-backed clock' })
  const third = createClock(() => noon)
  createSystemClock(third, { now: () => 0, trusted: true, root: join(root, 'nowhere') })()
  t.match(third.read(), { state: 'synchronised', why: 'trusted by configuration' })
})
