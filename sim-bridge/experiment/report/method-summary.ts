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
  /** Mean speed in blocks of epochs (at most 40), m/s, over runs. */
  readonly curve: readonly CurvePoint[]
  /** Of every metric, by seed, m/s; what differences are taken from. */
  readonly bySeed: Readonly<Record<MetricName, readonly (readonly [seed: number, value: number])[]>>
}

/** The mean of epochs [from, to) with its interval over runs. */
export interface CurvePoint extends MeanInterval {
  readonly from: number
  readonly to: number
}

/** `jobs` are the runs of one method without attack. */
export function summariseMethod(label: string, jobs: readonly Job[]): MethodSummary {
  const values = jobs.map((job) => ({ seed: job.seed, metrics: metricsOf(job) }))
  const of = <T>(make: (name: MetricName) => T): Record<MetricName, T> => {
    const [early, whole, final] = metricNames
    return { early: make(early), whole: make(whole), final: make(final) }
  }
  return {
    label,
    seeds: jobs.map(({ seed }) => seed),
    metrics: of((name) => studentInterval(values.map(({ metrics }) => metrics[name]))),
    timesDrivers: studentInterval(jobs.map((job) => metricOf('final', job.epochs.meanSpeed) / job.baseline)),
    worstLearner: studentInterval(jobs.map((job) => metricOf('final', job.epochs.worstLearner))),
    forcedBrakings: studentInterval(jobs.map((job) => mean(job.epochs.forcedBrakings))),
    collisions: sum(jobs.map((job) => sum(job.epochs.collisions))),
    curve: curveOf(jobs),
    bySeed: of((name) => values.map(({ seed, metrics }) => [seed, metrics[name]] as const)),
  }
}

const mostPoints = 40

function curveOf(jobs: readonly Job[]): CurvePoint[] {
  const epochs = Math.max(0, ...jobs.map((job) => job.epochs.meanSpeed.length))
  const block = Math.max(1, Math.ceil(epochs / mostPoints))
  return Array.from({ length: Math.ceil(epochs / block) }, (_, i) => {
    const [from, to] = [i * block, Math.min(epochs, (i + 1) * block)]
    const values = jobs.filter((job) => job.epochs.meanSpeed.length >= to)
    return { from, to, ...studentInterval(values.map((job) => mean(job.epochs.meanSpeed.slice(from, to)))) }
  })
}
