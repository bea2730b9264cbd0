import { shown } from '../shown.ts'
import type { TaskName } from './contender.ts'
import { taskAbout } from './contender.ts'
import type { EstimatorReport, Spread } from './estimators.ts'
import type { FieldFigure } from './field.ts'
import type { ContenderFacts } from './group.ts'
import type { LatenessRow } from './lateness.ts'
import type { ScalingRow } from './scaling.ts'

/** Who takes part, with start-up and memory of each process after its first action, the workload loaded. */
export function contenders(rows: readonly ContenderFacts[]): string[] {
  const head = `${'contender'.padEnd(20)}${right('start ms')}${right('CPU ms')}${right('MB')}  what`
  return [
    head,
    ...rows.map(({ name, about, startMs, startCpuMs, megabytes }) => {
      return `${name.padEnd(20)}${right(shown(startMs))}${right(shown(startCpuMs))}${right(shown(megabytes))}  ${about}`
    }),
  ]
}

/** One kind of work: µs of CPU time per call, beside `ours`, the engine of the devices. */
export function field(rows: readonly FieldFigure[], ours: FieldFigure | undefined): string[] {
  const [first] = rows
  if (first === undefined) return []
  const columns = ['CPU min', 'CPU median', 'wall median', '/ ours', 'difference', 'rep']
  return [
    '',
    `${first.task}: ${taskAbout[first.task as TaskName]}; µs`,
    `${'contender'.padEnd(20)}${columns.map(right).join('')}`,
    ...rows.map(({ contender, minimum, median, wallMedian, difference, repetitions }) => {
      const ratio = shown(median / (ours?.median ?? Number.NaN))
      const values = [shown(minimum), shown(median), shown(wallMedian), ratio, difference.toExponential(1)]
      return `${contender.padEnd(20)}${[...values, String(repetitions)].map(right).join('')}`
    }),
  ]
}

/** Accuracy of the three estimators as shares of the true form, and what one q costs. */
export function estimators({ rows, cost }: EstimatorReport): string[] {
  const spread = ({ median, minimum, maximum }: Spread): string =>
    `${median.toFixed(3)} [${minimum.toFixed(2)}, ${maximum.toFixed(2)}]`.padStart(22)
  return [
    '',
    'estimators of q: share of the true form (2 KL of a thousandth of Δ), median [least, most] over the cases; K = 256',
    `${'Δ'.padEnd(42)}${['exact', 'sampled', 'kfac', 'within layers', '2 KL(own, peer)'].map((name) => name.padStart(22)).join('')}`,
    ...rows.map(({ change, exact, sampled, kfac, blocks, whole }) => {
      return `${change.padEnd(42)}${[exact, sampled, kfac, blocks, whole].map(spread).join('')}`
    }),
    `µs for one q on the reference engine: ${Object.entries(cost)
      .map(([name, us]) => `${name} ${shown(us)}`)
      .join(', ')} (kfacKept: the factors at hand)`,
  ]
}

/** µs by size, with the exponent. */
export function scaling(rows: readonly ScalingRow[]): string[] {
  return [
    '',
    'scaling of the devices’ engine: µs CPU by size, and the slope of log time over log size',
    ...rows.map(({ work, size, points, exponent }) => {
      const values = points.map((point) => `${point.size}: ${shown(point.us)}`).join('  ')
      return `${work} over ${size} – exponent ${exponent.toFixed(2)} – ${values}`
    }),
  ]
}

/** How late ticks come, ms. */
export function lateness(rows: readonly LatenessRow[]): string[] {
  const columns = ['ticks', 'p50', 'p99', 'p99.9', 'maximum', 'updates']
  const named = (learning: LatenessRow['learning']): string =>
    learning === 'none' ? 'not learning' : learning === 'whole' ? 'update in one piece' : `slices of ${learning} ms`
  return [
    '',
    'lateness of the control tick while full updates follow one another, ms',
    `${'tick'.padEnd(34)}${columns.map(right).join('')}`,
    ...rows.map(({ periodMs, learning, ticks, p50, p99, p999, maximum, updates }) => {
      const values = [String(ticks), ...[p50, p99, p999, maximum].map((x) => x.toFixed(2)), String(updates)]
      return `${`every ${periodMs} ms, ${named(learning)}`.padEnd(34)}${values.map(right).join('')}`
    }),
  ]
}

function right(text: string): string {
  return text.padStart(13)
}
