import { type MeanInterval, studentInterval } from '../statistics/student-interval.ts'
import { type Job, type MetricName, mean, metricNames, metricOf, metricsOf, sum } from './metrics.ts'

/** How the runs of one method drove. */
export interface MethodSummary {
  readonly label: string
  readonly seeds: readonly number[]
  /** m/s. */
  readonly metrics: Readonly<Record<MetricName, MeanInterval>>
  /** Speed of the last 10 % divided by that of the drivers alone in the same world. */
  readonly timesDrivers: MeanInterval
  /** Lowest mean speed of a learner in the last 10 %, m/s. */
  readonly worstLearner: MeanInterval
  /** Steps of learners an epoch in which safety lowered a command. */
  readonly forcedBrakings: MeanInterval
  /** Collisions of all runs together. */
  readonly collisions: number
  /** Mean speed over runs of every epoch, m/s, and its 95 % interval. */
  readonly curve: { readonly mean: number[]; readonly lower: number[]; readonly upper: number[] }
  /** Of every metric, by seed, m/s; what differences are taken from. */
  readonly bySeed: Readonly<Record<MetricName, readonly (readonly [seed: number, value: number])[]>>
}

export function summariseMethod(label: string, jobs: readonly Job[]): MethodSummary {
  const values = jobs.map((job) => ({ seed: job.seed, metrics: metricsOf(job) }))
  const of = <T>(make: (name: MetricName) => T): Record<MetricName, T> => {
    const [early, whole, final] = metricNames
    return { early: make(early), whole: make(whole), final: make(final) }
  }
  const epochs = Math.max(0, ...jobs.map((job) => job.epochs.meanSpeed.length))
  const points = Array.from({ length: epochs }, (_, epoch) =>
    studentInterval(jobs.flatMap((job) => job.epochs.meanSpeed[epoch] ?? [])),
  )
  return {
    label,
    seeds: jobs.map(({ seed }) => seed),
    metrics: of((name) => studentInterval(values.map(({ metrics }) => metrics[name]))),
    timesDrivers: studentInterval(jobs.map((job) => metricOf('final', job.epochs.meanSpeed) / job.baseline)),
    worstLearner: studentInterval(jobs.map((job) => metricOf('final', job.epochs.worstLearner))),
    forcedBrakings: studentInterval(jobs.map((job) => mean(job.epochs.forcedBrakings))),
    collisions: sum(jobs.map((job) => sum(job.epochs.collisions))),
    curve: {
      mean: points.map((point) => point.mean),
      lower: points.map((point) => point.lower),
      upper: points.map((point) => point.upper),
    },
    bySeed: of((name) => values.map(({ seed, metrics }) => [seed, metrics[name]] as const)),
  }
}
