import type { AttackKind, StudyLine, StudyResults } from '../../../schemas/study.ts'
import { type AttackRow, analyseAttacks } from './attacks.ts'
import { type Comparison, compareMethods } from './comparisons.ts'
import { analyseEvaluations, type EvaluationRow } from './evaluations.ts'
import { type JudgedMixes, judgedMixes } from './judged-mixes.ts'
import { type MethodSummary, summariseMethod } from './method-summary.ts'
import { attackKey, type Job, type MetricName, metricsOf, sum } from './metrics.ts'

/** One method without attack: how it drove, and how it judged. */
export interface MethodAnalysis extends MethodSummary {
  readonly judged: JudgedMixes
}

/** What one run found, in the order of methods, attacks and seeds. */
export interface RunRow {
  readonly label: string
  readonly attack: { readonly kind: AttackKind; readonly attackers: number } | null
  readonly seed: number
  readonly metrics: Readonly<Record<MetricName, number>>
  readonly baseline: number
  readonly collisions: number
  readonly forcedBrakings: number
  readonly jobHash: string
}

/** All numbers of a report. */
export interface Analysis {
  readonly name: string
  readonly title: string
  readonly seeds: readonly number[]
  readonly epochs: number
  /** Runs that the study names and the results lack. */
  readonly missing: readonly string[]
  readonly lines: readonly StudyLine[]
  readonly methods: readonly MethodAnalysis[]
  readonly comparisons: readonly Comparison[]
  readonly attacks: readonly AttackRow[]
  readonly evaluations: readonly EvaluationRow[]
  readonly runs: readonly RunRow[]
  readonly study: StudyResults['study']
  readonly software: Readonly<Record<string, string>>
}

/** Computes every number of the report from the results of a study; the order of the jobs does not matter. */
export function analyse(results: StudyResults): Analysis {
  const { study, lines, software } = results
  const byKey = new Map<string, Map<number, Job>>()
  for (const job of results.jobs) {
    const key = attackKey(job.label, job.attack)
    byKey.set(key, (byKey.get(key) ?? new Map<number, Job>()).set(job.seed, job))
  }
  const attacks = study.attacks ?? []
  const missing: string[] = []
  const runs: RunRow[] = []
  /** In the order of the study's seeds. */
  const jobsOf = (label: string, attack: Job['attack']): Job[] => {
    const found = byKey.get(attackKey(label, attack))
    return study.seeds.flatMap((seed) => found?.get(seed) ?? [])
  }
  for (const { label } of study.methods)
    for (const attack of [null, ...attacks]) {
      const jobs = jobsOf(label, attack)
      const have = new Set(jobs.map(({ seed }) => seed))
      for (const seed of study.seeds) if (!have.has(seed)) missing.push(`${attackKey(label, attack)}-seed${seed}`)
      runs.push(...jobs.map(runRow))
    }
  const methods = study.methods.map(({ label }) => {
    const jobs = jobsOf(label, null)
    return { ...summariseMethod(label, jobs), judged: judgedMixes(label, jobs) }
  })
  return {
    name: study.name,
    title: study.title ?? study.name,
    seeds: study.seeds,
    epochs: Math.max(0, ...results.jobs.map((job) => job.epochs.meanSpeed.length)),
    missing,
    lines,
    methods,
    comparisons: compareMethods(methods, study.references ?? []),
    attacks: study.methods.flatMap(({ label }) =>
      attacks.map((attack) => analyseAttacks(label, attack, jobsOf(label, null), jobsOf(label, attack))),
    ),
    evaluations: analyseEvaluations(study, (label) => jobsOf(label, null)),
    runs,
    study,
    software,
  }
}

function runRow(job: Job): RunRow {
  const { label, attack, seed, baseline, jobHash } = job
  return {
    label,
    attack,
    seed,
    metrics: metricsOf(job),
    baseline,
    collisions: sum(job.epochs.collisions),
    forcedBrakings: sum(job.epochs.forcedBrakings),
    jobHash,
  }
}
