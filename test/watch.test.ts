import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { carGlyph } from '../cli/view/road-picture.ts'
import { createStyles } from '../cli/view/text.ts'
import { createSpeedPaint, renderWatch } from '../cli/view/watch-view.ts'
import { watchWorld } from '../cli/watch-world.ts'
import { decodeTrajectory } from '../sim-bridge/index.ts'
import { type TrajectoryName, trajectoryFile } from '../sim-bridge/trajectory/trajectory-files.ts'
import { refuses, trustmix } from './support/cli.ts'
import { bin, startFleet } from './support/fleet.ts'
import { killWithTest, testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'
import { counted, headway } from './support/watching.ts'

t.test('on a terminal: q ends with 0, Ctrl-C with 130, and the cursor comes back', async (t) => {
  if (!requireTool(t, 'script')) return
  for (const [key, code] of [
    ['q', 0],
    ['\u0003', 130],
  ] as const) {
    const ended = await onTerminal(t, `${process.execPath} ${bin} watch --controller headway:5`, key)
    t.equal(ended.code, code)
    t.ok(ended.text.includes('\u001b[?25l'), 'the cursor is hidden while it is shown')
    t.ok(
      ended.text.lastIndexOf('\u001b[?25h') > ended.text.lastIndexOf('\u001b[?25l'),
      'the cursor is shown at the end',
    )
    t.match(ended.text, /q quit/)
  }
})

t.test('a frame on stdout, of a world of its own', async (t) => {
  const { code, stdout, stderr } = await trustmix(['watch', '--controller', 'headway:5', '--once', '60'])
  t.same([code, stderr], [0, ''])
  const world = await watchWorld(headway, 1, () => 0)
  await world.until(60)
  const wanted = renderWatch(
    { ...world.view()!, foot: world.keys },
    80,
    23,
    createStyles(false),
    createSpeedPaint('none'),
  )
  t.equal(stdout, `${wanted.join('\n')}\n`)
  const large = await trustmix(['watch', '--controller', 'none', '--once', '0'], { COLUMNS: '120', LINES: '40' })
  t.equal(large.stdout.trimEnd().split('\n').length, 39)
})

t.test('a running fleet is watched, and keeps its trajectories', async (t) => {
  const directory = join(testFolder(t), 'run')
  const fleet = startFleet(directory, ['--epochs', '12', '--seed', '2'])
  await fleet.epochDone(1)
  const { broker } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as { broker: string }
  const [seen, other] = await Promise.all([
    trustmix(['watch', '--broker', broker, '--once', '10']),
    trustmix(['watch', '--broker', broker, '--fleet', 'other', '--once', '10', '--wait', '2']),
  ])
  t.equal(seen.code, 0, seen.stderr)
  t.match(seen.stdout, /demo · gated · headway · flow +epoch \d+\/12 +last NAS 0\.\d{3} +\d+\.\d s/)
  t.match(seen.stdout, /mean speed \d+\.\d\d m\/s {2}drivers 5\.63 {2}NAS 0\.\d{3} {2}drivers 0\.281/)
  const pictured = counted(seen.stdout.split('\n').slice(3, 20).join('\n'))
  t.equal(pictured[carGlyph.driver], 7)
  t.equal((pictured[carGlyph.learner] ?? 0) + (pictured[carGlyph.forced] ?? 0), 7)
  t.equal(other.code, 3)
  t.match(other.stderr, /no world message of fleet other with time >= 10 s from mqtt:.* within 2000 ms/)

  const { code, stdout, stderr } = await fleet.ended
  t.equal(code, 0, stderr)
  const { epochs, baseline } = JSON.parse(stdout) as {
    epochs: { meanSpeed: number }[]
    baseline: { meanSpeed: number }
  }
  const recorded = (name: TrajectoryName) => decodeTrajectory(readFileSync(trajectoryFile(directory, name)))
  for (const [name, epoch, meanSpeed] of [
    ['baseline', 0, baseline.meanSpeed],
    ['first', 1, epochs[0]!.meanSpeed],
    ['last', 12, epochs[11]!.meanSpeed],
  ] as const) {
    const { speed, steps, epoch: found, driver, seed } = recorded(name)
    t.same([found, steps, driver, seed], [epoch, 1500, 'gated, headway', 2])
    const mean = speed.reduce((sum, v) => sum + v, 0) / speed.length
    t.ok(Math.abs(mean - meanSpeed) < 1e-6, `${name}: ${mean} m/s recorded, ${meanSpeed} m/s in the summary`)
  }
})

t.test('what cannot be watched is named, with the documented code', async (t) => {
  await refuses(t, 2, /one of --controller and --policies is needed, got none/, ['watch'])
  await refuses(t, 2, /a fleet is watched or a world driven/, ['watch', '--broker', 'mqtt://h', '--controller', 'none'])
  await refuses(t, 2, /--once must be at most 150, got 200/, ['watch', '--controller', 'none', '--once', '200'])
  await refuses(t, 2, /--rtf must be at least 0\.01, got 0/, ['watch', '--controller', 'none', '--rtf', '0'])
  await refuses(t, 2, /watch draws the figure eight and the ring, got merge/, [
    ...['watch', '--controller', 'none', '--network', 'merge'],
  ])
  await refuses(t, 2, /broker must be mqtt/, ['watch', '--broker', 'localhost', '--once', '1'])
  const gone = await trustmix(['watch', '--broker', 'mqtt://127.0.0.1:1', '--once', '1', '--wait', '0.3'])
  t.equal(gone.code, 3)
  t.match(gone.stderr, /no connection to the broker mqtt:\/\/127\.0\.0\.1:1 within 300 ms/)
})

/** Runs a command on a terminal of its own and presses `key` once the view is there. */
function onTerminal(t: Test, command: string, key: string): Promise<{ code: number | null; text: string }> {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TERM: 'xterm-256color' },
  })
  killWithTest(t, child)
  let text = ''
  let pressed = false
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    if (pressed || !text.includes('q quit')) return
    pressed = true
    child.stdin.write(key)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })))
}
