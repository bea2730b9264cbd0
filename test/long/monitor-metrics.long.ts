import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Summary } from '../../schemas/summary.ts'
import { freePort } from '../support/free-port.ts'
import { startBin } from '../support/hil.ts'
import { asked, metricsIn, readDashboard, rulesFile, ruleTestsFile, tableOf } from '../support/monitoring.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { startPointStore } from '../support/point-store.ts'
import { testFolder } from '../support/program.ts'
import { promtool, startPrometheus } from '../support/prometheus.ts'
import { requireTool } from '../support/require.ts'
import { type Scraped, scrape, until, valueIn } from '../support/scrape.ts'

const fleet = 'demo'
/** Every metric that some run of this file has exported, by name. */
const exported = new Map<string, Scraped>()

const note = (metrics: ReadonlyMap<string, Scraped>): void => {
  for (const [name, metric] of metrics) if (metric.samples.length > 0 || !exported.has(name)) exported.set(name, metric)
}

t.test('a fleet with its own broker: every figure agrees with the summary, and Prometheus has them all', async (t) => {
  if (!requireTool(t, 'promtool') || !requireTool(t, 'prometheus')) return
  const [directory, port] = [testFolder(t), await freePort()]
  const prometheus = await startPrometheus(t, directory, port)
  const run = startBin(t, [
    ...['fleet', '--epochs', '3', '--seed', '1', '--json', '--keep'],
    ...['--monitor-port', String(port), '--run-dir', join(directory, 'run')],
  ])
  const url = (await run.said(/^monitor: http/)).replace('monitor: ', '')
  const during = await until(
    () => scrape(url),
    ({ metrics }) =>
      (valueIn(metrics, 'trustmix_run_speed_meters_per_second') ?? 0) > 0 &&
      valueIn(metrics, 'trustmix_fleet_vehicles_online') === 7 &&
      metrics.get('trustmix_vehicle_tick_p99_seconds')?.samples.length === 7,
    60_000,
  )
  note(during.metrics)
  await run.said(/the run has ended; broker and monitor stay/)
  const summary = JSON.parse(readFileSync(join(directory, 'run', 'summary.json'), 'utf8')) as Summary
  const { accepted = 0, ...rejected } = summary.verdicts
  const judged = Object.values(summary.verdicts).reduce((sum, n) => sum + n, 0)
  const { text, metrics } = await until(
    () => scrape(url),
    ({ metrics }) =>
      valueIn(metrics, 'trustmix_fleet_vehicles_online') === 0 &&
      (valueIn(metrics, 'trustmix_fleet_verdicts_accepted_total') ?? 0) +
        (metrics.get('trustmix_fleet_verdicts_rejected_total')?.samples ?? []).reduce(
          (sum, { value }) => sum + value,
          0,
        ) >=
        judged,
  )
  note(metrics)

  t.same(await promtool(['check', 'metrics'], text), { code: 0, output: '' }, 'promtool finds nothing to say')
  const at = (name: string, labels: Record<string, string> = {}) => valueIn(metrics, name, labels)
  t.equal(at('trustmix_fleet_verdicts_accepted_total'), accepted)
  for (const { labels, value } of metrics.get('trustmix_fleet_verdicts_rejected_total')?.samples ?? [])
    t.equal(value, rejected[labels.reason as string] ?? 0, `verdicts: ${labels.reason}`)
  t.equal(at('trustmix_run_nas'), summary.epochs.at(-1)?.nas, 'the last epoch is told too')
  t.equal(at('trustmix_run_baseline_nas'), summary.baseline.nas)
  t.equal(at('trustmix_run_baseline_speed_meters_per_second'), summary.baseline.meanSpeed)
  t.match(during.metrics.get('trustmix_run_info')?.samples[0]?.labels, {
    method: 'gated',
    preset: 'flow',
    seed: '1',
    fleet,
  })
  t.equal(at('trustmix_run_info'), undefined, 'a run that is over is absent, not zero')
  t.equal(at('trustmix_run_speed_meters_per_second'), undefined)
  t.equal(at('trustmix_fleet_vehicles_online'), 0, 'all have said goodbye')
  t.equal(at('trustmix_fleet_alarms', { kind: 'offline' }), 0, 'and none is missed')
  for (const vehicle of summary.vehicles) {
    const updates = summary.learners?.[vehicle]?.updates
    t.equal(at('trustmix_vehicle_updates_total', { vehicle }), updates, `${vehicle} made ${updates} updates`)
    t.equal(at('trustmix_vehicle_up', { vehicle }), 0)
    t.equal(
      at('trustmix_vehicle_speed_meters_per_second', { vehicle }),
      undefined,
      'what it said last is not so for ever',
    )
  }
  const alphas = metrics.get('trustmix_fleet_alpha')?.samples ?? []
  t.equal(alphas.find(({ name }) => name.endsWith('_count'))?.value, accepted, 'each accepted mix has its α')
  t.equal(at('trustmix_broker_shed_messages_total'), 0)
  t.ok(Number(at('trustmix_broker_connections')) >= 1)
  t.equal(at('trustmix_broker_refusals_total', { reason: 'credentials' }), 0)
  t.same(fallen(during.metrics, metrics), [], 'counters only grow')

  const dashboard = readDashboard()
  const without = /trustmix_(history|sparkplug)_/
  for (const { title, targets = [] } of dashboard.panels)
    for (const { expr } of targets) {
      if (without.test(expr)) continue
      const series = await prometheus.range(asked(expr, fleet))
      // Of a rate beyond zero there is nothing where nothing was refused.
      if (!/trustmix_broker_refusals_total.*> 0$/.test(expr)) t.ok(series.length > 0, `${title}: ${expr}`)
    }
  for (const expr of expressionsOf(readFileSync(rulesFile, 'utf8')))
    await t.resolves(prometheus.range(expr), `Prometheus understands ${expr}`)
  run.child.kill('SIGINT')
  await run.ended
})

t.test('beside mosquitto: nothing of what only a broker knows; no vehicle of its own beyond the limit', async (t) => {
  if (!requireTool(t, 'mosquitto') || !requireTool(t, 'promtool')) return
  const { url: broker } = await startMosquitto(t)
  const store = await startPointStore(t, '')
  const monitor = async (...more: string[]): Promise<string> =>
    (await startBin(t, ['monitor', '--broker', broker, ...more]).said(/^monitor at/)).replace('monitor at ', '')
  const [whole, few, lost] = [
    await monitor('--influx-url', store.url, '--sparkplug', 'lab'),
    await monitor('--metrics-vehicles', '6'),
    await monitor('--fleet', 'other'),
  ]
  const run = startBin(t, [
    'fleet',
    '--epochs',
    '1',
    '--seed',
    '1',
    '--json',
    '--broker',
    broker,
    '--run-dir',
    join(testFolder(t), 'run'),
  ])
  const { code, stderr } = await run.ended
  t.equal(code, 0, stderr)
  const ended = (metrics: ReadonlyMap<string, Scraped>): boolean => valueIn(metrics, 'trustmix_run_nas') !== undefined
  const [seen, limited, nobody] = [
    await until(
      () => scrape(whole),
      ({ metrics }) => ended(metrics),
    ),
    await until(
      () => scrape(few),
      ({ metrics }) => ended(metrics),
    ),
    await scrape(lost),
  ]
  note(seen.metrics)
  t.equal(valueIn(seen.metrics, 'trustmix_fleet_vehicles'), 7)
  for (const { text } of [seen, limited, nobody]) {
    t.notMatch(text, /trustmix_broker_/, 'absent, not zero')
    t.same(await promtool(['check', 'metrics'], text), { code: 0, output: '' })
  }
  t.equal(seen.metrics.get('trustmix_vehicle_up')?.samples.length, 7)
  t.notMatch(limited.text, /vehicle="/, 'no label of a vehicle beyond the limit')
  t.equal(valueIn(limited.metrics, 'trustmix_fleet_vehicles'), 7)
  t.ok(Number(valueIn(limited.metrics, 'trustmix_fleet_messages_total')) > 0)
  t.equal(nobody.metrics.get('trustmix_run_nas')?.samples.length, 0, 'nothing is known of a fleet that is silent')
  t.notMatch(limited.text, /trustmix_(history|sparkplug)_/, 'and nothing of exporters that nobody asked for')
})

t.test('rules, their tests, the dashboard and the table of the docs name what there is', async (t) => {
  if (!requireTool(t, 'promtool')) return
  const rules = readFileSync(rulesFile, 'utf8')
  const tests = readFileSync(ruleTestsFile, 'utf8')
  for (const [command, file] of [
    ['check', rulesFile],
    ['test', ruleTestsFile],
  ] as const) {
    const { code, output } = await promtool([command, 'rules', file])
    t.equal(code, 0, output)
    t.match(output, /SUCCESS/)
  }
  const alerts = [...rules.matchAll(/- alert: (\S+)/g)].map(([, name]) => name as string)
  for (const alert of alerts) {
    const own = tests.split('  - name: ').find((part) => part.startsWith(`${alert}\n`)) ?? ''
    t.match(
      own,
      new RegExp(`exp_samples: \\[\\{ labels: '\\{alertname="${alert}"\\}', value: 1 \\}\\]`),
      `${alert} fires`,
    )
    t.equal(own.match(/exp_samples: \[\]/g)?.length, 2, `${alert} is silent before and after`)
  }

  const dashboard = readDashboard()
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const variables = dashboard.templating.list.map(({ definition = '' }) => definition)
  const used = metricsIn(
    [rules.replace(/^ *(- alert|summary|description|#).*$/gm, ''), ...expressions, ...variables].join('\n'),
  )
  t.same(
    [...used].filter((name) => !exported.has(name)),
    [],
    'nothing is asked for that is not exported',
  )
  const ours = [...exported].filter(([name]) => name.startsWith('trustmix_'))
  t.same(
    ours.filter(([name]) => !used.has(name)).map(([name]) => name),
    ['trustmix_run_epochs'],
    'all is shown or guarded, but for the length of the run',
  )
  const table = tableOf('docs/monitoring.md', 'metric', 'kind', 'labels', 'what')
  const wanted = ours.map(([name, metric]) => rowOf(name, metric))
  t.same(table, wanted, 'docs/monitoring.md')
})

function rowOf(name: string, { kind, help, samples }: Scraped): string[] {
  const labels = Object.keys(samples[0]?.labels ?? {}).filter((label) => !['fleet', 'le'].includes(label))
  return [name, kind, labels.join(', '), help]
}

function expressionsOf(rules: string): string[] {
  return [...rules.matchAll(/expr: (?:>-\n((?: {10}.*\n)+)|(.*))/g)].map(
    ([, folded, plain]) => plain ?? folded?.replace(/\s+/g, ' ').trim() ?? '',
  )
}

/** Counters that are less, or gone, in a later scrape. */
function fallen(before: ReadonlyMap<string, Scraped>, after: ReadonlyMap<string, Scraped>): string[] {
  return [...before]
    .filter(([, { kind }]) => kind === 'counter')
    .flatMap(([name, { samples }]) =>
      samples
        .filter(({ labels, value }) => !((valueIn(after, name, labels) ?? -1) >= value))
        .map(({ labels }) => `${name} ${JSON.stringify(labels)}`),
    )
}
