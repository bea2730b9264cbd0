import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../device/checkpoint.ts'
import { sha256 } from '../device/identity.ts'
import { ExitError } from '../schemas/exit.ts'
import { type JobResult, type Study, type StudyJob, validateJobResult } from '../schemas/study.ts'
import { canonicalJson } from '../sim-bridge/experiment/study/canonical.ts'
import { checkStudy, jobHash } from '../sim-bridge/experiment/study/jobs.ts'

/** Path of a job's result in the directory of a study. */
export function jobFile(directory: string, { id }: Pick<StudyJob, 'id'>): string {
  return join(directory, 'jobs', `${id}.json`)
}

/** The result as it is written, byte for byte: canonical JSON and a line feed. */
export function jobText(result: JobResult): string {
  return `${canonicalJson(result)}\n`
}

/** Writes a result; the file is there whole or not at all. */
export function writeJob(directory: string, result: JobResult): void {
  writeAtomically(jobFile(directory, result), jobText(result))
}

/** The result of exactly this job, if the directory has it; what is damaged or of another configuration is none. */
export function readJob(directory: string, job: StudyJob): JobResult | undefined {
  const result = parseJob(jobFile(directory, job))
  return result?.id === job.id && result.jobHash === jobHash(job) ? result : undefined
}

/** SHA-256 of a job's file. */
export function hashOfJob(result: JobResult): string {
  return sha256(jobText(result))
}

/** The results in a directory by the name of their file; ExitError 4 for a file that holds none. */
export function readJobs(directory: string): Map<string, JobResult> {
  const folder = join(directory, 'jobs')
  if (!existsSync(folder))
    throw new ExitError('usage', `${directory} must be the directory of a study, got no ${folder}`)
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return new Map(
    names.sort().map((name) => {
      const result = parseJob(join(folder, name))
      if (!result || `${result.id}.json` !== name)
        throw new ExitError('damaged', `${join(folder, name)} must hold the result of its job`)
      return [name, result]
    }),
  )
}

/** Where the outputs of a study lie in its directory, beside the jobs that studies share. */
export function outputDirectory(directory: string, study: Pick<Study, 'name'>): string {
  return join(directory, study.name)
}

/** Writes what was run, for merging and for going on. */
export function writeStudy(directory: string, study: Study): void {
  writeAtomically(join(outputDirectory(directory, study), 'study.json'), `${JSON.stringify(study, null, 2)}\n`)
}

/** The studies that a directory holds. */
export function readStudies(directory: string): Study[] {
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name, 'study.json'))
    .filter((path) => existsSync(path))
    .map((path) => readStudy(path))
}

/** A study from a file; ExitError 2 names path, rule and value found. `change` edits it before it is checked. */
export function readStudy(path: string, change: (raw: unknown) => unknown = (raw) => raw): Study {
  let raw: unknown
  try {
    raw = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const rule = error instanceof SyntaxError ? 'must be JSON' : 'must be a readable study'
    throw new ExitError('usage', `${path} ${rule}: ${(error as Error).message}`)
  }
  return checkStudy(path, change(raw))
}

function parseJob(path: string): JobResult | undefined {
  if (!existsSync(path)) return undefined
  try {
    const validated = validateJobResult(JSON.parse(readFileSync(path, 'utf8')))
    return validated.ok ? validated.value : undefined
  } catch {
    return undefined
  }
}
