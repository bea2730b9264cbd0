import { join } from 'node:path'
import { writeAtomically } from '../device/checkpoint.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import type { JobResult, Study, StudyLine, StudyResults } from '../schemas/study.ts'
import { formatVersion } from '../schemas/validator.ts'
import { writeReport } from '../sim-bridge/experiment/report/write-report.ts'
import { type MethodMeans, methodMeans } from '../sim-bridge/experiment/study/means.ts'
import { hashOfJob, outputDirectory } from './experiment-directory.ts'
import { driveLines } from './experiment-lines.ts'
import { writeTables } from './experiment-tables.ts'

/** What is made of a study's jobs when all are done. */
export interface Outcome {
  readonly methods: readonly MethodMeans[]
  readonly lines: readonly StudyLine[]
  /** Paths of what was written. */
  readonly files: readonly string[]
}

/** Writes tables, `results.json` and the report of a finished study; the same jobs give the same bytes. */
export async function writeOutcome(
  directory: string,
  study: Study,
  jobs: readonly JobResult[],
  software: string,
): Promise<Outcome> {
  const results: StudyResults = { study, jobs, lines: await driveLines(study), software: versions(software) }
  const folder = outputDirectory(directory, study)
  const methods = methodMeans(jobs)
  const { lines } = results
  const document = {
    version: formatVersion,
    study,
    software: results.software,
    lines,
    methods,
    jobs: jobs.map((job) => ({ id: job.id, jobHash: job.jobHash, sha256: hashOfJob(job) })),
  }
  writeAtomically(join(folder, 'results.json'), `${JSON.stringify(document, null, 2)}\n`)
  const written: string[] = ['results.json']
  writeReport(results, (name, content) => {
    writeAtomically(join(folder, name), content)
    written.push(name)
  })
  const tables = await writeTables(folder, jobs)
  return { methods, lines, files: [...written, ...tables].map((name) => join(folder, name)) }
}

/** What ran, as far as results depend on it. */
function versions(software: string): Record<string, string> {
  const { id } = createWasmEngine({ observationSize: 1, actionSize: 1, hidden: [1] })
  return { trustmix: software.replace(/^trustmix /, ''), engine: id, node: process.versions.node.split('.')[0] ?? '' }
}

/** The table that is printed: one line per method and attack, then the lines. */
export function outcomeText(study: Study, { methods, lines, files }: Outcome): string {
  const attacked = methods.some(({ attack }) => attack !== null)
  const head = [
    'method',
    ...(attacked ? ['attack'] : []),
    'jobs',
    'early',
    'final',
    'all',
    'worst',
    'collisions',
    'forced',
  ]
  const share = (part: number, of: number): string => (of > 0 ? `${((100 * part) / of).toFixed(1)} %` : '–')
  const rows = methods.map((m) => [
    m.label,
    ...(attacked ? [m.attack === null ? 'none' : `${m.attack} × ${m.attackers}`] : []),
    String(m.jobs),
    ...[m.earlySpeed, m.finalSpeed, m.speed, m.finalWorstLearner, m.collisions].map((value) => value.toFixed(3)),
    m.forcedBrakings.toFixed(1),
    share(m.accepted, m.considered),
    ...(attacked ? [share(m.poisonedAccepted, m.poisonedConsidered)] : []),
  ])
  const table = aligned([[...head, 'accepted', ...(attacked ? ['poisoned'] : [])], ...rows])
  const drawn = aligned(
    lines.map(({ name, meanSpeed, collisions }) => [name, meanSpeed.toFixed(3), String(collisions)]),
  )
  return [
    study.title ?? study.name,
    'Mean speed of all cars, m/s: first 20 % of the epochs, last 10 %, all; of the slowest learner, last 10 %;',
    'collisions and forced brakings per epoch; share of the considered mixes that was accepted.',
    '',
    table,
    '',
    'Lines: mean speed in m/s, collisions',
    drawn,
    '',
    ...files,
    '',
  ].join('\n')
}

/** The first column to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)))
  return rows
    .map((row) =>
      row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0))).join('  '),
    )
    .join('\n')
}
