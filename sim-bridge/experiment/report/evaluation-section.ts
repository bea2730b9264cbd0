import type { Analysis } from './analysis.ts'
import { section, tableHtml } from './html.ts'
import { fixed, meanText, percent, rangeText } from './text.ts'

/** What the policies are worth where nothing is learned any more. */
export function evaluationSection({ evaluations, study }: Analysis): string[] {
  if (evaluations.length === 0) return []
  return [
    section(
      'evaluation',
      'Policies alone: neither learning nor exploration',
      tableHtml({
        caption: `Mean speed of all cars, m/s, ± half the 95 % interval over seeds, in epochs whose cars start up to ${study.evaluation?.startJitter} m from their even places; gain kept: (trained − untrained) divided by that in the first world`,
        heads: [
          ...['method', 'world', 'seeds × epochs', 'drivers', 'full throttle', 'untrained', 'trained', '× drivers'],
          ...['95 %', 'worst learner', 'collisions', 'of the drivers', 'gain kept'],
        ],
        rows: evaluations.map((row) => [
          ...[row.label, row.sim, `${row.seeds.length} × ${row.episodes}`],
          ...[row.drivers, row.fullThrottle, row.untrained, row.trained].map((found) => meanText(found, 2)),
          ...[fixed(row.timesDrivers.mean), rangeText(row.timesDrivers, (share) => fixed(share))],
          ...[meanText(row.worstLearner, 2), String(row.collisions.trained), String(row.collisions.drivers)],
          row.gainKept
            ? `${percent(row.gainKept.mean)} ${rangeText(row.gainKept, (share) => fixed(100 * share, 0))}`
            : '–',
        ]),
      }),
    ),
  ]
}
