import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { JobResult } from '../schemas/study.ts'

type Cell = string | number | boolean | null
type Row = readonly Cell[]

interface Table {
  readonly file: string
  readonly columns: readonly string[]
  rows(job: JobResult): Row[]
}

/** What every row begins with. */
const jobColumns = ['label', 'attack', 'attackers', 'seed'] as const

const tables: readonly Table[] = [
  {
    file: 'jobs.csv',
    columns: ['job', 'vehicle', 'attacker', 'interval_s', 'samples', 'baseline_m_s', 'policy_sha256'],
    rows: (job) =>
      job.vehicles.map((vehicle, i) => [
        ...[job.id, vehicle, job.attackers.includes(vehicle), job.intervalsS[i] ?? null, job.samples[i] ?? null],
        ...[job.baseline, job.policies[vehicle] ?? null],
      ]),
  },
  {
    file: 'epochs.csv',
    columns: ['epoch', 'mean_speed_m_s', 'nas', 'worst_learner_m_s', 'collisions', 'forced_brakings'],
    rows: ({ epochs }) =>
      epochs.meanSpeed.map((meanSpeed, i) => [
        ...[i + 1, meanSpeed, epochs.nas[i] ?? null, epochs.worstLearner[i] ?? null],
        ...[epochs.collisions[i] ?? null, epochs.forcedBrakings[i] ?? null],
      ]),
  },
  {
    file: 'pairs.csv',
    columns: ['own', 'peer', 'peer_attacks', 'considered', 'referred', 'accepted'],
    rows: (job) =>
      job.vehicles.flatMap((own, i) =>
        job.vehicles.flatMap((peer, j) =>
          i === j
            ? []
            : [
                [
                  ...[own, peer, job.attackers.includes(peer)],
                  ...[job.considered, job.referred, job.accepted].map((matrix) => matrix[i]?.[j] ?? 0),
                ],
              ],
        ),
      ),
  },
  {
    file: 'verdicts.csv',
    columns: ['reason', 'count'],
    rows: ({ verdicts }) => Object.entries(verdicts),
  },
  {
    file: 'mixes.csv',
    columns: ['epoch', 'own', 'peer', 'accepted', 'alpha', 'advantage', 'standard_error', 'fisher', 'kl', 'M'],
    rows: ({ mixes, vehicles }) =>
      mixes.map(({ epoch, own, peer, accepted, alpha, advantage, standardError, fisher, kl, M }) => [
        ...[epoch, vehicles[own] ?? null, vehicles[peer] ?? 'aggregate', accepted, alpha, advantage],
        ...[standardError, fisher, kl, M],
      ]),
  },
  {
    file: 'divergence.csv',
    columns: ['epoch', 'own', 'peer', 'kl'],
    rows: ({ divergence, vehicles }) =>
      divergence.flatMap(({ epoch, kl }) =>
        kl.flatMap((row, i) =>
          row.flatMap((value, j) => (i === j ? [] : [[epoch, vehicles[i] ?? null, vehicles[j] ?? null, value]])),
        ),
      ),
  },
]

/** Writes the raw results as CSV (RFC 4180, one header line); returns the names, none where csv-stringify is not installed. */
export async function writeTables(directory: string, jobs: readonly JobResult[]): Promise<string[]> {
  const csv = await import('csv-stringify/sync').catch(() => undefined)
  if (!csv) return []
  const lines = (rows: readonly Row[]): string =>
    csv.stringify(rows as Cell[][], { cast: { boolean: (value) => String(value) } })
  for (const { file, columns, rows } of tables) {
    const path = join(directory, file)
    const handle = openSync(`${path}.tmp`, 'w')
    try {
      writeSync(handle, lines([[...jobColumns, ...columns]]))
      for (const job of jobs) {
        const start = [job.label, job.attack?.kind ?? null, job.attack?.attackers ?? 0, job.seed]
        writeSync(handle, lines(rows(job).map((row) => [...start, ...row])))
      }
    } finally {
      closeSync(handle)
    }
    renameSync(`${path}.tmp`, path)
  }
  return tables.map(({ file }) => file)
}
