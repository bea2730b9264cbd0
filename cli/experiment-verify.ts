import { readFileSync } from 'node:fs'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Study } from '../schemas/study.ts'
import { checkStudy, expandStudy } from '../sim-bridge/experiment/study/jobs.ts'
import type { CommandIo } from './command.ts'
import { hashOfJob } from './experiment-directory.ts'
import type { ExperimentRequest } from './experiment-options.ts'
import { inShard, runWithProgress } from './experiment-run.ts'

/**
 * Runs jobs (or a shard) of a published `results.json` again and compares the SHA-256 of what comes out with what it states.
 * ExitError 5 names the first jobs that differ; 4 where the file is damaged or lists other jobs than its study has.
 */
export async function verifyResults(
  path: string,
  { workers, shard, json }: Pick<ExperimentRequest, 'workers' | 'shard' | 'json'>,
  io: CommandIo,
): Promise<number> {
  const { study, hashes } = readResults(path)
  const all = expandStudy(study)
  const unlisted = all.find(({ id }) => !hashes.has(id))
  if (unlisted || all.length !== hashes.size)
    throw new ExitError('damaged', `${path} must list the ${all.length} jobs of its study, got ${hashes.size}`)
  const jobs = inShard(all, shard)
  const differing: string[] = []
  const finished = await runWithProgress(
    jobs,
    {
      ...{ workers, jobs: jobs.length, kept: 0 },
      take(job, result) {
        if (hashOfJob(result) !== hashes.get(job.id)) differing.push(job.id)
      },
    },
    io,
  )
  if (!finished) return exitCodes.interrupted
  if (differing.length > 0)
    throw new ExitError('failed', `${differing.length} of ${jobs.length} jobs differ from ${path}: ${list(differing)}`)
  const words = `${jobs.length} of ${all.length} jobs run again: the same bytes as ${path} states\n`
  io.output(json ? `${JSON.stringify({ study: study.name, jobs: all.length, verified: jobs.length })}\n` : words)
  return exitCodes.ok
}

function list(ids: readonly string[]): string {
  return `${[...ids].sort().slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}`
}

function readResults(path: string): { study: Study; hashes: ReadonlyMap<string, string> } {
  let value: { study?: unknown; jobs?: unknown } | null
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ExitError('usage', `experiment verify needs a results.json: ${(error as Error).message}`)
  }
  const jobs: unknown[] = Array.isArray(value?.jobs) ? value.jobs : []
  const hashes = new Map(jobs.map(stated))
  return { study: checkStudy(path, value?.study), hashes }
}

function stated(job: unknown): [id: string, sha256: string] {
  const { id, sha256 } = (job ?? {}) as { id?: unknown; sha256?: unknown }
  return [String(id), String(sha256)]
}
