import { clopperPearson, type Proportion } from '../statistics/clopper-pearson.ts'
import { spearman } from '../statistics/spearman.ts'
import { type MeanInterval, studentInterval } from '../statistics/student-interval.ts'
import { type HistogramCounts, histogramOf } from './histogram.ts'
import { type Job, mean, sum } from './metrics.ts'

/** How the vehicles of a method judged, over its clean runs. */
export interface JudgedMixes {
  readonly label: string
  /** Whether peers were judged by the sign of an advantage: only these have the letter's Fig. 4. */
  readonly judgesPeers: boolean
  /** Share of considered mixes accepted; from the recorded mixes where the average is judged. */
  readonly acceptance: Proportion
  /** The same share, a value a run, over runs. */
  readonly acceptanceBySeed: MeanInterval
  /** Row and column 0: the agent of the longest decision interval (the letter's Fig. 4); means over runs, times per run. */
  readonly matrices: {
    readonly intervalsS: readonly number[]
    readonly samples: readonly number[]
    readonly considered: readonly (readonly number[])[]
    readonly referred: readonly (readonly number[])[]
    readonly accepted: readonly (readonly number[])[]
  }
  /** Rank correlation over the agents of a run between samples and accepted mixes, over runs. */
  readonly samplesAccepts: MeanInterval
  /** Verdicts by reason, of all runs. */
  readonly verdicts: Readonly<Record<string, number>>
  /** α of accepted mixes. */
  readonly alpha: HistogramCounts
  /** Standard error of the advantage divided by its absolute value. */
  readonly relativeError: HistogramCounts
  /** Mean over runs and pairs of KL(π_i ‖ π_j), nats. */
  readonly divergence: readonly { readonly epoch: number; readonly kl: MeanInterval }[]
}

export function judgedMixes(label: string, jobs: readonly Job[]): JudgedMixes {
  const mixes = jobs.flatMap((job) => job.mixes)
  const counts = jobs.map(acceptedOf)
  const rates = counts.flatMap(([accepted, considered]) => (considered > 0 ? [accepted / considered] : []))
  const correlations = jobs
    .map((job) => spearman(job.samples, job.accepted.map(sum)))
    .filter((value) => Number.isFinite(value))
  const verdicts: Record<string, number> = {}
  for (const job of jobs)
    for (const [reason, found] of Object.entries(job.verdicts)) verdicts[reason] = (verdicts[reason] ?? 0) + found
  return {
    label,
    judgesPeers: jobs.some((job) => sum(job.referred.map(sum)) > 0),
    acceptance: clopperPearson(sum(counts.map(([accepted]) => accepted)), sum(counts.map(([, all]) => all))),
    acceptanceBySeed: studentInterval(rates),
    matrices: matricesOf(jobs),
    samplesAccepts: studentInterval(correlations),
    verdicts: Object.fromEntries(Object.entries(verdicts).sort(([a], [b]) => (a < b ? -1 : 1))),
    alpha: histogramOf(
      mixes.flatMap(({ accepted, alpha }) => (accepted && alpha !== null ? [alpha] : [])),
      0,
      1,
      20,
    ),
    relativeError: histogramOf(
      mixes.flatMap(({ advantage, standardError }) =>
        advantage === null || standardError === null || advantage === 0 ? [] : [standardError / Math.abs(advantage)],
      ),
      0,
      5,
      20,
    ),
    divergence: divergenceOf(jobs),
  }
}

/** [accepted, considered] of a run; from the recorded mixes where only the average was judged. */
function acceptedOf(job: Job): [accepted: number, considered: number] {
  const considered = sum(job.considered.map(sum))
  if (considered > 0) return [sum(job.accepted.map(sum)), considered]
  return [job.mixes.filter(({ accepted }) => accepted).length, job.mixes.length]
}

function matricesOf(jobs: readonly Job[]): JudgedMixes['matrices'] {
  const agents = jobs[0]?.vehicles.length ?? 0
  const alike = jobs.filter(({ vehicles }) => vehicles.length === agents)
  // The letter draws intervals anew for every run: an agent is its rank.
  const orders = alike.map((job) =>
    job.intervalsS
      .map((interval, i) => ({ interval, i }))
      .sort((a, b) => b.interval - a.interval || a.i - b.i)
      .map(({ i }) => i),
  )
  const places = Array.from({ length: agents }, (_, place) => place)
  const vector = (of: (job: Job) => readonly number[]) =>
    places.map((p) => mean(alike.map((job, run) => of(job)[orders[run]![p]!] ?? 0)))
  const square = (of: (job: Job) => readonly (readonly number[])[]) =>
    places.map((p) =>
      places.map((q) => mean(alike.map((job, run) => of(job)[orders[run]![p]!]?.[orders[run]![q]!] ?? 0))),
    )
  return {
    intervalsS: vector((job) => job.intervalsS),
    samples: vector((job) => job.samples),
    considered: square((job) => job.considered),
    referred: square((job) => job.referred),
    accepted: square((job) => job.accepted),
  }
}

function divergenceOf(jobs: readonly Job[]): JudgedMixes['divergence'] {
  const byEpoch = new Map<number, number[]>()
  for (const job of jobs)
    for (const { epoch, kl } of job.divergence) {
      const pairs = kl.flatMap((row, i) => row.filter((_, j) => i !== j))
      if (pairs.length > 0) byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), mean(pairs)])
    }
  return [...byEpoch].sort(([a], [b]) => a - b).map(([epoch, values]) => ({ epoch, kl: studentInterval(values) }))
}
