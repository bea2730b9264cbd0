import t from 'tap'
import { createMetrics, type MetricsOptions } from '../broker/monitor/metrics.ts'
import { createMonitorServer } from '../broker/monitor/server.ts'
import { createWatch } from '../broker/monitor/watch.ts'
import { createLocalBroker } from '../device/bus/local-bus.ts'
import { alarmKinds } from '../schemas/health.ts'
import { reasons } from '../schemas/reason.ts'
import type { Status } from '../schemas/status.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { aggregatorId, channels } from '../schemas/topics.ts'
import { as, start } from './support/broker-fixture.ts'
import { busTo, d1, status, verdict } from './support/buses.ts'
import { RawClient } from './support/mqtt-raw.ts'
import { parseMetrics, type Scraped, until, valueIn } from './support/scrape.ts'

const fleet = 'demo'
const told = { speed: 10, epoch: 1, updates: 3, samples: 20, return: 0.5, fallbacks: 0, memory: 64, tickP99: 2.5 }

/** A watch over a bus in this process, whose connection the test cuts; `ask` is what a scrape gets. */
function rig(more: Partial<MetricsOptions> = {}) {
  const local = createLocalBroker()
  const bus = local.connect()
  const at = { nowMs: 0, connected: true }
  const cut = {
    ...bus,
    get connected() {
      return at.connected
    },
  }
  const watch = createWatch({ bus: cut, fleet, now: () => at.nowMs, wallClock: () => at.nowMs })
  const metrics = createMetrics({ watch, vehicles: 50, ...more })
  const hand = local.connect()
  return {
    at,
    ask: async () => parseMetrics(await metrics.text()),
    pass(ms: number) {
      at.nowMs += ms
      watch.tick()
    },
    status: (vehicle: string, message: Partial<Status> = {}) =>
      hand.publish(channels.status, { fleet, vehicle }, { ...status, ...message }),
    telemetry: (vehicle: string, message: Partial<typeof told> = {}) =>
      hand.publish(channels.telemetry, { fleet, vehicle }, telemetryOf({ ...told, ...message })),
    verdict: (vehicle: string, message: object) =>
      hand.publish(channels.verdict, { fleet, vehicle }, { ...verdict(1), vehicle, ...message }),
    world: (run: string, misses: number) =>
      hand.publish(
        channels.world,
        { fleet, run },
        {
          ...{ version: 1, time: 1 },
          cars: {
            a: { kind: 'learner', s: 0, v: 4, braking: false, misses },
            h: { kind: 'human', s: 9, v: 6, braking: false },
          },
        },
      ),
    run: (run: string) =>
      hand.publish(
        channels.run,
        { fleet, run },
        {
          ...{ version: 1, network: 'figure-eight', preset: 'flow', setting: 'headway', method: 'gated', seed: 1 },
          ...{ loopLength: 470, epoch: 2, epochs: 3, baseline: { nas: 0.28, meanSpeed: 5.63 }, history: [0.3] },
        },
      ),
    endRun: (run: string) => hand.clear(channels.run, { fleet, run }),
  }
}

const vehicle = (metrics: ReadonlyMap<string, Scraped>, name: string, id = 'a') =>
  valueIn(metrics, `trustmix_vehicle_${name}`, { vehicle: id })

t.test('a vehicle is told in base units; who is away tells nothing of itself, and its counts stay', async (t) => {
  const { ask, pass, ...say } = rig()
  say.status('a')
  say.telemetry('a')
  pass(1_000)
  const here = await ask()
  t.same(
    ['up', 'speed_meters_per_second', 'return', 'tick_p99_seconds', 'resident_memory_bytes', 'samples_total'].map(
      (name) => vehicle(here, name),
    ),
    [1, 10, 0.5, 0.0025, 64 * 1_048_576, 20],
  )
  t.equal(valueIn(here, 'trustmix_fleet_vehicles_online'), 1)
  say.status('a', { state: 'offline' })
  pass(1_000)
  const away = await ask()
  t.same([vehicle(away, 'up'), vehicle(away, 'samples_total')], [0, 20])
  for (const name of ['speed_meters_per_second', 'return', 'tick_p99_seconds', 'resident_memory_bytes'])
    t.equal(vehicle(away, name), undefined, name)
  t.equal(valueIn(away, 'trustmix_fleet_alarms', { kind: 'offline' }), 1)
})

t.test('counters never fall: not when a vehicle starts anew, not when another run begins', async (t) => {
  const { ask, ...say } = rig()
  const counts = async (): Promise<unknown[]> => {
    const metrics = await ask()
    return ['updates_total', 'fallbacks_total', 'deadline_misses_total'].map((name) => vehicle(metrics, name))
  }
  say.status('a')
  say.run('r1')
  say.telemetry('a', { updates: 100, fallbacks: 5 })
  say.world('r1', 3)
  t.same(await counts(), [100, 5, 3])
  say.status('a', { boot: 2 })
  say.telemetry('a', { updates: 90, fallbacks: 0 })
  t.same(await counts(), [100, 5, 3], 'a start anew loses what was counted since the checkpoint')
  say.telemetry('a', { updates: 97, fallbacks: 2 })
  t.same(await counts(), [107, 7, 3])
  say.run('r2')
  say.world('r2', 0)
  say.world('r2', 2)
  t.same(await counts(), [107, 7, 5])
})

t.test('verdicts by reason from zero on, α by size', async (t) => {
  const { ask, ...say } = rig()
  const rejected = (metrics: ReadonlyMap<string, Scraped>) =>
    metrics.get('trustmix_fleet_verdicts_rejected_total')?.samples ?? []
  const before = rejected(await ask())
  t.same(
    before.map(({ labels }) => labels.reason),
    reasons.filter((reason) => reason !== 'accepted'),
  )
  t.ok(before.every(({ value }) => value === 0))
  for (const alpha of [0.01, 0.15, 1]) say.verdict('a', { accepted: true, reason: 'accepted', alpha })
  say.verdict('a', { reason: 'stale', alpha: null })
  say.verdict('b', { reason: 'stale', alpha: 0 })
  const after = await ask()
  t.equal(valueIn(after, 'trustmix_fleet_verdicts_accepted_total'), 3)
  t.equal(rejected(after).find(({ labels }) => labels.reason === 'stale')?.value, 2)
  const alphas = after.get('trustmix_fleet_alpha')?.samples ?? []
  const upTo = (le: string) => alphas.find(({ labels }) => labels.le === le)?.value
  t.same([upTo('0.01'), upTo('0.1'), upTo('0.2'), upTo('1'), upTo('+Inf')], [1, 1, 2, 3, 3], 'rejected ones are none')
})

t.test('a label per vehicle up to the limit only; the fleet is told whole', async (t) => {
  const { ask, pass, ...say } = rig({ vehicles: 2 })
  for (const id of ['a', 'b', aggregatorId]) say.status(id)
  pass(1_000)
  const few = await ask()
  t.equal(few.get('trustmix_vehicle_up')?.samples.length, 2, 'the averaging server is no vehicle')
  t.equal(valueIn(few, 'trustmix_fleet_vehicles'), 2)
  say.status('c')
  pass(1_000)
  const metrics = await ask()
  t.notOk([...metrics.values()].some(({ samples }) => samples.some(({ labels }) => 'vehicle' in labels)))
  t.equal(valueIn(metrics, 'trustmix_fleet_vehicles'), 3)
})

t.test('what is not known is absent: without a connection, without a run, without a broker of its own', async (t) => {
  const { at, ask, pass, ...say } = rig()
  say.status('a')
  say.telemetry('a')
  t.equal(valueIn(await ask(), 'trustmix_run_nas'), undefined)
  say.run('r1')
  say.world('r1', 0)
  pass(1_000)
  const known = await ask()
  t.same(
    [valueIn(known, 'trustmix_run_nas'), valueIn(known, 'trustmix_run_speed_meters_per_second')],
    [0.3, 5],
    'the mean of all cars, drivers among them',
  )
  at.connected = false
  const cut = await ask()
  t.equal(valueIn(cut, 'trustmix_monitor_connected'), 0)
  for (const name of [
    'fleet_vehicles_online',
    'fleet_messages_per_second',
    'run_speed_meters_per_second',
    'vehicle_up',
  ])
    t.equal(valueIn(cut, `trustmix_${name}`), undefined, name)
  t.ok(Number(valueIn(cut, 'trustmix_fleet_messages_total')) > 0)
  at.connected = true
  say.endRun('r1')
  const over = await ask()
  t.same([valueIn(over, 'trustmix_run_epoch'), valueIn(over, 'trustmix_run_nas')], [undefined, 0.3])
  t.notOk([...over.keys()].some((name) => name.startsWith('trustmix_broker_')))
  t.same(
    over.get('trustmix_fleet_alarms')?.samples.map(({ labels, value }) => [labels.kind, value]),
    alarmKinds.map((kind) => [kind, 0]),
  )
})

t.test('without prom-client /metrics says so, and the rest is served', async (t) => {
  const server = await createMonitorServer({
    ...{ host: '127.0.0.1', port: 0, isHost: () => true, metrics: undefined, unready: () => undefined },
    page: { version: 1, fleet, software: 'test', websocket: null },
    ...{ onStream() {}, onRefused() {} },
  })
  t.teardown(() => server.close())
  const answer = await fetch(new URL('/metrics', server.url))
  t.same([answer.status, await answer.text()], [501, 'needs the optional dependency prom-client\n'])
  t.equal((await fetch(new URL('/healthz', server.url))).status, 200)
})

t.test(
  'the embedded broker tells connections, refusals by reason from zero on, and what it shed by itself',
  async (t) => {
    const broker = await start(t, { limits: { deviceShare: { messagesPerSecond: 1, bytesPerSecond: 1_000_000 } } })
    const { ask } = rig({ broker })
    const device = busTo(t, broker.port, 'd1')
    await device.ready
    const { code } = await RawClient.connect(broker.port, { ...as('d2'), password: 'wrong' })
    t.not(code, 0)
    for (let i = 0; i < 10; i++) device.publish(channels.telemetry, d1, telemetryOf(told))
    const metrics = await until(ask, (metrics) => valueIn(metrics, 'trustmix_broker_shed_messages_total') === 5)
    t.equal(valueIn(metrics, 'trustmix_broker_connections'), 1)
    const refusals = metrics.get('trustmix_broker_refusals_total')?.samples ?? []
    t.same(
      refusals.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.reason, value]),
      [['credentials', 1]],
    )
    t.ok(
      refusals.some(({ labels }) => labels.reason === 'banned'),
      'a reason is there before its first case',
    )
  },
)
