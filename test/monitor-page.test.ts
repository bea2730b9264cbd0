import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createFleetState, vehicleOf } from '../broker/fleet.ts'
import { hear } from '../broker/hear.ts'
import { backOff } from '../broker/monitor/page/model/back-off.ts'
import { bodyOf, nextCounter, pkcs8Of } from '../broker/monitor/page/model/commands.ts'
import { fixed, percent, significant, span, whole, withUnit } from '../broker/monitor/page/model/format.ts'
import { Rate } from '../broker/monitor/page/model/rate.ts'
import { routeOf } from '../broker/monitor/page/model/route.ts'
import { validateCommandBody } from '../schemas/command.ts'
import { createOperator } from './support/operators.ts'

const thin = '\u202f'

t.test('the built page is small, complete in itself and says what it is made of', async (t) => {
  const built = (name: string): Buffer =>
    readFileSync(fileURLToPath(new URL(`../broker/monitor/page/${name}`, import.meta.url)))
  const files = ['index.html', 'app.js', 'app.css'].map(built)
  const zipped = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0)
  t.ok(zipped <= 200 * 1024, `${zipped} bytes gzipped`)
  const [html = '', script = '', style = ''] = files.map(String)
  t.match(html, /<script type="module" src="app\.js"><\/script>/)
  t.notMatch(html, /(src|href)="(?!app\.|data:)/, 'nothing from elsewhere')
  t.notMatch(html, /<(style|script)[^>]*>[^<]|style="| on\w+="/, 'nothing that the policy refuses')
  t.notMatch(style, /url\((?!["']?data:)|@import/)
  t.notMatch(script, /new Function\(|\beval\(/)
  for (const name of ['mqtt-packet', 'preact', 'uplot'])
    t.match(built('licences.txt').toString(), new RegExp(`^${name} \\d`, 'm'))
})

t.test('every style sheet is part of the page', async (t) => {
  const folder = fileURLToPath(new URL('../../broker/monitor/page/style/', import.meta.url))
  const sheets = readdirSync(folder).filter((name) => name.endsWith('.css') && name !== 'app.css')
  const imported = [...readFileSync(`${folder}app.css`, 'utf8').matchAll(/@import "\.\/(.*)";/g)].map(
    ([, name]) => name,
  )
  t.same(imported.sort(), sheets.sort())
})

t.test('numbers, units and spans of time as they are read', async (t) => {
  t.same(
    [fixed(4.2, 2), fixed(-0.04, 1), fixed(-1.26, 1), fixed(null), fixed(Number.NaN)],
    ['4.20', '0.0', '−1.3', '–', '–'],
  )
  t.same(
    [significant(0.012345), significant(-1.23e-7), significant(0), significant(2_591.4), significant(123_456)],
    ['0.0123', '−1.23 × 10⁻⁷', '0', '2591', '123456'],
  )
  t.same([whole(1_234_567), whole(999), whole(undefined)], [`1${thin}234${thin}567`, '999', '–'])
  t.same(
    [percent(0.125, 1), percent(undefined), withUnit('3', 'm'), withUnit('–', 'm')],
    [`12.5${thin}%`, '–', `3${thin}m`, '–'],
  )
  t.same(
    [0, 42_000, 180_000, 7_800_000, 7_200_000, 273_600_000].map(span),
    ['now', '42 s', '3 min', '2 h 10 min', '2 h', '3 d 4 h'].map((text) => text.replaceAll(/(\d) /g, `$1${thin}`)),
  )
})

t.test('an address names a view, and what names none is the road', async (t) => {
  t.same(routeOf('#/fleet'), { view: 'fleet' })
  t.same(routeOf('#/vehicle/car01'), { view: 'vehicle', vehicle: 'car01' })
  for (const hash of ['', '#', '#/elsewhere', '#/vehicle/', '#/vehicle/<b>', '#/vehicle/a/../b c'])
    t.same(routeOf(hash), hash === '#/vehicle/a/../b c' ? { view: 'vehicle', vehicle: 'a' } : { view: 'road' }, hash)
})

t.test('commands are bodies that a vehicle takes, counters rise, and only a plain key is a key', async (t) => {
  const draft = {
    fleet: 'demo',
    vehicle: 'car01',
    boot: 3,
    name: 'gate-mode',
    args: { mode: 'strict' },
    operator: 'ann',
  } as const
  const body = bodyOf(draft, 17)
  t.ok(validateCommandBody(JSON.parse(body)).ok)
  t.match(JSON.parse(body), { ...draft, counter: 17, expires: null })
  t.throws(() => bodyOf({ ...draft, vehicle: 'a b' }, 17), /vehicle/)
  const state = createFleetState('demo')
  const vehicle = vehicleOf(state, 'car01')!
  t.equal(nextCounter(-1, 'ann', vehicle, 1_000.7), 1_000)
  t.equal(nextCounter(1_000, 'ann', vehicle, 1_000), 1_001, 'twice in a millisecond')
  const message = { version: 1, operator: 'ann', counter: 9_000, result: 'done', reason: 'done' } as const
  hear(state, { channel: 'ack', vehicle: 'car01', name: 'pause', message }, 0)
  t.equal(nextCounter(1_000, 'ann', vehicle, 1_000), 9_001, 'above what another page has used')
  t.equal(nextCounter(1_000, 'bob', vehicle, 1_000), 1_001)
  const { privateKey, pem } = createOperator('ann')
  t.ok(privateKey.export({ type: 'pkcs8', format: 'der' }).equals(pkcs8Of(pem)))
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string
  t.throws(() => pkcs8Of(locked), /openssl pkey -in/)
  t.throws(() => pkcs8Of('hello'), /PKCS#8/)
})

t.test('waits and rates', async (t) => {
  t.same(
    [0, 1, 3, 30].map((failures) => backOff(failures, () => 1)),
    [500, 1_000, 4_000, 30_000],
  )
  t.equal(
    backOff(5, () => 0),
    200,
  )
  const rate = new Rate(3_000)
  t.equal(rate.at(0, 0), undefined)
  t.equal(rate.at(500, 50), undefined, 'half a second says little')
  t.equal(rate.at(1_000, 100), 100)
  for (let ms = 1_250; ms <= 20_000; ms += 250) rate.at(ms, 100)
  t.equal(rate.at(20_250, 100), 0, 'what is long ago does not count')
})
