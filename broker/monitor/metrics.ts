import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Broker } from '../broker.ts'
import { counter, type Figure, gauge } from './figures.ts'
import { fleetFigures } from './fleet-figures.ts'
import { vehicleFigures } from './vehicle-figures.ts'
import type { Watch } from './watch.ts'

export interface MetricsOptions {
  readonly watch: Watch
  /** Vehicles up to which metrics have a label each; beyond, those of the fleet only. */
  readonly vehicles: number
  /** The broker in the same process; without one, what only a broker knows is absent. */
  readonly broker?: Pick<Broker, 'connections' | 'counters'>
  /** What else is to be told. */
  readonly figures?: readonly Figure[]
}

/** The fleet in Prometheus' text format, read off its state when it is asked for. */
export interface Metrics {
  readonly type: string
  text(): Promise<string>
}

export function createMetrics({ watch, vehicles, broker, figures = [] }: MetricsOptions): Metrics {
  const registry = new Registry()
  const { fleet } = watch.state
  for (const figure of [
    ...fleetFigures(watch),
    ...vehicleFigures(watch, vehicles),
    ...(broker ? brokerFigures(broker) : []),
    ...figures,
  ])
    register(figure, fleet, registry)
  observeAlphas(watch, registry)
  collectDefaultMetrics({ register: registry, labels: { fleet } })
  for (const name of misnamed) registry.removeSingleMetric(name)
  return { type: registry.contentType, text: () => registry.metrics() }
}

function brokerFigures(broker: Pick<Broker, 'connections' | 'counters'>): Figure[] {
  return [
    gauge('trustmix_broker_connections', 'Connections open at the broker', () => broker.connections),
    counter(
      'trustmix_broker_refusals_total',
      'What the broker has said no to',
      () => Object.entries(broker.counters).flatMap(([reason, n]) => (reason === 'shed' ? [] : [[n, reason]])),
      'reason',
    ),
    counter(
      'trustmix_broker_shed_messages_total',
      'Messages of devices dropped for being beyond their share',
      () => broker.counters.shed,
    ),
  ]
}

function register({ kind, name, help, labels, read }: Figure, fleet: string, registry: Registry): void {
  const options = { name, help, labelNames: ['fleet', ...labels], registers: [registry] }
  const put = (set: (of: Record<string, string>, value: number) => void): void => {
    for (const [value, ...values] of read())
      if (value !== undefined)
        set({ fleet, ...Object.fromEntries(labels.map((label, i) => [label, values[i]])) }, value)
  }
  if (kind === 'gauge')
    new Gauge({
      ...options,
      collect() {
        this.reset()
        put((of, value) => this.set(of, value))
      },
    })
  else
    new Counter({
      ...options,
      collect() {
        this.reset()
        put((of, value) => this.inc(of, value))
      },
    })
}

/** α of accepted mixes, by size. */
function observeAlphas(watch: Watch, registry: Registry): void {
  const { fleet } = watch.state
  const histogram = new Histogram({
    name: 'trustmix_fleet_alpha',
    help: 'Share of the other policy in an accepted mix',
    labelNames: ['fleet'],
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1],
    registers: [registry],
  })
  histogram.zero({ fleet })
  watch.onHeard((heard) => {
    if (heard.channel !== 'verdict') return
    const { accepted, alpha } = heard.message
    if (accepted && typeof alpha === 'number') histogram.observe({ fleet }, alpha)
  })
}

/** Gauges of prom-client that end in `_total`, against the rules that promtool checks. */
const misnamed = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total']
