import type { AttackKind } from '../../../schemas/study.ts'
import { clopperPearson, type Proportion } from '../statistics/clopper-pearson.ts'
import { type MeanInterval, studentInterval } from '../statistics/student-interval.ts'
import { type Job, mean, metricOf, metricsOf, sum } from './metrics.ts'

/** One method under one attack. */
export interface AttackRow {
  readonly label: string
  readonly kind: AttackKind
  readonly attackers: number
  readonly seeds: readonly number[]
  /** Mean speed of the last 10 %, m/s. */
  readonly final: MeanInterval
  /** Divided by the same seed's final speed without the attack. */
  readonly ofClean: MeanInterval
  /** Lowest mean speed of a learner in the last 10 %, m/s. */
  readonly worstLearner: MeanInterval
  /** Steps of learners an epoch in which safety lowered a command. */
  readonly forcedBrakings: MeanInterval
  /** Of all runs together. */
  readonly collisions: number
  /** Considered mixes that honest vehicles accepted, of those from attackers and of those from honest ones. */
  readonly poisoned: Proportion
  readonly honest: Proportion
}

/** `attacked` are the runs of a method under `attack`, `clean` those without any. */
export function analyseAttacks(
  label: string,
  attack: { readonly kind: AttackKind; readonly attackers: number },
  clean: readonly Job[],
  attacked: readonly Job[],
): AttackRow {
  const cleanFinal = new Map(clean.map((job) => [job.seed, metricsOf(job).final]))
  const shares = attacked.flatMap((job) => {
    const before = cleanFinal.get(job.seed)
    return before === undefined ? [] : [metricsOf(job).final / before]
  })
  const mixes = { poisoned: { accepted: 0, considered: 0 }, honest: { accepted: 0, considered: 0 } }
  for (const job of attacked) {
    const bad = job.vehicles.map((id) => job.attackers.includes(id))
    for (const [i, row] of job.considered.entries())
      for (const [j, considered] of row.entries()) {
        if (bad[i] || i === j) continue
        const kind = bad[j] ? mixes.poisoned : mixes.honest
        kind.considered += considered
        kind.accepted += job.accepted[i]?.[j] ?? 0
      }
  }
  return {
    label,
    kind: attack.kind,
    attackers: attack.attackers,
    seeds: attacked.map(({ seed }) => seed),
    final: studentInterval(attacked.map((job) => metricsOf(job).final)),
    ofClean: studentInterval(shares),
    worstLearner: studentInterval(attacked.map((job) => metricOf('final', job.epochs.worstLearner))),
    forcedBrakings: studentInterval(attacked.map((job) => mean(job.epochs.forcedBrakings))),
    collisions: sum(attacked.map((job) => sum(job.epochs.collisions))),
    poisoned: clopperPearson(mixes.poisoned.accepted, mixes.poisoned.considered),
    honest: clopperPearson(mixes.honest.accepted, mixes.honest.considered),
  }
}
