import type { Analysis } from './analysis.ts'
import type { Comparison } from './comparisons.ts'
import { type MetricName, metricNames, metricTitles } from './metrics.ts'
import { counted, pText, rangeText, signed } from './text.ts'

/** What the intervals of one metric support, and what they do not. */
export interface Orders {
  readonly metric: MetricName
  readonly title: string
  readonly supported: readonly string[]
  readonly unsupported: readonly string[]
}

/** One sentence for each comparison, in the order of metrics, references and methods. */
export function orders({ comparisons }: Analysis): Orders[] {
  return metricNames.map((metric) => {
    const of = comparisons.filter((comparison) => comparison.metric === metric)
    return {
      metric,
      title: metricTitles[metric],
      supported: of.filter(({ order }) => order !== 'unsupported').map(sentence),
      unsupported: of.filter(({ order }) => order === 'unsupported').map(sentence),
    }
  })
}

function sentence(comparison: Comparison): string {
  const { method, reference, order, mean, larger, count, holm } = comparison
  const relation = order === 'unsupported' ? 'against' : `${order} than`
  if (count < 2) return `${method} against ${reference}: ${counted(count, 'pair')}, no interval`
  return (
    `${method} ${relation} ${reference}: ${signed(mean)} ${rangeText(comparison)} m/s, ` +
    `more in ${larger} of ${counted(count, 'seed')}, Holm\u00a0p\u00a0${pText(holm)}`
  )
}

/** What a reader must know before believing any of it. */
export function caveats(analysis: Analysis): string[] {
  const { seeds, comparisons, missing, methods } = analysis
  const differ = comparisons.filter(
    ({ bootstrapLower, bootstrapUpper, order }) =>
      (bootstrapLower > 0 || bootstrapUpper < 0) !== (order !== 'unsupported'),
  )
  const found = [
    `${counted(seeds.length, 'seed')}. Intervals are 95 % Student t-intervals over seeds, each for itself: they are not ` +
      'corrected for multiple comparisons.',
  ]
  if (seeds.length < 20) found.push('Fewer than 20 seeds: take what follows as a hint.')
  if (comparisons.length > 0) {
    found.push(
      `Differences are paired by seed. Holm's p is adjusted for all ${comparisons.length} comparisons of this report.`,
      differ.length === 0
        ? 'The percentile bootstrap (2000 draws) supports the same orders.'
        : `The percentile bootstrap (2000 draws) decides otherwise in ${differ.length} of ${comparisons.length} comparisons: ` +
            `${differ.map(({ method, reference, metric }) => `${method} against ${reference}, ${metricTitles[metric]}`).join('; ')}.`,
    )
  }
  if (methods.some(({ judged }) => judged.acceptance.trials > 0))
    found.push(
      'Shares of mixes have Clopper–Pearson intervals, which count every mix as independent of the others of its run; they ' +
        'are therefore too narrow.',
    )
  if (missing.length > 0) found.push(`Missing: ${counted(missing.length, 'run')} of the study.`)
  return found
}
