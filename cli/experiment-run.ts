import { exitCodes } from '../schemas/exit.ts'
import type { JobResult, Study, StudyJob } from '../schemas/study.ts'
import { expandStudy } from '../sim-bridge/experiment/study/jobs.ts'
import type { CommandIo } from './command.ts'
import { readJob, writeJob, writeStudy } from './experiment-directory.ts'
import { checkLines } from './experiment-lines.ts'
import type { ExperimentRequest, Shard } from './experiment-options.ts'
import { runJobs } from './experiment-pool.ts'
import { progressEveryMs, type StudyProgress, studyProgressLine } from './experiment-progress.ts'
import { outcomeText, writeOutcome } from './experiment-results.ts'

/** Runs what is left of a study (or of a shard) and, when all jobs are there, writes and prints what came out. */
export async function runStudy(
  study: Study,
  directory: string,
  { workers, shard, json }: Pick<ExperimentRequest, 'workers' | 'shard' | 'json'>,
  io: CommandIo,
): Promise<number> {
  checkLines(study)
  const jobs = inShard(expandStudy(study), shard)
  const results = new Map<string, JobResult>()
  for (const job of jobs) {
    const result = readJob(directory, job)
    if (result) results.set(job.id, result)
  }
  const kept = results.size
  writeStudy(directory, study)
  const left = jobs.filter(({ id }) => !results.has(id))
  const take = (_: StudyJob, result: JobResult): void => {
    writeJob(directory, result)
    results.set(result.id, result)
  }
  const finished = await runWithProgress(left, { workers, jobs: jobs.length, kept, take }, io)
  const counts = { study: study.name, runDir: directory, jobs: jobs.length, kept, ran: results.size - kept }
  if (!finished) {
    io.print(`interrupted: ${results.size} of ${jobs.length} jobs are done; the same command goes on with the others`)
    return exitCodes.interrupted
  }
  if (shard !== undefined) {
    const words = `shard ${shard.index + 1}/${shard.count}: ${jobs.length} jobs done in ${directory}\n`
    io.output(json ? `${JSON.stringify(counts)}\n` : words)
    return exitCodes.ok
  }
  const outcome = await writeOutcome(
    directory,
    study,
    jobs.map(({ id }) => results.get(id) as JobResult),
    io.software,
  )
  io.output(json ? `${JSON.stringify({ ...counts, ...outcome })}\n` : outcomeText(study, outcome))
  return exitCodes.ok
}

/** Every n-th job of a study, all without a shard. */
export function inShard(jobs: readonly StudyJob[], shard: Shard | undefined): readonly StudyJob[] {
  return shard === undefined ? jobs : jobs.filter((_, i) => i % shard.count === shard.index)
}

interface ProgressOptions {
  readonly workers: number
  readonly jobs: number
  readonly kept: number
  readonly take: (job: StudyJob, result: JobResult) => void
}

/** Runs jobs on threads with lines of progress; false when stopped. */
export async function runWithProgress(
  left: readonly StudyJob[],
  { workers, jobs, kept, take }: ProgressOptions,
  { print, stopped }: CommandIo,
): Promise<boolean> {
  if (left.length === 0) return true
  const allEpochs = left.reduce((sum, { config }) => sum + config.epochs, 0)
  const progress: StudyProgress = { jobs, kept, done: 0, epochs: 0, allEpochs }
  const start = performance.now()
  const tell = (): void => print(studyProgressLine(progress, performance.now() - start))
  const timer = setInterval(tell, progressEveryMs)
  try {
    return await runJobs(left, {
      workers,
      stopped,
      onEpoch() {
        progress.epochs++
      },
      onDone(job, result) {
        take(job, result)
        progress.done++
      },
    })
  } finally {
    clearInterval(timer)
    tell()
  }
}
