import { clopperPearson, type Proportion } from '../statistics/clopper-pearson.ts'
import { spearman } from '../statistics/spearman.ts'
import { type MeanInterval, studentInterval } from '../statistics/student-interval.ts'
import type { DrivenMix, TrueGainRun } from './true-gain.ts'

/** The differences that a paired episode gives. */
export type Gain = 'ownReturn' | 'ownReward' | 'fleetSpeed'

/** What the mixes of one mode were worth, over all its runs. */
export interface GainSummary {
  readonly mode: string
  readonly seeds: readonly number[]
  /** Accepted ones of all mixes that were considered with evidence. */
  readonly acceptance: Proportion
  readonly accepted: GainFigures
  /** With the α that |A| would have allowed. */
  readonly rejected: GainFigures
  /** Mixes of equal number by rising A, where the method estimates it. */
  readonly calibration: readonly CalibrationBin[]
  /** Spearman's rank correlations of A and each true gain over the driven mixes; null without at least three. */
  readonly correlation: Readonly<Record<Gain, number>> | null
}

export interface GainFigures {
  readonly mixes: number
  /** Mean difference above 0, of the own discounted return, the own reward per step and the fleet's mean speed. */
  readonly ownReturn: Proportion
  readonly ownReward: Proportion
  readonly fleetSpeed: Proportion
  /** The 95 % t-interval of the own return's difference lies above 0, or below; by chance alone 2.5 % each. */
  readonly surelyBetter: Proportion
  readonly surelyWorse: Proportion
  /** Over the mixes; null without two. */
  readonly meanOwnReturn: MeanInterval | null
  readonly meanOwnReward: MeanInterval | null
  readonly meanFleetSpeed: MeanInterval | null
}

export interface CalibrationBin {
  readonly mixes: number
  readonly meanAdvantage: number
  /** Mean of αA, what A promises for the mix to first order. */
  readonly meanPredicted: number
  /** True gain in own discounted return. */
  readonly gain: MeanInterval
}

const bins = 5

export function summariseGains(mode: string, runs: readonly TrueGainRun[]): GainSummary {
  const mixes = runs.flatMap((run) => run.mixes)
  const total = (of: (run: TrueGainRun) => number): number => runs.reduce((sum, run) => sum + of(run), 0)
  const estimated = mixes.flatMap((mix) =>
    mix.policyAdvantage === null ? [] : [{ ...mix, advantage: mix.policyAdvantage }],
  )
  const correlationWith = (gain: Gain): number =>
    spearman(
      estimated.map(({ advantage }) => advantage),
      estimated.map((mix) => mix[gain].mean),
    )
  return {
    mode,
    seeds: runs.map(({ seed }) => seed),
    acceptance: clopperPearson(
      total(({ accepted }) => accepted),
      total(({ considered }) => considered),
    ),
    accepted: figuresOf(mixes.filter(({ accepted }) => accepted)),
    rejected: figuresOf(mixes.filter(({ accepted }) => !accepted)),
    calibration: binsOf(estimated),
    correlation:
      estimated.length < 3
        ? null
        : {
            ownReturn: correlationWith('ownReturn'),
            ownReward: correlationWith('ownReward'),
            fleetSpeed: correlationWith('fleetSpeed'),
          },
  }
}

function figuresOf(mixes: readonly DrivenMix[]): GainFigures {
  const share = (is: (mix: DrivenMix) => boolean): Proportion => clopperPearson(mixes.filter(is).length, mixes.length)
  const meanOf = (of: (mix: DrivenMix) => number): MeanInterval | null =>
    mixes.length < 2 ? null : studentInterval(mixes.map(of))
  return {
    mixes: mixes.length,
    ownReturn: share(({ ownReturn }) => ownReturn.mean > 0),
    ownReward: share(({ ownReward }) => ownReward.mean > 0),
    fleetSpeed: share(({ fleetSpeed }) => fleetSpeed.mean > 0),
    surelyBetter: share(({ ownReturn }) => ownReturn.lower > 0),
    surelyWorse: share(({ ownReturn }) => ownReturn.upper < 0),
    meanOwnReturn: meanOf(({ ownReturn }) => ownReturn.mean),
    meanOwnReward: meanOf(({ ownReward }) => ownReward.mean),
    meanFleetSpeed: meanOf(({ fleetSpeed }) => fleetSpeed.mean),
  }
}

interface Estimated extends DrivenMix {
  readonly advantage: number
}

function binsOf(estimated: readonly Estimated[]): CalibrationBin[] {
  const sorted = [...estimated].sort((a, b) => a.advantage - b.advantage)
  const edge = (bin: number): number => Math.round((bin * sorted.length) / bins)
  return Array.from({ length: bins }, (_, bin) => sorted.slice(edge(bin), edge(bin + 1)))
    .filter((part) => part.length >= 2)
    .map((part) => ({
      mixes: part.length,
      meanAdvantage: part.reduce((sum, { advantage }) => sum + advantage, 0) / part.length,
      meanPredicted: part.reduce((sum, { alpha, advantage }) => sum + alpha * advantage, 0) / part.length,
      gain: studentInterval(part.map(({ ownReturn }) => ownReturn.mean)),
    }))
}
