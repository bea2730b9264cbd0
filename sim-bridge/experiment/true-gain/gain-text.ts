import { proportionText } from '../statistics/clopper-pearson.ts'
import type { MeanInterval } from '../statistics/student-interval.ts'
import { textTable } from '../statistics/text-table.ts'
import type { GainSummary } from './gain-summary.ts'

/** The tables of all modes, intervals of 95 %: of shares by Clopper and Pearson, of means by Student. */
export function gainText(summaries: readonly GainSummary[], episodes: number): string {
  const strata = summaries.flatMap(({ mode, acceptance, accepted, rejected }) =>
    [
      { of: 'accepted', figures: accepted },
      { of: 'rejected', figures: rejected },
    ]
      .filter(({ figures }) => figures.mixes > 0)
      .map(({ of, figures }) => [
        mode,
        of === 'accepted' ? proportionText(acceptance) : '',
        `${figures.mixes} ${of}`,
        proportionText(figures.ownReturn, 0),
        proportionText(figures.surelyBetter, 0),
        proportionText(figures.surelyWorse, 0),
        proportionText(figures.ownReward, 0),
        proportionText(figures.fleetSpeed, 0),
        meanText(figures.meanOwnReturn),
        meanText(figures.meanOwnReward),
        meanText(figures.meanFleetSpeed),
      ]),
  )
  return [
    `Mixes driven again with and without, ${episodes} paired episodes each; seeds ${summaries[0]?.seeds.join(', ')}`,
    textTable(
      [
        ...[
          'mode',
          'acceptance rate',
          'driven',
          'own return rose',
          'surely',
          'surely fell',
          'own reward rose',
          'fleet faster',
        ],
        ...['mean own return', 'mean own reward', 'mean fleet speed, m/s'],
      ],
      strata,
    ),
    ...summaries.filter(({ calibration }) => calibration.length > 0).flatMap(calibrationLines),
    '',
  ].join('\n')
}

function calibrationLines({ mode, calibration, correlation }: GainSummary): string[] {
  return [
    '',
    `Calibration of A, ${mode}; ${correlationText(correlation)}`,
    textTable(
      ['mixes', 'mean A', 'mean αA', 'mean true gain in own return'],
      calibration.map(({ mixes, meanAdvantage, meanPredicted, gain }) => [
        String(mixes),
        meanAdvantage.toPrecision(3),
        meanPredicted.toPrecision(3),
        meanText(gain),
      ]),
    ),
  ]
}

function correlationText(correlation: GainSummary['correlation']): string {
  if (!correlation) return 'too few mixes for a correlation'
  const { ownReturn, ownReward, fleetSpeed } = correlation
  const [a, b, c] = [ownReturn, ownReward, fleetSpeed].map((r) => r.toFixed(2))
  return `Spearman of A and the gain in own return ${a}, own reward ${b}, fleet's speed ${c}`
}

function meanText(mean: MeanInterval | null): string {
  return mean === null ? '–' : `${short(mean.mean)} [${short(mean.lower)}, ${short(mean.upper)}]`
}

function short(x: number): string {
  return Math.abs(x) < 1e-3 ? x.toExponential(1) : x.toPrecision(2)
}
