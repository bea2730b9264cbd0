import t from 'tap'
import { openKeyboard } from '../cli/keyboard.ts'
import { type CarView, carGlyph, roadPicture } from '../cli/view/road-picture.ts'
import { createStyles, displayWidth } from '../cli/view/text.ts'
import { colourDepth, createSpeedPaint, renderWatch, type WatchView } from '../cli/view/watch-view.ts'
import { watchWorld } from '../cli/watch-world.ts'
import { createEmbeddedWorld, roadShape, TrafficSimulator } from '../sim-bridge/index.ts'
import { counted, headway } from './support/watching.ts'
import { createRandom } from './view-fixtures.ts'

const eight = roadShape('figure-eight', 421.94)!
const plain = createStyles(false)

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
  const world = await watchWorld(headway, 1, () => 0)
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
