import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createPoints } from '../broker/monitor/history-points.ts'
import { startMonitor } from '../broker/monitor/monitor.ts'
import { defaultConfig, type PartialConfig } from '../schemas/config.ts'
import type { RunMessage } from '../schemas/run.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { channels } from '../schemas/topics.ts'
import { start } from './support/broker-fixture.ts'
import { busTo, d1, fleet, status, verdict } from './support/buses.ts'
import { refuses } from './support/cli.ts'
import { startInflux } from './support/influx.ts'
import { parseLines } from './support/line-protocol.ts'
import { startPointStore } from './support/point-store.ts'
import { testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'
import { scrape, until, valueIn } from './support/scrape.ts'

const token = 'a-token=='
const hostile = 'fell, as "said" \\ = 2\nand on'

async function monitored(t: Test, influx: PartialConfig) {
  const broker = await start(t, { anonymousMonitors: true })
  const said: string[] = []
  const context = {
    software: 'test',
    print: (line: string) => void said.push(line),
    stopped: new Promise<void>(() => {}),
  }
  const monitor = await startMonitor({ ...defaultConfig, fleet, ...influx, monitorPort: 0 }, context, broker)
  t.teardown(() => monitor.close())
  const [device, bridge] = [busTo(t, broker.port, 'd1'), busTo(t, broker.port, 'bridge')]
  await Promise.all([device.ready, bridge.ready])
  await until(
    () => monitor.watch.connected,
    (connected) => connected,
  )
  return { monitor, device, bridge, said }
}

const run = (epoch: number, history: number[]): RunMessage => ({
  ...{ version: 1, network: 'figure-eight', preset: 'flow', setting: 'headway', method: 'gated', seed: 1 },
  ...{ loopLength: 470, epoch, epochs: 3, baseline: { nas: 0.28, meanSpeed: 5.63 }, history },
})

/** A verdict, a round's telemetry, an alarm that comes, two epochs. */
function tellAll({ device, bridge }: Awaited<ReturnType<typeof monitored>>): void {
  device.publish(channels.status, d1, status)
  device.publish(channels.verdict, d1, {
    ...verdict(7),
    mode: 'theorem1',
    accepted: true,
    reason: 'accepted',
    alpha: 0.25,
  })
  const told = { epoch: 2, updates: 12, samples: 70, return: 0.3, fallbacks: 0, memory: 90, tickP99: 4.5 }
  device.publish(channels.telemetry, d1, telemetryOf({ speed: 8.5, ...told }))
  device.publish(channels.log, d1, { version: 1, level: 'error', event: 'fault', text: hostile })
  const at = { fleet, run: 'r1' }
  for (const message of [run(1, []), run(2, [0.25]), run(3, [0.25, 0.31])]) bridge.publish(channels.run, at, message)
}

t.test('verdicts, telemetry, alarms and the NAS of each epoch are stored, in SI units', async (t) => {
  const store = await startPointStore(t, token)
  const file = join(testFolder(t), 'token')
  writeFileSync(file, `${token}\n`)
  const rig = await monitored(t, { influxUrl: store.url, influxTokenFile: file })
  tellAll(rig)
  await until(
    () => store.lines.length,
    (n) => n >= 5,
  )
  t.same(store.wrong, [])
  const stored = (measurement: string) => store.lines.filter((line) => line.measurement === measurement)
  t.match(stored('trustmix_verdict'), [
    {
      tags: { fleet, vehicle: 'd1', peer: 'd2', mode: 'theorem1', reason: 'accepted' },
      fields: { accepted: true, alpha: 0.25, epoch: 1, step: 7 },
    },
  ])
  t.same(stored('trustmix_telemetry')[0]?.fields, {
    ...{ speed: 8.5, epoch: 2, updates: 12, samples: 70, return: 0.3, fallbacks: 0 },
    ...{ tickP99: 0.0045, residentMemoryBytes: 90 * 1_048_576 },
  })
  const tags = { fleet, run: 'r1', network: 'figure-eight', preset: 'flow', setting: 'headway', method: 'gated' }
  t.same(
    stored('trustmix_epoch').map(({ timestamp, ...line }) => line),
    [0.25, 0.31].map((nas, i) => ({
      ...{ measurement: 'trustmix_epoch', tags },
      fields: { epoch: i + 1, nas, baselineNas: 0.28, baselineSpeed: 5.63 },
    })),
    'each epoch once',
  )
  t.match(stored('trustmix_alarm'), [
    { tags: { fleet, vehicle: 'd1', kind: 'fault' }, fields: { standing: true, text: hostile } },
  ])
  const times = store.lines.map(({ timestamp }) => timestamp)
  t.equal(new Set(times).size, times.length, 'no two points share a time, so that none replaces another')
  t.ok(Math.abs(Number(times[0]) / 1_000 - Date.now()) < 60_000, 'microseconds since 1970')
  const { metrics } = await scrape(rig.monitor.server.url)
  t.equal(valueIn(metrics, 'trustmix_history_points_written_total'), store.lines.length)
  t.equal(valueIn(metrics, 'trustmix_history_points_dropped_total'), 0)
  const before = store.lines.length
  rig.device.publish(channels.verdict, d1, verdict(8))
  await until(
    () => rig.monitor.watch.state.verdicts.length,
    (n) => n === 2,
  )
  await rig.monitor.close()
  t.match(store.lines.slice(before), [{ fields: { step: 8 } }], 'what waits at the end is sent')
})

t.test('an alarm that is over is a point too; who empties a topic that was none makes none', async (t) => {
  const points = createPoints('demo')
  const message = { version: 1, kind: 'late', vehicle: 'a', since: '', text: '3 missed', advice: '' } as const
  const tags = { fleet: 'demo', vehicle: 'a', kind: 'late' }
  t.same(points({ channel: 'alarm', id: 'late-a', message })?.fields, { standing: true, text: '3 missed' })
  const over = { measurement: 'trustmix_alarm', tags, fields: { standing: false } }
  t.same(points({ channel: 'alarm', id: 'late-a', message: 'cleared' }), over)
  t.equal(points({ channel: 'alarm', id: 'late-a', message: 'cleared' }), undefined)
  const odd = { ...run(2, [0.2]), network: 'a b,c=d\\', method: '' }
  t.match(points({ channel: 'run', run: 'r9', message: odd })?.tags, { network: 'a_b_c_d_' })
})

t.test('options that name no store, or nothing alone, are refused', async (t) => {
  const monitor = (...more: string[]): string[] => ['monitor', '--broker', 'mqtt://127.0.0.1:1', ...more]
  const rule = /^influxUrl must end in \?org=ORG&bucket=BUCKET or in \?db=DATABASE, got http/
  for (const query of ['org=a', 'bucket=b', 'org=a&bucket=b&db=c', 'db=', 'db=x&precision=s'])
    await refuses(t, 2, rule, monitor('--influx-url', `http://127.0.0.1:8086?${query}`))
  await refuses(t, 2, /influxUrl must match pattern/, monitor('--influx-url', 'http://user:secret@host:8086?db=x'))
  await refuses(t, 2, /^influxTokenFile needs influxUrl, got F without it$/, monitor('--influx-token-file', 'F'))
  await refuses(t, 2, /no such file/, monitor('--influx-url', 'http://127.0.0.1:1?db=x', '--influx-token-file', 'none'))
  const unwatched = ['broker', '--monitor-port', 'off', '--influx-url', 'http://127.0.0.1:1?db=x']
  await refuses(t, 2, /^--influx-url needs the monitor \(--monitor-port\), got http/, unwatched)
})

t.test('the strict parser of these tests refuses what is no line protocol', async (t) => {
  const good = 'm,a=b f=1 1700000000000000'
  t.match(parseLines(`${good}\nm f="a\nb",g=T,h=-2.5e-7 1700000000000000`), [
    { tags: { a: 'b' } },
    { fields: { f: 'a\nb', g: true } },
  ])
  for (const bad of [
    'm',
    'm f=1',
    'm,a= f=1 1700000000000000',
    'm,b=1,a=1 f=1 1700000000000000',
    'm f=NaN 1700000000000000',
    'm f="a 1700000000000000',
    'm f=1 17',
    `${good} x`,
    'm a b f=1 1700000000000000',
  ])
    t.throws(() => parseLines(bad), bad)
})

t.test('InfluxDB takes all of it and gives it back', async (t) => {
  if (!requireTool(t, 'influxd')) return
  const url = await startInflux(t)
  const ask = async (q: string, how: 'GET' | 'POST' = 'GET') => {
    const response = await fetch(`${url}/query?${new URLSearchParams({ db: 'fleets', epoch: 'ms', q })}`, {
      method: how,
    })
    return (await response.json()) as { results: { series?: { columns: string[]; values: unknown[][] }[] }[] }
  }
  const rows = async (q: string) => {
    const { columns = [], values = [] } = (await ask(q)).results[0]?.series?.[0] ?? {}
    return values.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))
  }
  await ask('CREATE DATABASE fleets', 'POST')
  const rig = await monitored(t, { influxUrl: `${url}?db=fleets` })
  tellAll(rig)
  const alarms = await until(
    () => rows('SELECT * FROM trustmix_alarm'),
    (found) => found.length >= 1,
  )
  t.match(alarms, [{ vehicle: 'd1', kind: 'fault', standing: true, text: hostile }])
  t.match(await rows('SELECT * FROM trustmix_verdict'), [
    { vehicle: 'd1', peer: 'd2', accepted: true, alpha: 0.25, step: 7 },
  ])
  t.match(await rows('SELECT * FROM trustmix_telemetry'), [{ vehicle: 'd1', speed: 8.5, tickP99: 0.0045 }])
  const epochs = await rows('SELECT nas, epoch FROM trustmix_epoch')
  t.match(epochs, [
    { nas: 0.25, epoch: 1 },
    { nas: 0.31, epoch: 2 },
  ])
  t.ok(Math.abs(Number(epochs[0]?.time) - Date.now()) < 60_000, 'its time is the time')
  t.same(rig.said, [])
  const { metrics } = await scrape(rig.monitor.server.url)
  t.equal(valueIn(metrics, 'trustmix_history_points_dropped_total'), 0)
})
