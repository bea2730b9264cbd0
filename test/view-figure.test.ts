import { createRequire } from 'node:module'
import { inflateSync } from 'node:zlib'
import t from 'tap'
import { curveScales, learningCurve, plotBox } from '../cli/view/curve.ts'
import { spread } from '../cli/view/curve-labels.ts'
import { svgToPng } from '../cli/view/png.ts'
import { niceDomain, niceTicks } from '../cli/view/scale.ts'
import { mixMatrix, vehicleTable, verdictTable } from '../cli/view/tables.ts'
import { displayWidth } from '../cli/view/text.ts'
import { wellFormed } from './support/xml.ts'
import { createRandom, fleetView, points, randomView } from './view-fixtures.ts'

t.test('tables', async (t) => {
  const random = createRandom(2)
  t.test('fit 80 columns', async (t) => {
    for (let round = 0; round < 100; round++) {
      const { vehicles } = randomView(random)
      const ids = vehicles.map(({ id }) => id)
      const accepted = ids.map(() => ids.map(() => Math.floor(random() ** 4 * 2e6)))
      const final = vehicles.map((vehicle) => ({ ...vehicle, policyHash: 'ab'.repeat(32) }))
      const tables = [vehicleTable(final), mixMatrix(ids, accepted), verdictTable(vehicles[0]?.rejected ?? {})]
      for (const line of tables.join('').split('\n')) if (displayWidth(line) > 80) t.fail(line)
    }
    t.pass()
  })

  t.test('the matrix has takers as rows and the share of the largest as shade', async (t) => {
    const table = mixMatrix(
      ['v1', 'v2', 'v3'],
      [
        [0, 8, 2],
        [4, 0, 0],
        [6, 1, 0],
      ],
    )
    t.equal(
      table,
      [
        'takes from    v1    v2    v3',
        'v1             ·  ██ 8  ░░ 2',
        'v2          ▒▒ 4     ·     0',
        'v3          ▓▓ 6  ░░ 1     ·',
        '░ ▒ ▓ █  up to ¼ ½ ¾ 1 of 8',
        '',
      ].join('\n'),
    )
  })

  t.test('vehicles and verdicts are added up', async (t) => {
    const table = vehicleTable(
      fleetView(140).vehicles.map((vehicle) => ({ ...vehicle, policyHash: '0123456789abcdef' })),
    )
    t.match(table, /vehicle-1 +0\.1 s +140 +840 +4 +103 {2}0123456789ab\n/)
    t.match(table, /all +980 +5880 +28 +721\n/)
    t.match(verdictTable({ accepted: 1, stale: 3 }), /stale +3 +75\.0 % .*\naccepted +1 +25\.0 % .*\nall verdicts +4\n/)
    t.equal(verdictTable({}), 'no verdicts\n')
  })
})

t.test('learning curve', async (t) => {
  const baselines = [
    { label: 'drivers', meanSpeed: 5.63 },
    { label: 'full throttle', meanSpeed: 5.63 },
    { label: 'best hand policy', meanSpeed: 9.07 },
  ]
  t.test('ticks are round numbers', async (t) => {
    t.same(niceTicks(0, 10, 7).values, [0, 2, 4, 6, 8, 10])
    t.same(niceTicks(0.1, 0.42, 8).values, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])
    t.same(niceTicks(1, 1000, 10).values, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
    t.same(niceDomain(5.1, 9.07, 7), [5, 10])
    t.same(niceDomain(0.3, 9.07, 7), [0, 10])
    t.same(niceDomain(5.63, 9.07, 7), [5, 10], 'steps of 0.5 from 5.5 to 9.5 would be more than seven')
    t.same(niceDomain(5, 5, 7), [4, 6])
    t.same(niceDomain(0, 0, 7), [0, 0.2])
  })

  t.test('scales map known values to known pixels', async (t) => {
    // speeds 5 … 9.07 give the axis 5 … 10 in steps of 1
    const { x, y } = curveScales({ title: '', history: points(101, () => 5), baselines })
    const { left, top, width, height } = plotBox
    t.equal(x(1), left)
    t.equal(x(51), left + width / 2)
    t.equal(x(101), left + width)
    t.equal(y(5), top + height)
    t.equal(y(7.5), top + height / 2)
    t.equal(y(10), top)
    const svg = learningCurve({ title: '', history: points(101, () => 5), baselines })
    t.match(svg, `y1="${Number(y(9.07).toFixed(2))}"`, 'a baseline is drawn at its speed')
    t.match(svg, />0\.50</, 'NAS at 10 m/s of 20')
  })

  t.test('is well-formed, finite and the same text each time for 0 to 1000 epochs', async (t) => {
    for (const length of [0, 1, 2, 12, 40, 300, 1000]) {
      const options = {
        title: 'A & B <"fleet"> \u0000 車',
        subtitle: 'x',
        history: points(length, (epoch) => (epoch === 5 ? Number.NaN : 5 + Math.sin(epoch))),
        baselines,
      }
      const svg = learningCurve(options)
      t.equal(wellFormed(svg), 'ok', `${length} epochs`)
      t.notMatch(svg, /NaN|Infinity|undefined/)
      t.equal(learningCurve(options), svg)
    }
  })

  t.test('NAS has a curve of its own only where collisions part it from the speed', async (t) => {
    const history = points(50, () => 6)
    const colliding = history.map((point) => ({ ...point, nas: point.nas * 0.8 }))
    t.equal(learningCurve({ title: '', history }).match(/<text[^>]*>NAS, last 10 %/), null)
    t.match(learningCurve({ title: '', history: colliding }), /<text[^>]*>NAS, last 10 %/)
  })

  t.test('labels keep their distance and stay near their lines', async (t) => {
    t.same(spread([10, 100], 20, 0, 200), [10, 100])
    t.same(spread([100, 100, 100], 20, 0, 200), [80, 100, 120])
    t.same(spread([0, 5], 20, 0, 200), [0, 20])
    t.same(spread([195, 200], 20, 0, 200), [180, 200])
  })
})

t.test('PNG', async (t) => {
  const packages = ['@resvg/resvg-wasm/index_bg.wasm', '@fontsource/atkinson-hyperlegible/package.json']
  const missing = packages.filter((file) => !resolves(file))
  const svg = learningCurve({ title: 'Fleet A', history: points(20, (epoch) => epoch / 4) })
  await t.rejects(svgToPng(svg, 0), /PNG width must be/)
  if (missing.length > 0) {
    await t.rejects(svgToPng(svg, 520), /a PNG needs the optional packages, try: npm install/)
    return
  }
  const [first, same, other] = await Promise.all([
    svgToPng(svg, 520),
    svgToPng(svg, 520),
    svgToPng(svg.replaceAll('Fleet A', 'Fleet B'), 520),
  ])
  t.same(first, same, 'reproducible')
  const image = decodePng(first)
  t.same([image.width, image.height], [520, 280])
  t.ok(inkIn(image, 12, 8, 200, 22) > 100, 'the title is drawn')
  t.ok(inkIn(image, 32, 52, 350, 190) > 300, 'the curve is drawn')
  t.equal(inkIn(image, 300, 0, 200, 8), 0, 'the margin is empty')
  t.not(Buffer.compare(first, other), 0, 'other text, other pixels')
})

function resolves(file: string): boolean {
  try {
    createRequire(import.meta.url).resolve(file)
    return true
  } catch {
    return false
  }
}

/** An 8-bit RGBA PNG without interlacing (PNG specification, clauses 5, 9 and 11). */
function decodePng(png: Uint8Array): { width: number; height: number; pixels: Uint8Array } {
  const data = Buffer.from(png)
  t.equal(data.subarray(0, 8).toString('latin1'), '\u0089PNG\r\n\u001a\n')
  const parts: Buffer[] = []
  for (let at = 8; at < data.length; at += data.readUInt32BE(at) + 12) {
    if (data.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(data.subarray(at + 8, at + 8 + data.readUInt32BE(at)))
  }
  const width = data.readUInt32BE(16)
  const height = data.readUInt32BE(20)
  t.same([...data.subarray(24, 29)], [8, 6, 0, 0, 0], '8-bit RGBA')
  const raw = inflateSync(Buffer.concat(parts))
  const stride = width * 4
  const pixels = new Uint8Array(stride * height)
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)]!
    for (let i = 0; i < stride; i++) {
      const left = i < 4 ? 0 : pixels[row * stride + i - 4]!
      const above = row === 0 ? 0 : pixels[(row - 1) * stride + i]!
      const corner = row === 0 || i < 4 ? 0 : pixels[(row - 1) * stride + i - 4]!
      const toLeft = Math.abs(above - corner)
      const toAbove = Math.abs(left - corner)
      const toCorner = Math.abs(left + above - 2 * corner)
      const paeth = toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner
      const predicted = [0, left, above, (left + above) >> 1, paeth][filter]!
      pixels[row * stride + i] = raw[row * (stride + 1) + 1 + i]! + predicted
    }
  }
  return { width, height, pixels }
}

/** How many pixels of a rectangle are clearly darker than the background. */
function inkIn(
  { width, pixels }: ReturnType<typeof decodePng>,
  left: number,
  top: number,
  w: number,
  h: number,
): number {
  let ink = 0
  for (let y = top; y < top + h; y++) {
    for (let x = left; x < left + w; x++) if (pixels[(y * width + x) * 4]! < 160) ink++
  }
  return ink
}
