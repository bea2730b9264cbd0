import type { JobResult } from '../../../schemas/study.ts'
import { mean, metricOf } from '../report/metrics.ts'

/** A method under an attack (null: none), means over its jobs. */
export interface MethodMeans {
  readonly label: string
  readonly attack: string | null
  readonly attackers: number
  readonly jobs: number
  /** Mean speed of all cars over the first 20 % of the epochs, the last 10 % and all, m/s. */
  readonly earlySpeed: number
  readonly finalSpeed: number
  readonly speed: number
  /** Lowest mean speed of a learner in an epoch, over the last 10 %, m/s. */
  readonly finalWorstLearner: number
  /** Per epoch, over all. */
  readonly collisions: number
  readonly forcedBrakings: number
  /** Mixes by i of j and those accepted, over all pairs; `poisoned`: of attackers by others. */
  readonly considered: number
  readonly accepted: number
  readonly poisonedConsidered: number
  readonly poisonedAccepted: number
}

/** Means of every method and attack, in the order of the jobs. */
export function methodMeans(jobs: readonly JobResult[]): MethodMeans[] {
  const groups = new Map<string, JobResult[]>()
  for (const job of jobs) {
    const key = JSON.stringify([job.label, job.attack])
    groups.set(key, [...(groups.get(key) ?? []), job])
  }
  return [...groups.values()].map(meansOf)
}

function meansOf(jobs: readonly JobResult[]): MethodMeans {
  const over = (of: (job: JobResult) => number): number => jobs.reduce((sum, job) => sum + of(job), 0) / jobs.length
  const total = (of: (job: JobResult) => number): number => jobs.reduce((sum, job) => sum + of(job), 0)
  const [{ label, attack }] = jobs as [JobResult]
  return {
    ...{ label, attack: attack?.kind ?? null, attackers: attack?.attackers ?? 0, jobs: jobs.length },
    earlySpeed: over(({ epochs }) => metricOf('early', epochs.meanSpeed)),
    finalSpeed: over(({ epochs }) => metricOf('final', epochs.meanSpeed)),
    speed: over(({ epochs }) => mean(epochs.meanSpeed)),
    finalWorstLearner: over(({ epochs }) => metricOf('final', epochs.worstLearner)),
    collisions: over(({ epochs }) => mean(epochs.collisions)),
    forcedBrakings: over(({ epochs }) => mean(epochs.forcedBrakings)),
    considered: total((job) => pairs(job, job.considered, false)),
    accepted: total((job) => pairs(job, job.accepted, false)),
    poisonedConsidered: total((job) => pairs(job, job.considered, true)),
    poisonedAccepted: total((job) => pairs(job, job.accepted, true)),
  }
}

/** Sum of a matrix: of all pairs, or of those in which an honest learner judges an attacker. */
function pairs({ vehicles, attackers }: JobResult, matrix: readonly (readonly number[])[], poisoned: boolean): number {
  const bad = vehicles.map((id) => attackers.includes(id))
  let sum = 0
  for (const [i, row] of matrix.entries())
    for (const [j, count] of row.entries()) if (!poisoned || (!bad[i] && bad[j])) sum += count
  return sum
}
