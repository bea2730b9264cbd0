import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { recordEpoch } from '../cli/driven-world.ts'
import { terminalColour } from '../cli/view/terminal-colour.ts'
import { onDark, onLight, type Rgb, scaleColour } from '../schemas/colour-scale.ts'
import { encodeTrajectory } from '../sim-bridge/trajectory/trajectory.ts'
import { createTrajectoryFiles, trajectoryFile } from '../sim-bridge/trajectory/trajectory-files.ts'
import { answer, json, refuses, trustmix } from './support/cli.ts'
import { headway as handPolicy } from './support/watching.ts'
import { wellFormed } from './support/xml.ts'

const headway = await recordEpoch(handPolicy)
const drivers = await recordEpoch({ ...handPolicy, controller: 'none' })

t.test('colours of the scale grow evenly lighter', async (t) => {
  for (const [from, to] of [onLight, onDark]) {
    const lightness = Array.from({ length: 101 }, (_, i) => lightnessOf(scaleColour(i / 100, [from, to])))
    for (const [i, value] of lightness.entries())
      if (i > 0 && !(value > lightness[i - 1]!)) t.fail(`L* ${value} after ${lightness[i - 1]} at ${i} %`)
    const steps = lightness.slice(1).map((value, i) => value - lightness[i]!)
    t.ok(Math.max(...steps) < 3 * (steps.reduce((sum, step) => sum + step, 0) / 100), 'no jump')
  }
  t.same(scaleColour(-1, [0, 1]), [13, 8, 135])
  t.same(scaleColour(7, [0, 1]), [240, 249, 33])
  t.equal(terminalColour([255, 0, 0]), 196)
  t.equal(terminalColour([94, 176, 0]), 16 + 36 + 6 * 3)
})

t.test('a run is drawn: nine well-formed pictures with every car, legible text, and figures', async (t) => {
  const run = t.testdir()
  const keep = createTrajectoryFiles(run, (line) => t.fail(line))
  keep({ ...drivers, epoch: 0 })
  keep(headway)
  keep({ ...headway, epoch: 9 })
  const { files, figures } = (await json(t, ['plot', run])) as {
    files: string[]
    figures: Record<string, Record<string, number>>
  }
  const wanted = ['baseline', 'first', 'last'].flatMap((name) =>
    ['time-space', 'speeds', 'crossing'].flatMap((picture) =>
      ['svg', 'png'].map((ending) => join(run, 'plots', `${picture}-${name}.${ending}`)),
    ),
  )
  t.same(files, wanted)
  for (const file of files.filter((name) => name.endsWith('.svg'))) {
    const svg = readFileSync(file, 'utf8')
    t.equal(wellFormed(svg), 'ok', file)
    t.notMatch(svg, /NaN|Infinity|undefined/)
    t.ok(Math.min(...[...svg.matchAll(/font-size="([\d.]+)"/g)].map(([, size]) => Number(size))) >= 11)
    const cars = [...svg.matchAll(/class="car" data-car="(car\d\d)"/g)].map(([, id]) => id)
    if (!file.includes('crossing')) t.same(cars, headway.vehicles, `a path per car in ${file}`)
    else t.ok(svg.split('class="passage"').length > 50)
  }
  for (const file of files.filter((name) => name.endsWith('.png')))
    t.equal(readFileSync(file).subarray(1, 4).toString(), 'PNG')
  // SUMO's own figures of the same two controllers (test/reference).
  t.ok(Math.abs(figures.baseline!.meanSpeed! - 5.63) < 0.005, `${figures.baseline!.meanSpeed}`)
  t.ok(Math.abs(figures.last!.meanSpeed! - 7.49) < 0.01, `${figures.last!.meanSpeed}`)
  t.same(figures.first, figures.last)
  t.equal(figures.baseline!.forcedBrakings, 0)
  t.equal(figures.last!.entriesPerMinute, figures.last!.entries! / 2.5)
  t.ok(figures.last!.meanEntrySpeed! > 5 * figures.baseline!.meanEntrySpeed!, 'drivers creep to the crossing')
  t.match(readFileSync(join(run, 'plots', 'speeds-last.svg'), 'utf8'), />drivers alone</)
  t.match(readFileSync(join(run, 'plots', 'speeds-last.svg'), 'utf8'), />Speeds: headway:5, epoch 9</)
})

t.test('lines follow their cars and leave no streak where the loop closes', async (t) => {
  const out = t.testdir()
  await answer(t, ['plot', '--controller', 'none', '--out', out])
  const svg = readFileSync(join(out, 'time-space-epoch.svg'), 'utf8')
  const groups = [...svg.matchAll(/<g class="car" data-car="(car\d\d)".*?<\/g>/g)]
  t.equal(groups.length, 14)
  // 150 s are 1010 px wide and 421.94 m are 500 px high.
  const metresASecond = (dx: number, dy: number): number => -(dy * 421.94) / 500 / ((dx * 150) / 1010)
  for (const [group, id] of groups) {
    let seconds = 0
    let metres = 0
    for (const [, data] of group.matchAll(/ d="([^"]+)"/g))
      for (const piece of data!.split('M').filter((text) => text !== '')) {
        const points = piece.split('L').map((point) => point.split(' ').map(Number) as [number, number])
        for (let i = 1; i < points.length; i++) {
          const [dx, dy] = [points[i]![0] - points[i - 1]![0], points[i]![1] - points[i - 1]![1]]
          seconds += (dx * 150) / 1010
          metres -= (dy * 421.94) / 500
          // 20 m/s at most; pixels are rounded to hundredths.
          if (dx > 0.5 && !(metresASecond(dx, dy) > -0.2 && metresASecond(dx, dy) < 20.5))
            t.fail(`${id}: ${metresASecond(dx, dy)} m/s`)
        }
      }
    const car = drivers.vehicles.indexOf(String(id))
    const driven = drivers.speed.reduce((sum, v, k) => (k % 14 === car ? sum + v * 0.1 : sum), 0)
    t.ok(Math.abs(metres - driven) < 4, `${id} is drawn over ${metres.toFixed(1)} m, drove ${driven.toFixed(1)} m`)
    t.ok(Math.abs(seconds - 149.8) < 0.3, `${id} is drawn over ${seconds.toFixed(2)} s`)
  }
})

t.test('one file, one epoch, another folder', async (t) => {
  const run = t.testdir()
  const keep = createTrajectoryFiles(run, (line) => t.fail(line))
  keep(headway)
  const one = await answer(t, ['plot', '--epoch', 'last', run, '--out', join(run, 'a')])
  t.same(Object.keys(one.figures as object), ['last'])
  t.ok(existsSync(join(run, 'a', 'crossing-last.svg')))
  const file = await answer(t, ['plot', trajectoryFile(run, 'first')])
  t.same(Object.keys(file.figures as object), ['first'])
  t.ok(existsSync(join(run, 'trajectories', 'plots', 'time-space-first.png')))
  const ring = join(run, 'ring.safetensors')
  writeFileSync(ring, encodeTrajectory({ ...headway, network: 'ring' }))
  const { files, figures } = await answer(t, ['plot', ring, '--out', join(run, 'b')])
  t.match(figures, { ring: { entries: null, entriesPerMinute: null, meanEntrySpeed: null, order: '' } })
  t.equal((files as string[]).length, 4, 'a ring has no crossing to draw')
})

t.test('what cannot be drawn is named, with the documented code', async (t) => {
  const run = t.testdir({ empty: {} })
  createTrajectoryFiles(run, (line) => t.fail(line))(headway)
  const last = trajectoryFile(run, 'last')
  await refuses(t, 2, /must be a run with recorded epochs or a trajectory file, got neither/, [
    'plot',
    join(run, 'empty'),
  ])
  await refuses(t, 2, /got neither .*absent/, ['plot', join(run, 'absent')])
  await refuses(t, 2, /got neither .*baseline\.safetensors$/, ['plot', run, '--epoch', 'baseline'])
  await refuses(t, 2, /one of --controller and --policies is needed, got none/, ['plot', '--out', run])
  await refuses(t, 2, /got both/, ['plot', '--controller', 'none', '--policies', run, '--out', run])
  await refuses(t, 2, /--out is needed/, ['plot', '--controller', 'none'])
  await refuses(t, 2, /one run or file, got a and b/, ['plot', 'a', 'b'])
  await refuses(t, 2, /a run is drawn or an epoch driven/, ['plot', run, '--controller', 'none'])
  await refuses(t, 2, /controller must be one of .*, got jump/, ['plot', '--controller', 'jump', '--out', run])
  await refuses(t, 2, /cars must start at least 2.5 m apart, got/, [
    ...['plot', '--controller', 'none', '--out', run, '--network', 'ring', '--vehicles', '40'],
  ])
  await refuses(t, 2, /Unknown option '--width'/, ['plot', run, '--width', '3'])
  await refuses(t, 2, /--out: .*ENOTDIR|--out: .*EEXIST/, ['plot', run, '--out', join(last, 'x')])
  const bytes = readFileSync(last)
  writeFileSync(last, bytes.subarray(0, bytes.length - 5))
  const { code, stdout, stderr } = await trustmix(['plot', run, '--epoch', 'last', '--json'])
  t.same([code, stdout], [4, ''])
  t.match(stderr, /^trustmix: .*last\.safetensors: .* must end within \d+ bytes of data, got \d+\n$/)
})

/** CIE 1976 L* of an sRGB colour. */
function lightnessOf(colour: Rgb): number {
  const [r, g, b] = colour.map((channel) => {
    const c = channel / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  const y = 0.2126 * r + 0.7152 * g + 0.0722 * b
  return y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y
}
