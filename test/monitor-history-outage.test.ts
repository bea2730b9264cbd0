import t, { type Test } from 'tap'
import { createHistory } from '../broker/monitor/history.ts'
import { openInflux } from '../broker/monitor/influx.ts'
import { type PointStore, startPointStore } from './support/point-store.ts'
import { until } from './support/scrape.ts'

const token = 'a-token=='

interface Rig {
  readonly store: PointStore
  readonly history: ReturnType<typeof createHistory>
  readonly said: string[]
  /** The monotonic clock goes on. */
  pass(ms: number): void
  add(n: number): void
  figure(name: string): number | undefined
}

async function historyRig(t: Test, capacity: number): Promise<Rig> {
  const store = await startPointStore(t, token)
  const influx = await openInflux(store.url, token, () => 1_700_000_000_000)
  let nowMs = 0
  const said: string[] = []
  const history = createHistory({ store: influx, now: () => nowMs, onTrouble: (text) => said.push(text), capacity })
  let added = 0
  return {
    ...{ store, history, said },
    pass(ms) {
      nowMs += ms
      history.tick()
    },
    add(n) {
      for (let i = 0; i < n; i++) history.add(influx.line({ measurement: 'm', tags: {}, fields: { n: added++ } }))
    },
    figure: (name) =>
      history.figures.find((figure) => figure.name === `trustmix_history_points_${name}`)?.read()[0]?.[0],
  }
}

t.test(
  'a store that is away for a while loses nothing: the same points come later, in order, and it is told once',
  async (t) => {
    const rig = await historyRig(t, 1_000)
    rig.store.answer = 503
    rig.add(10)
    rig.pass(0)
    await until(
      () => rig.said.length,
      (n) => n === 1,
    )
    t.match(rig.said[0], /^history: http:\/\/127\.0\.0\.1:\d+ takes no points now: /)
    rig.add(10)
    rig.pass(10)
    t.equal(rig.store.requests, 1, 'it is not asked again at once')
    rig.pass(60_000)
    await until(
      () => rig.store.requests,
      (n) => n === 2,
    )
    await until(
      () => rig.figure('waiting'),
      (n) => n === 20,
    )
    rig.store.answer = 204
    await until(
      () => {
        rig.pass(60_000) // nothing is sent while the answer before is still on its way
        return rig.figure('waiting')
      },
      (n) => n === 0,
    )
    t.same(
      rig.store.lines.map(({ fields }) => fields.n),
      Array.from({ length: 20 }, (_, i) => i),
    )
    await until(
      () => rig.said.length,
      (n) => n === 2,
    )
    t.equal(rig.said[1], 'history: stored again')
    t.same([rig.figure('written_total'), rig.figure('dropped_total')], [20, 0])
  },
)

t.test('what waits is bounded, the oldest is dropped and counted, nobody waits', async (t) => {
  const rig = await historyRig(t, 100)
  rig.store.answer = 0
  rig.add(50)
  rig.pass(0)
  await until(
    () => rig.store.requests,
    (n) => n === 1,
  )
  const before = performance.now()
  rig.add(5_000)
  t.ok(performance.now() - before < 1_000)
  t.ok(Number(rig.figure('waiting')) <= 100)
  t.equal(rig.store.requests, 1, 'one request at a time')
  t.equal(Number(rig.figure('dropped_total')) + Number(rig.figure('waiting')), 5_050)
  rig.store.answer = 204
  rig.store.drop()
  await until(
    () => rig.said.length,
    (n) => n === 1,
  )
  t.ok(Number(rig.figure('waiting')) <= 100)
  await until(
    () => {
      rig.pass(60_000)
      return rig.figure('waiting')
    },
    (n) => n === 0,
  )
  t.equal(rig.store.lines.at(-1)?.fields.n, 5_049, 'the newest is kept')
  t.equal(Number(rig.figure('written_total')) + Number(rig.figure('dropped_total')), 5_050, 'none is unaccounted for')
})

t.test('what a store refuses for good is dropped, counted and told; its end is not waited for', async (t) => {
  const rig = await historyRig(t, 100)
  rig.store.answer = 401
  rig.add(3)
  rig.pass(0)
  await until(
    () => rig.said.length,
    (n) => n === 1,
  )
  t.match(rig.said[0], /^history: http:.* refuses 3 points: 401 /)
  t.same([rig.figure('dropped_total'), rig.figure('waiting')], [3, 0])
  rig.store.answer = 503
  rig.add(3)
  await rig.history.close()
  t.equal(rig.store.requests, 1)
})
