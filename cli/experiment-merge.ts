import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { JobResult, Study } from '../schemas/study.ts'
import { canonicalJson } from '../sim-bridge/experiment/study/canonical.ts'
import { expandStudy } from '../sim-bridge/experiment/study/jobs.ts'
import type { CommandIo } from './command.ts'
import { jobText, readJob, readJobs, readStudies, writeJob, writeStudy } from './experiment-directory.ts'
import { outcomeText, writeOutcome } from './experiment-results.ts'

/**
 * Unites the jobs of several directories in one and makes of them what one run would have made. ExitError 4 where two
 * directories have different results of one job, or jobs are missing.
 */
export async function mergeStudies(
  out: string,
  directories: readonly string[],
  json: boolean,
  io: CommandIo,
): Promise<number> {
  const studies = new Map<string, { study: Study; from: string }>()
  const jobs = new Map<string, { result: JobResult; from: string }>()
  for (const from of directories) {
    for (const [name, result] of readJobs(from)) {
      const other = jobs.get(name)
      if (other) refuseDifference(name, other, { result, from })
      jobs.set(name, { result, from })
    }
    for (const study of readStudies(from)) {
      const other = studies.get(study.name)
      if (other && canonicalJson(other.study) !== canonicalJson(study))
        throw new ExitError('damaged', `${other.from} and ${from} must hold the same study ${study.name}, got two`)
      studies.set(study.name, { study, from })
    }
  }
  if (studies.size === 0) throw new ExitError('usage', `${directories.join(', ')} must hold a study, got none`)
  for (const { result } of jobs.values()) writeJob(out, result)
  const printed: unknown[] = []
  for (const { study } of studies.values()) {
    writeStudy(out, study)
    const found = expandStudy(study).map((job) => ({ job, result: readJob(out, job) }))
    const missing = found.filter(({ result }) => result === undefined).map(({ job }) => job.id)
    if (missing.length > 0)
      throw new ExitError(
        'damaged',
        `${missing.length} of ${found.length} jobs of ${study.name} are missing, the first ${missing[0]}; the others are in ${out}`,
      )
    const outcome = await writeOutcome(
      out,
      study,
      found.map(({ result }) => result as JobResult),
      io.software,
    )
    if (json) printed.push({ study: study.name, runDir: out, jobs: found.length, ...outcome })
    else io.output(outcomeText(study, outcome))
  }
  if (json) io.output(`${JSON.stringify(printed.length === 1 ? printed[0] : { studies: printed })}\n`)
  return exitCodes.ok
}

interface Found {
  readonly result: JobResult
  readonly from: string
}

function refuseDifference(name: string, a: Found, b: Found): void {
  if (jobText(a.result) === jobText(b.result)) return
  const what = a.result.jobHash === b.result.jobHash ? 'results' : 'configurations'
  throw new ExitError('damaged', `${a.from} and ${b.from} have different ${what} of jobs/${name}`)
}
