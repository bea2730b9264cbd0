import { createRng } from '../../../device/core/rng.ts'
import { holmAdjusted } from '../statistics/holm.ts'
import { type PairedDifference, pairedDifference } from '../statistics/paired-difference.ts'
import type { MethodSummary } from './method-summary.ts'
import { type MetricName, metricNames } from './metrics.ts'

/** A method minus a reference in one metric, paired by seed, m/s. */
export interface Comparison extends PairedDifference {
  readonly metric: MetricName
  readonly method: string
  readonly reference: string
  /** p-value adjusted (Holm 1979) for all comparisons of the report. */
  readonly holm: number
  /** What the 95 % t-interval of the difference supports: it excludes 0, or nothing. */
  readonly order: 'faster' | 'slower' | 'unsupported'
}

/** Every method against every reference; two references are compared once. */
export function compareMethods(methods: readonly MethodSummary[], references: readonly string[]): Comparison[] {
  const found: Omit<Comparison, 'holm'>[] = []
  for (const [index, reference] of references.entries()) {
    const second = methods.find(({ label }) => label === reference)
    if (!second) continue
    const done = new Set(references.slice(0, index + 1))
    for (const first of methods) {
      if (done.has(first.label)) continue
      for (const metric of metricNames) {
        const rng = createRng(0, 'bootstrap', first.label, reference, metric)
        const difference = pairedDifference(new Map(first.bySeed[metric]), new Map(second.bySeed[metric]), rng)
        found.push({ ...difference, metric, method: first.label, reference, order: orderOf(difference) })
      }
    }
  }
  const holm = holmAdjusted(found.map(({ pValue }) => pValue))
  return found.map((comparison, i) => ({ ...comparison, holm: holm[i]! }))
}

function orderOf({ lower, upper }: PairedDifference): Comparison['order'] {
  return lower > 0 ? 'faster' : upper < 0 ? 'slower' : 'unsupported'
}
