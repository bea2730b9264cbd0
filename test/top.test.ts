import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createFleetState } from '../broker/fleet.ts'
import { hear } from '../broker/hear.ts'
import { createStyles } from '../cli/view/text.ts'
import { createTopView } from '../cli/view/top-view.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { aggregatorId } from '../schemas/topics.ts'
import { refuses, trustmix } from './support/cli.ts'
import { bin, startFleet } from './support/fleet.ts'
import { killWithTest, testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'

const plain = createStyles(false)
const connected = { nowMs: 0, connected: true }

t.test('a frame fits every terminal, sorts, scrolls, and is never markup of a vehicle', async (t) => {
  const state = createFleetState('demo')
  for (let i = 0; i < 40; i++) {
    const vehicle = `car${String(i).padStart(2, '0')}`
    const message = { version: 1, state: 'online', boot: 1, connection: 1, software: '\u001b[31mred' } as const
    hear(state, { channel: 'status', vehicle, message }, 0)
    const told = { speed: i, epoch: 1, updates: i, samples: 10 * i, return: -i, fallbacks: 0, memory: 80, tickP99: 0.5 }
    hear(state, { channel: 'telemetry', vehicle, message: telemetryOf(told) }, 0)
  }
  const online = { version: 1, state: 'online', boot: 1, connection: 1 } as const
  hear(state, { channel: 'status', vehicle: aggregatorId, message: online }, 0)
  const alarm = { version: 1, kind: 'fault', vehicle: 'car01', since: '2026-01-01T12:34:56.000Z' } as const
  const message = { ...alarm, text: 'a\u001b[2Jb', advice: 'look at it' }
  hear(state, { channel: 'alarm', id: 'x', message }, 0)
  const view = createTopView(state)
  for (const view_ of ['1', '2', '3', '4'])
    for (const [width, height] of [
      [80, 23],
      [40, 10],
      [200, 60],
      [20, 3],
    ] as const) {
      view.key(view_)
      const lines = view.lines(connected, width, height, plain)
      t.equal(lines.length, height, `${height} lines`)
      t.ok(
        lines.every((line) => [...line].length <= width && !line.includes('\u001b')),
        `${width} columns`,
      )
    }
  t.match(view.lines(connected, 100, 23, plain).join('\n'), /fault +car01 +since 12:34:56 {2}a \[2Jb\n +look at it/)
  view.key('1')
  const first = (): string => view.lines(connected, 100, 23, plain).find((line) => / car\d\d /.test(line)) ?? ''
  t.match(first(), /ALV car00/)
  t.notMatch(view.lines(connected, 100, 60, plain).join('\n'), aggregatorId, 'the averaging server is no vehicle')
  view.key('s')
  t.match(first(), /car39 +140\.4/, 'sorted by speed, the fastest first')
  view.key('r')
  t.match(first(), /car00 +0\.0/)
  view.key('down')
  view.key('page-down')
  t.match(first(), /car1[0-9]/)
  view.key('page-up')
  view.key('up')
  t.match(first(), /car00/)
})

t.test('a running fleet in the terminal: vehicles, pairs, verdicts', async (t) => {
  const directory = join(testFolder(t), 'run')
  const running = startFleet(directory, ['--epochs', '400', '--seed', '2'])
  killWithTest(t, running.child, 'SIGINT')
  await running.epochDone(1)
  const { broker } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as { broker: string }
  const { code, stdout, stderr } = await trustmix(['top', '--broker', broker, '--once'], {
    COLUMNS: '100',
    LINES: '30',
  })
  t.equal(code, 0, stderr)
  t.match(stdout, /trustmix {2}demo · gated · headway · flow +\d+ messages\/s/)
  t.match(stdout, /epoch \d+\/400 +NAS 0\.\d{3} \(drivers 0\.281\) +7\/7 online/)
  for (const id of ['car01', 'car03', 'car13']) t.match(stdout, new RegExp(`ALV ${id} +\\d+\\.\\d +-?\\d+\\.\\d{3}`))
  const told = await trustmix(['top', '--broker', broker, '--json'])
  const report = JSON.parse(told.stdout) as {
    vehicles: { id: string; alive: boolean; accepted: number; telemetry: Record<string, number> }[]
    pairs: { own: string; peer: string }[]
    alarms: unknown[]
    health: { online: number }
  }
  t.same([report.vehicles.length, report.health.online, report.alarms], [7, 7, []])
  t.ok(report.vehicles.every(({ alive }) => alive))
  t.ok(report.vehicles.every(({ telemetry }) => (telemetry['Vehicle.Private.Trustmix.TickP99'] ?? 0) > 0))
  t.ok(report.pairs.length > 0 && report.pairs.every(({ own, peer }) => own !== peer))

  const lines = await trustmix(['tail', '--broker', broker, '--count', '5'])
  t.equal(lines.code, 0, lines.stderr)
  t.equal(lines.stdout.trimEnd().split('\n').length, 5)
  for (const line of lines.stdout.trimEnd().split('\n'))
    t.match(line, /^car\d\d ← car\d\d {2}\d+\/\d+ {2}theorem1 {2}\S+ {2}A \S+ ± \S+ {2}α \S+ \(bound \S+\) {2}ε /)
  const one = await trustmix([
    'tail',
    '--broker',
    broker,
    '--count',
    '3',
    '--json',
    '--reason',
    'non-positive-advantage',
  ])
  const verdicts = one.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { reason: string })
  t.same(
    verdicts.map(({ reason }) => reason),
    Array(3).fill('non-positive-advantage'),
  )

  if (requireTool(t, 'tmux')) {
    const session = `trustmix-${process.pid}`
    const tmux = (...args: string[]): string => execFileSync('tmux', args, { encoding: 'utf8' })
    tmux(
      'new-session',
      '-d',
      '-s',
      session,
      '-x',
      '100',
      '-y',
      '30',
      `${process.execPath} ${bin} top --broker ${broker}; echo ended $?; sleep 60`,
    )
    t.teardown(() => {
      try {
        tmux('kill-session', '-t', session)
      } catch {}
    })
    const shows = async (pattern: RegExp): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        if (pattern.test(tmux('capture-pane', '-p', '-t', session))) break
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      t.match(tmux('capture-pane', '-p', '-t', session), pattern)
    }
    await shows(/ALV car13/)
    for (const [key, pattern] of [
      ['2', /own←peer +car01/],
      ['3', /return of each round/],
      ['4', /nothing is wrong/],
      ['1', /vehicle↓/],
      ['s', /km\/h↓/],
      ['r', /km\/h↑/],
      ['q', /ended 0/],
    ] as const) {
      tmux('send-keys', '-t', session, key)
      await shows(pattern)
    }
  }
})

t.test('what they refuse', async (t) => {
  await refuses(t, 2, /--broker is needed/, ['top'])
  await refuses(t, 2, /--reason must be one of/, ['tail', '--broker', 'mqtt://127.0.0.1:1', '--reason', 'because'])
  await refuses(t, 3, /no connection/, ['tail', '--broker', 'mqtt://127.0.0.1:1', '--wait', '0.3'])
})
