import type { JobResult } from '../../../schemas/study.ts'

export type Job = JobResult

/** The metrics fixed before any run: mean speed, m/s, of the first 20 % of epochs, of all, of the last 10 %. */
export const metricNames = ['early', 'whole', 'final'] as const
export type MetricName = (typeof metricNames)[number]

export const metricTitles: Readonly<Record<MetricName, string>> = {
  early: 'first 20 %',
  whole: 'all epochs',
  final: 'last 10 %',
}

/** From which epoch to before which a metric is taken, of `epochs`; at least one epoch. */
export function metricWindow(name: MetricName, epochs: number): [from: number, to: number] {
  if (name === 'early') return [0, Math.max(1, Math.round(epochs / 5))]
  return name === 'whole' ? [0, epochs] : [epochs - Math.max(1, Math.round(epochs / 10)), epochs]
}

/** Mean of `values` (one an epoch) over the window of a metric; NaN without epochs. */
export function metricOf(name: MetricName, values: readonly number[]): number {
  return mean(values.slice(...metricWindow(name, values.length)))
}

export function metricsOf(job: Job): Record<MetricName, number> {
  const { meanSpeed } = job.epochs
  return {
    early: metricOf('early', meanSpeed),
    whole: metricOf('whole', meanSpeed),
    final: metricOf('final', meanSpeed),
  }
}

/** `gated`, `gated@nan-2`: what distinguishes jobs but for their seed. */
export function attackKey(label: string, attack: Job['attack']): string {
  return attack ? `${label}@${attack.kind}-${attack.attackers}` : label
}

export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

/** NaN of none. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}
