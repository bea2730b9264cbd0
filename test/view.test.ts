import t from 'tap'
import { reasonsText } from '../cli/view/device-lines.ts'
import { renderLiveView } from '../cli/view/live-view.ts'
import { createPainter } from '../cli/view/painter.ts'
import { brailleChart, sparkline } from '../cli/view/plot.ts'
import { progressLine, remainingMs, sortedReasons } from '../cli/view/progress.ts'
import * as text from '../cli/view/text.ts'
import { createRandom, fleetView, randomView } from './view-fixtures.ts'

const plain = text.createStyles(false)
const coloured = text.createStyles(true)

t.test('text', async (t) => {
  t.test('display width counts columns, not code units', async (t) => {
    for (const [content, width] of [
      ['', 0],
      ['abc', 3],
      ['×1.14 · –', 9],
      ['e\u0301', 1],
      ['車両', 4],
      ['🚗', 2],
      [coloured.bold('ab'), 2],
      ['⣀⡠▁█●', 5],
    ] as const) {
      t.equal(text.displayWidth(content), width, JSON.stringify(content))
    }
  })

  t.test('what is cut ends in an ellipsis, keeps its width and closes its colour', async (t) => {
    t.equal(text.fit('vehicle', 7), 'vehicle')
    t.equal(text.fit('vehicle', 4), 'veh…')
    t.equal(text.fit('車両車両', 4), '車…', 'a wide character is not split')
    t.equal(text.fit(coloured.red('vehicle'), 3), '\u001b[31mve…\u001b[0m')
    t.equal(text.padStart('7', 3), '  7')
    t.equal(text.justify('left', 'right', 12), 'left   right')
    t.equal(text.justify('left', 'right', 9), 'left')
  })

  t.test('durations', async (t) => {
    for (const [ms, expected] of [
      [0, '0.0 s'],
      [9_940, '9.9 s'],
      [9_950, '10 s'],
      [59_400, '59 s'],
      [59_600, '1 m 00 s'],
      [100_000, '1 m 40 s'],
      [3_599_400, '59 m 59 s'],
      [3_600_000, '1 h 00 m'],
      [7_500_000, '2 h 05 m'],
      [100 * 3_600_000, '4 d 04 h'],
      [Number.NaN, '–'],
      [-1, '–'],
      [Number.POSITIVE_INFINITY, '–'],
    ] as const) {
      t.equal(text.formatDuration(ms), expected, `${ms} ms`)
    }
  })

  t.test('counts stay within six columns', async (t) => {
    t.equal(text.formatCount(99_999), '99999')
    t.equal(text.formatCount(123_456), '123.5k')
    t.equal(text.formatCount(999_949), '999.9k')
    t.equal(text.formatCount(999_950), '1.0M')
    t.equal(text.formatCount(2_500_000_000), '2.5G')
  })

  t.test('control and bidirectional characters from outside do not reach the terminal', async (t) => {
    t.equal(text.printable('a\u001b[2Jb\nc\u202Ed'), 'a [2Jb cd')
  })

  t.test('colour needs a terminal that is not dumb and no NO_COLOR', async (t) => {
    t.equal(text.wantsColour({}, true), true)
    t.equal(text.wantsColour({ NO_COLOR: '' }, true), true, 'an empty NO_COLOR does not count')
    t.equal(text.wantsColour({ NO_COLOR: '1' }, true), false)
    t.equal(text.wantsColour({ TERM: 'dumb' }, true), false)
    t.equal(text.wantsColour({}, false), false)
  })
})

t.test('plots', async (t) => {
  t.test('a sparkline spans its lowest to its highest value', async (t) => {
    t.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), '▁▂▃▄▅▆▇█')
    t.equal(sparkline([0, 0, 7, 7], 2), '▁█', 'averaged down')
    t.equal(sparkline([3, 3], 9), '▄▄', 'a flat series')
    t.equal(sparkline([0, Number.NaN, 1], 9), '▁ █')
    t.equal(sparkline([], 9), '')
  })

  t.test('a braille curve has its ends in the corners and the reference line at its height', async (t) => {
    const rising = brailleChart([0, 1], 2, 1, 1)
    t.same(
      rising.rows[0]?.map(({ glyph }) => glyph),
      ['⡠', '⠊'],
    )
    const chart = brailleChart([0, 4], 10, 3, 0.5, 2)
    t.same([chart.low, chart.high, chart.referenceRow], [0, 4, 1])
    t.equal(chart.rows[1]?.[9]?.curve, false)
    t.not(chart.rows[1]?.[9]?.glyph, ' ', 'the line goes on where the curve has not come yet')
    t.equal(chart.rows[0]?.[9]?.glyph, ' ')
  })
})

t.test('live view', async (t) => {
  t.test('never leaves its width and height, whatever the view', async (t) => {
    const random = createRandom(1)
    let widest = 0
    for (let round = 0; round < 400; round++) {
      const width = 1 + Math.floor(random() * 140)
      const height = 1 + Math.floor(random() * 45)
      const lines = renderLiveView(randomView(random), width, height, round % 2 === 0 ? plain : coloured)
      if (lines.length > height) t.fail(`${lines.length} lines for ${height}`)
      for (const line of lines) {
        widest = Math.max(widest, text.displayWidth(line) / width)
        if (text.displayWidth(line) > width) t.fail(`${text.displayWidth(line)} columns for ${width}: ${line}`)
        if (/\p{Cc}/u.test(line.replace(/\p{Cc}\[\d+m/gu, ''))) t.fail('control character passed on')
      }
    }
    t.equal(widest, 1, 'and uses it')
  })

  t.test('80 × 24 shows everything about seven vehicles', async (t) => {
    const shown = renderLiveView(fleetView(140), 80, 24, plain).join('\n')
    for (const expected of [
      'epoch 140/200',
      '70 %',
      '1 m 00 s left',
      'mean speed 7.00 m/s  ×1.25',
      'drivers 5.60',
      'NAS 0.350',
      '● vehicle-1  0.1 s',
      '○ vehicle-5',
      'offline',
      'refused: advantage-not-positive 700, stale 21',
      'note 3',
    ]) {
      t.match(shown, expected)
    }
    t.notMatch(shown, '\u001b', 'without colours there are no escape sequences')
  })

  t.test('reasons are sorted, shortened word by word and counted when left out', async (t) => {
    const counts = { stale: 3, 'advantage-not-positive': 80, zero: 0, 'few-samples': 12 }
    t.same(sortedReasons(counts), [
      ['advantage-not-positive', 80],
      ['few-samples', 12],
      ['stale', 3],
    ])
    t.equal(reasonsText(counts, 60), 'advantage-not-positive 80, few-samples 12, stale 3')
    t.equal(reasonsText(counts, 40), 'advant-not-positi 80, few-sample 12, +1')
    t.equal(reasonsText(counts, 31), 'adv-not-pos 80, few-sam 12, +1')
    t.equal(reasonsText({}, 20), '')
  })

  t.test('the time left follows from the pace so far', async (t) => {
    t.equal(remainingMs({ ...fleetView(50), elapsedMs: 10_000 }), 30_000)
    t.equal(remainingMs(fleetView(200)), 0)
    t.ok(Number.isNaN(remainingMs(fleetView(0))), 'unknown before the first epoch')
  })
})

t.test('painter', async (t) => {
  t.test('repaints in place at most every 100 ms and gives the cursor back', async (t) => {
    const terminal = createTerminal(true)
    const painter = createPainter({ terminal, env: {}, now: terminal.now, after: terminal.after })
    painter.update(fleetView(1))
    painter.update(fleetView(2))
    painter.update(fleetView(3))
    t.equal(terminal.written.length, 1, 'the rest waits')
    terminal.advance(99)
    t.equal(terminal.written.length, 1)
    terminal.advance(1)
    t.equal(terminal.written.length, 2)
    t.match(terminal.written[1], 'epoch   3/200', 'the newest is shown')
    const rows = renderLiveView(fleetView(1), 80, 23, plain).length
    t.match(terminal.written[1], `\r\u001b[${rows}A`, 'up by the rows of the first frame')
    t.match(terminal.written[0], '\u001b[?25l')
    painter.stop()
    painter.stop()
    t.equal(terminal.written.at(-1), '\u001b[?25h')
    t.equal(terminal.written.length, 4)
    t.equal(terminal.listeners.size, 0)
  })

  t.test('a resize repaints for the new width, above the rows into which the old lines have wrapped', async (t) => {
    const terminal = createTerminal(true)
    const painter = createPainter({ terminal, env: { NO_COLOR: '1' }, now: terminal.now, after: terminal.after })
    painter.update(fleetView(100))
    t.notMatch(terminal.written[0], /\p{Cc}\[\d+m/u, 'NO_COLOR')
    terminal.advance(1000)
    const old = renderLiveView(fleetView(100), 80, 23, plain)
    terminal.columns = 40
    terminal.rows = 60
    for (const listener of terminal.listeners) listener()
    const wrapped = old.reduce((sum, line) => sum + (text.displayWidth(line) > 40 ? 2 : 1), 0)
    t.match(terminal.written[1], `\u001b[${wrapped}A`)
    painter.stop()
  })

  t.test('without a terminal it prints one plain line every few seconds and the last epoch', async (t) => {
    const terminal = createTerminal(false)
    const painter = createPainter({ terminal, env: {}, now: terminal.now, after: terminal.after })
    for (let epoch = 0; epoch <= 200; epoch++) {
      painter.update(fleetView(epoch))
      terminal.advance(100)
    }
    painter.stop()
    const epochs = terminal.written.map((line) => Number(/^epoch (\d+)\/200 /.exec(line)?.[1]))
    t.same(epochs, [1, 31, 61, 91, 121, 151, 181, 200])
    t.equal(
      progressLine(fleetView(140)),
      'epoch 140/200  mean speed 7.00 m/s  NAS 0.350  ×1.25 of drivers  accepted 28 rejected 721  offline 1  ETA 1 m 00 s',
    )
  })
})

function createTerminal(isTTY: boolean) {
  let time = 0
  let timers: { at: number; callback: () => void }[] = []
  const written: string[] = []
  const listeners = new Set<() => void>()
  return {
    isTTY,
    columns: 80,
    rows: 24,
    written,
    listeners,
    write: (content: string) => written.push(content),
    on: (_: 'resize', listener: () => void) => listeners.add(listener),
    off: (_: 'resize', listener: () => void) => listeners.delete(listener),
    now: () => time,
    after(ms: number, callback: () => void) {
      const timer = { at: time + ms, callback }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    advance(ms: number) {
      time += ms
      const due = timers.filter(({ at }) => at <= time)
      timers = timers.filter(({ at }) => at > time)
      for (const { callback } of due) callback()
    },
  }
}
