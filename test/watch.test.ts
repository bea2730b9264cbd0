import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openKeyboard } from '../cli/keyboard.ts'
import { type CarView, carGlyph, roadPicture } from '../cli/view/road-picture.ts'
import { createStyles, displayWidth } from '../cli/view/text.ts'
import { colourDepth, createSpeedPaint, renderWatch, type WatchView } from '../cli/view/watch-view.ts'
import { watchWorld } from '../cli/watch-world.ts'
import { createEmbeddedWorld, decodeTrajectory, roadShape, TrafficSimulator } from '../sim-bridge/index.ts'
import { type TrajectoryName, trajectoryFile } from '../sim-bridge/trajectory-files.ts'
import { refuses, trustmix } from './support/cli.ts'
import { bin, startFleet } from './support/fleet.ts'
import { requireTool } from './support/require.ts'
import { createRandom } from './view-fixtures.ts'

const eight = roadShape('figure-eight', 421.94)!
const plain = createStyles(false)
const glyphs = new Set<string>(Object.values(carGlyph))
const options = {
  controller: 'headway:5',
  policies: undefined,
  preset: 'flow',
  network: 'figure-eight',
  vehicles: 14,
  sim: 'embedded',
  setting: 'headway',
  seed: 1,
}

/** How often each car glyph occurs. */
function counted(text: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const glyph of text) if (glyphs.has(glyph)) counts[glyph] = (counts[glyph] ?? 0) + 1
  return counts
}

function carsAt(positions: readonly number[]): CarView[] {
  return positions.map((position, i) => ({ id: `car${i}`, learner: i % 2 === 1, position, speed: 5, forced: i === 3 }))
}

t.test('the picture', async (t) => {
  t.test('has one character per car, whatever the places and the size', async (t) => {
    const random = createRandom(3)
    for (let round = 0; round < 200; round++) {
      const n = 2 + Math.floor(random() * 39)
      // As close as cars get in a queue: 5 m of car and 2.5 m of gap.
      const room = (421.94 - 7.5 * n) / n
      const start = random() * 421.94
      const places = Array.from({ length: n }, (_, i) => (start + i * (7.5 + room) + random() * room) % 421.94)
      const [width, height] = [80 + Math.floor(random() * 120), 17 + Math.floor(random() * 40)]
      const rows = roadPicture(eight, carsAt(places), width, height)
      t.equal(rows.length, height)
      const drawn = counted(rows.map((row) => row.map(({ glyph }) => glyph).join('')).join('\n'))
      const all = Object.values(drawn).reduce((sum, count) => sum + count, 0)
      if (all !== n || drawn[carGlyph.driver] !== Math.ceil(n / 2)) t.fail(`${JSON.stringify(drawn)} of ${n} cars`)
    }
  })

  t.test('lies where that is larger: the figure eight in a wide terminal, not in a square one', async (t) => {
    const spanOf = (columns: number, rows: number): [number, number] => {
      const cells = roadPicture(eight, [], columns, rows)
      const used = cells.flatMap((row, y) => row.flatMap(({ glyph }, x) => (glyph === ' ' ? [] : [[x, y] as const])))
      const span = (values: number[]): number => Math.max(...values) - Math.min(...values) + 1
      return [span(used.map(([x]) => x)), span(used.map(([, y]) => y))]
    }
    t.same(spanOf(80, 17), [80, 17], 'fills 80 × 17')
    const [wide, low] = spanOf(200, 50)
    t.ok(wide > 190 && low > 38, `grows with the terminal: ${wide} × ${low}`)
    // Upright it is as high as wide (a character is twice as high); lying, 148 m by 63 m.
    const [across, up] = spanOf(60, 30)
    t.ok(Math.abs(across - 2 * up) <= 2, `${across} × ${up}`)
  })

  t.test('is where the road is: a car at the crossing in the middle, one at the far right on the right', async (t) => {
    const centre = (position: number): [number, number] => {
      const rows = roadPicture(eight, [{ ...carsAt([position])[0]!, position: position + 2.5 }], 80, 17)
      const y = rows.findIndex((row) => row.some(({ car }) => car))
      return [rows[y]!.findIndex(({ car }) => car), y]
    }
    t.same(centre(34.7), centre(245.67))
    const [x, y] = centre(34.7)
    t.ok(Math.abs(x - 39.5) <= 1 && Math.abs(y - 8) <= 1)
    t.ok(centre((69.4 + 210.97) / 2)[0] >= 77, 'the upper circle lies right')
    t.ok(centre((280.37 + 421.94) / 2)[0] <= 2, 'the lower one left')
  })
})

t.test('a frame', async (t) => {
  const world = await watchWorld(options, 1)
  await world.until(60)
  const view: WatchView = { ...world.view()!, foot: world.keys }
  const frame = (width: number, height: number, more: Partial<WatchView> = {}): string[] =>
    renderWatch({ ...view, ...more }, width, height, plain, createSpeedPaint('none'))

  t.test('fits any terminal and says what it shows', async (t) => {
    for (const [width, height] of [
      [80, 23],
      [40, 12],
      [200, 60],
      [20, 5],
      [1, 1],
    ] as const) {
      const lines = frame(width, height)
      t.ok(lines.length <= height && lines.every((line) => displayWidth(line) <= width), `${width} × ${height}`)
    }
    const text = frame(80, 23).join('\n')
    t.equal(frame(80, 23).length, 23)
    t.match(text, /headway:5 · flow · embedded +epoch 1 {2}×1 +60\.0 s/)
    t.match(text, /mean speed \d\.\d\d m\/s {2}epoch \d\.\d\d {2}drivers \d\.\d\d {2}×1\.2\d {2}NAS 0\.3\d\d/)
    t.match(text, /○ driver {2}● learner {2}◆ forced to brake .*20 m\/s/)
  })

  t.test('is legible without colour: seven drivers, seven learners, each with its speed', async (t) => {
    const lines = frame(80, 23)
    t.notMatch(lines.join(''), /\p{Cc}/u)
    const pictured = counted(lines.slice(3, 20).join('\n'))
    t.equal(pictured[carGlyph.driver], 7)
    t.equal((pictured[carGlyph.learner] ?? 0) + (pictured[carGlyph.forced] ?? 0), 7)
    const order = lines[20]!.replace(' in order ', '')
    const cars = [...view.cars].sort((a, b) => a.position - b.position)
    t.same(
      [...order.matchAll(/([○●◆])([▁▂▃▄▅▆▇█])/g)].map(([, glyph, bar]) => [glyph, '▁▂▃▄▅▆▇█'.indexOf(bar!)]),
      cars.map(({ learner, forced, speed }) => [
        forced ? '◆' : learner ? '●' : '○',
        Math.round((Math.min(20, speed) / 20) * 7),
      ]),
    )
    const stopped = frame(80, 23, { cars: view.cars.map((car) => ({ ...car, forced: car.learner })) })
    t.equal(counted(stopped.slice(3, 20).join(''))[carGlyph.forced], 7)
  })

  t.test('has the colours that the terminal can show', async (t) => {
    t.equal(colourDepth({ COLORTERM: 'truecolor' }, true), 'true')
    t.equal(colourDepth({ COLORTERM: 'truecolor' }, false), 'none')
    t.equal(colourDepth({}, true), '256')
    t.match(createSpeedPaint('true')('x', 1), /^\p{Cc}\[38;2;\d+;\d+;\d+mx\p{Cc}\[39m$/u)
    t.match(createSpeedPaint('256')('x', 0), /^\p{Cc}\[38;5;\d+mx\p{Cc}\[39m$/u)
    const lines = renderWatch(view, 80, 23, createStyles(true), createSpeedPaint('256'))
    t.ok(lines.every((line) => displayWidth(line) <= 80))
  })

  t.test('shows the world of the simulator, and the drivers at the same time', async (t) => {
    const drivers = createEmbeddedWorld({ preset: 'flow' })
    const nobody = new Float64Array(14).fill(Number.NaN)
    let state = await drivers.reset()
    for (let k = 0; k < 600; k++) state = await drivers.step(nobody)
    t.equal(view.time, 60)
    t.same(view.baseline, { nas: state.info.epochNas, meanSpeed: state.info.epochMeanSpeed })
    t.same(
      view.cars.map(({ id }) => id),
      new TrafficSimulator({ preset: 'flow' }).vehicles,
    )
  })

  t.test('time goes on at the pace asked for, pauses, and goes faster', async (t) => {
    await world.until(60)
    const passed = async (ms: number): Promise<number> => {
      const before = world.view()!.time
      await world.pass(ms)
      return Math.round(10 * (world.view()!.time - before)) / 10
    }
    t.equal(await passed(500), 0.5)
    world.key(' ')
    t.equal(await passed(500), 0)
    t.match(world.view()!.state, /paused/)
    world.key(' ')
    world.key('+')
    world.key('+')
    t.equal(await passed(500), 2)
    world.key('-')
    t.match(world.view()!.state, /×2/)
  })
})

t.test('the keyboard gives the terminal its line mode back', async (t) => {
  const modes: boolean[] = []
  let listener: (chunk: string) => void = () => {}
  const input = {
    isTTY: true,
    setRawMode: (mode: boolean) => modes.push(mode),
    on: (_: string, next: typeof listener) => {
      listener = next
    },
    ...{ off() {}, resume() {}, pause() {} },
  }
  const keys: string[] = []
  const exits = process.listenerCount('exit')
  const keyboard = openKeyboard(input as unknown as NodeJS.ReadStream, (key) => keys.push(key))
  listener('q+\u0003')
  keyboard.close()
  t.same(keys, ['q', '+', 'interrupt'])
  t.same(modes, [true, false])
  t.equal(process.listenerCount('exit'), exits)
})

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
  const world = await watchWorld(options, 1)
  await world.until(60)
  const wanted = renderWatch({ ...world.view()!, foot: world.keys }, 80, 23, plain, createSpeedPaint('none'))
  t.equal(stdout, `${wanted.join('\n')}\n`)
  const large = await trustmix(['watch', '--controller', 'none', '--once', '0'], { COLUMNS: '120', LINES: '40' })
  t.equal(large.stdout.trimEnd().split('\n').length, 39)
})

t.test('a running fleet is watched, and keeps its trajectories', async (t) => {
  const directory = join(t.testdir(), 'run')
  const fleet = startFleet(directory, ['--epochs', '5', '--seed', '2'])
  await fleet.epochDone(1)
  const { broker } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as { broker: string }
  const seen = await trustmix(['watch', '--broker', broker, '--once', '10'])
  t.equal(seen.code, 0, seen.stderr)
  t.match(seen.stdout, /demo · gated · headway · flow +epoch [2-5]\/5 +last NAS 0\.\d{3} +\d+\.\d s/)
  t.match(seen.stdout, /mean speed \d+\.\d\d m\/s {2}drivers 5\.63 {2}NAS 0\.\d{3} {2}drivers 0\.281/)
  const pictured = counted(seen.stdout.split('\n').slice(3, 20).join('\n'))
  t.equal(pictured[carGlyph.driver], 7)
  t.equal((pictured[carGlyph.learner] ?? 0) + (pictured[carGlyph.forced] ?? 0), 7)
  const other = await trustmix(['watch', '--broker', broker, '--fleet', 'other', '--once', '10', '--wait', '0.5'])
  t.equal(other.code, 3)
  t.match(other.stderr, /no world message of fleet other with time >= 10 s from mqtt:.* within 500 ms/)

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
    ['last', 5, epochs[4]!.meanSpeed],
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
  t.teardown(() => child.kill('SIGKILL'))
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
