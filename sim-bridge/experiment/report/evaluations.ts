import type { StudyResults } from '../../../schemas/study.ts'
import { type MeanInterval, studentInterval } from '../statistics/student-interval.ts'
import { type Job, mean, sum } from './metrics.ts'

type Evaluated = NonNullable<Job['evaluation']>[number]

/** How the policies of one method drive in one world, without learning and without exploration; intervals over seeds. */
export interface EvaluationRow {
  readonly label: string
  readonly sim: Evaluated['sim']
  readonly seeds: readonly number[]
  readonly episodes: number
  /** Mean speed of all cars, m/s. */
  readonly drivers: MeanInterval
  readonly fullThrottle: MeanInterval
  readonly untrained: MeanInterval
  readonly trained: MeanInterval
  readonly worstLearner: MeanInterval
  /** Trained policies' speed divided by the drivers' on the same starts. */
  readonly timesDrivers: MeanInterval
  /** Collisions of all episodes. */
  readonly collisions: Readonly<Record<Evaluated['drivenBy'], number>>
  /** Gain of training here divided by that in the first world of the study; null there. */
  readonly gainKept: MeanInterval | null
}

/** Rows by method and world, of jobs without attack; none where the study evaluates nothing. */
export function analyseEvaluations(
  study: StudyResults['study'],
  jobsOf: (label: string) => readonly Job[],
): EvaluationRow[] {
  const sims = study.evaluation?.sims ?? []
  return study.methods.flatMap(({ label }) => {
    const jobs = jobsOf(label).filter(({ evaluation }) => evaluation !== undefined)
    return jobs.length === 0 ? [] : sims.map((sim) => evaluationRow(label, sim, sims[0] ?? sim, jobs))
  })
}

function evaluationRow(
  label: string,
  sim: Evaluated['sim'],
  first: Evaluated['sim'],
  jobs: readonly Job[],
): EvaluationRow {
  const found = (job: Job, drivenBy: Evaluated['drivenBy'], where = sim): Evaluated | undefined =>
    job.evaluation?.find((row) => row.sim === where && row.drivenBy === drivenBy)
  const speed = (job: Job, drivenBy: Evaluated['drivenBy'], where = sim): number =>
    mean(found(job, drivenBy, where)?.meanSpeed ?? [])
  const over = (of: (job: Job) => number): MeanInterval => studentInterval(jobs.map(of))
  const collisions = (drivenBy: Evaluated['drivenBy']): number =>
    sum(jobs.map((job) => sum(found(job, drivenBy)?.collisions ?? [])))
  const gain = (job: Job, where: Evaluated['sim']): number =>
    speed(job, 'trained', where) - speed(job, 'untrained', where)
  return {
    label,
    sim,
    seeds: jobs.map(({ seed }) => seed),
    episodes: found(jobs[0]!, 'trained')?.meanSpeed.length ?? 0,
    drivers: over((job) => speed(job, 'drivers')),
    fullThrottle: over((job) => speed(job, 'full-throttle')),
    untrained: over((job) => speed(job, 'untrained')),
    trained: over((job) => speed(job, 'trained')),
    worstLearner: over((job) => mean(found(job, 'trained')?.worstLearner ?? [])),
    timesDrivers: over((job) => speed(job, 'trained') / speed(job, 'drivers')),
    collisions: {
      drivers: collisions('drivers'),
      'full-throttle': collisions('full-throttle'),
      untrained: collisions('untrained'),
      trained: collisions('trained'),
    },
    gainKept: sim === first ? null : over((job) => gain(job, sim) / gain(job, first)),
  }
}
