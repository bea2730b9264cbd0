import { proportionText } from '../statistics/clopper-pearson.ts'
import { textTable } from '../statistics/text-table.ts'
import type { NamedFigures, TheoremCheck } from './theorem-check.ts'

/** The tables of a check, in 95 % intervals of Clopper and Pearson. */
export function theoremText(check: TheoremCheck): string {
  const { mdps, seed, samples, lemmaError, improvable, possibleGain } = check
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const rowsOf = (figures: readonly NamedFigures[], label: (row: NamedFigures) => string): string[][] =>
    figures.map((row) => [
      label(row),
      proportionText(row.accepted),
      proportionText(row.fell, 2),
      row.meanAlpha === null ? '–' : row.meanAlpha.toPrecision(2),
      row.medianAlpha === null ? '–' : row.medianAlpha.toPrecision(2),
      row.meanGain === null ? '–' : row.meanGain.toExponential(1),
      percent(row.shareOfPossible),
    ])
  const heads = ['accepted', 'of these lower η', 'mean α', 'median α', 'mean gain', 'of possible']
  return [
    `${mdps} pairs of policies in random decision processes, seed ${seed}; intervals: 95 %, Clopper and Pearson`,
    `identity (8): largest relative error ${lemmaError.toExponential(1)}`,
    `some α in (0, 1] raises η in ${proportionText(improvable)} of the pairs; mean largest gain ${possibleGain.toExponential(2)} per step`,
    '',
    'Exact evidence',
    textTable(
      ['reading', ...heads],
      rowsOf(check.exact, ({ reading }) => reading),
    ),
    '',
    `Evidence from ${samples} samples with exact advantages`,
    textTable(
      ['reading', ...heads],
      rowsOf(check.sampled, ({ reading }) => reading),
    ),
    '',
    'Exact evidence, by peer',
    textTable(
      ['peer, reading', ...heads],
      check.byPeer.flatMap((row) => rowsOf([row], ({ reading }) => `${row.peer}, ${reading}`)),
    ),
    '',
    'Exact evidence, by γ',
    textTable(
      ['γ, reading', ...heads],
      check.byGamma.flatMap((row) => rowsOf([row], ({ reading }) => `${row.gamma}, ${reading}`)),
    ),
    '',
    'Steps of the proof',
    textTable(
      ['step', 'fails', 'of', 'statement'],
      check.steps.map(({ id, statement, failed }) => [id, proportionText(failed, 2), String(failed.trials), statement]),
    ),
    '',
  ].join('\n')
}
