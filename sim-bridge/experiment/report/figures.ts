import type { Analysis, MethodAnalysis } from './analysis.ts'
import { type Chart, type ChartHead, cut } from './chart.ts'
import { curvePanel } from './curve-panel.ts'
import { histogramChart } from './histogram-chart.ts'
import { intervalChart } from './interval-chart.ts'
import { lineChart, type Series } from './line-chart.ts'
import { matrixChart } from './matrix-chart.ts'
import { metricNames, metricTitles } from './metrics.ts'
import { fixed, meanText, percent, rangeText, signed } from './text.ts'

/** The letter's Fig. 3: mean speed of all cars over epochs, a curve for each method. */
export function speedChart({ methods, lines, title, seeds }: Analysis): Chart {
  return lineChart({
    ...head('speed', `Mean speed over epochs: ${title}`),
    description: `Mean speed of all cars, one curve for each method with its 95 % band over ${seeds.length} seeds; the value beside a name is the mean of the last 10 % of epochs.`,
    xName: 'epoch',
    yName: 'mean speed of all cars (m/s)',
    series: speedSeries(methods),
    lines: lines.map(({ name, meanSpeed }) => ({ name, value: fixed(meanSpeed, 2), y: meanSpeed })),
  })
}

/** A panel for each method: its curve and its band before the curves of all others. */
export function speedPanels({ methods, lines }: Analysis): Chart[] {
  const all = speedSeries(methods)
  return all.map((shown) =>
    curvePanel({
      ...head(`speed-${shown.label}`, shown.label),
      description: `${shown.label}: mean speed with its 95 % band over seeds, ${shown.value} m/s in the last 10 % of epochs; thin lines are the other methods, dotted ones the controllers.`,
      xName: 'epoch',
      yName: 'm/s',
      shown,
      all,
      lines: lines.map(({ meanSpeed }) => meanSpeed),
    }),
  )
}

function speedSeries(methods: readonly MethodAnalysis[]): Series[] {
  return methods.map(({ label, metrics, curve }, index) => ({
    label,
    index,
    value: fixed(metrics.final.mean, 2),
    points: curve.map((point) => ({ ...point, x: (point.from + 1 + point.to) / 2 })),
  }))
}

/** Paired differences of every method to `reference`, a panel for each metric. */
export function differenceChart({ comparisons, methods }: Analysis, reference: string): Chart {
  const found = comparisons.filter((comparison) => comparison.reference === reference)
  const rows = methods.filter(({ label }) => found.some(({ method }) => method === label))
  return intervalChart({
    ...head(`difference-${reference}`, `Paired differences to ${reference}`),
    description: `Mean speed of each method minus that of ${reference}, paired by seed, with 95 % intervals; filled where the interval excludes 0.`,
    panels: metricNames.map((metric) => metricTitles[metric]),
    xName: `m/s more than ${cut(reference, 24)}`,
    mark: 0,
    rows: rows.map(({ label }) => ({
      label,
      values: metricNames.flatMap((metric) =>
        found
          .filter((comparison) => comparison.method === label && comparison.metric === metric)
          .map((comparison) => ({
            ...comparison,
            strong: comparison.order !== 'unsupported',
            text: `${signed(comparison.mean, 2)} ${rangeText(comparison, (value) => signed(value, 2))}`,
          })),
      ),
    })),
  })
}

/** The letter's Fig. 4: how often the agent of a row found A > 0 for that of a column; or accepted it. */
export function matrixOf({ label, judged }: MethodAnalysis, kind: 'referred' | 'accepted'): Chart {
  const did = kind === 'referred' ? 'found A > 0 for' : 'accepted'
  return matrixChart({
    ...head(`${kind}-${label}`, `${label}: ${kind}`),
    description: `How often the agent of the row ${did} the agent of the column, mean of the runs; agents in descending order of their decision interval.`,
    values: judged.matrices[kind],
    rowTexts: judged.matrices.samples.map((samples) => fixed(samples, 0)),
    rowName: 'samples',
    rowsAre: 'agent that judged',
    columnsAre: kind === 'referred' ? 'agent referred to (A > 0)' : 'agent accepted',
    digits: 0,
  })
}

export function alphaChart({ label, judged }: MethodAnalysis): Chart {
  return histogramChart({
    ...head(`alpha-${label}`, `${label}: α of accepted mixes`),
    description: 'Shares of the mix metric α of recorded mixes that were accepted.',
    histogram: judged.alpha,
    xName: 'α of accepted mixes',
  })
}

export function errorChart({ label, judged }: MethodAnalysis): Chart {
  return histogramChart({
    ...head(`error-${label}`, `${label}: relative standard error of A`),
    description:
      'Shares of the standard error of the policy advantage divided by its absolute value; above 1 it is larger than the advantage itself.',
    histogram: judged.relativeError,
    xName: 'SE / |A|',
  })
}

export function divergenceChart({ methods }: Analysis): Chart | null {
  const shown = methods
    .map((method, index) => ({ ...method, index }))
    .filter(({ judged }) => judged.divergence.length > 0)
  if (shown.length === 0) return null
  return lineChart({
    ...head('divergence', 'KL between agents'),
    description:
      'Mean Kullback–Leibler divergence between the policies of two agents over states of the first, over epochs, with 95 % bands; the value beside a name is the last one.',
    xName: 'epoch',
    yName: 'mean KL between agents (nats)',
    series: shown.map(({ label, index, judged }) => ({
      label,
      index,
      value: fixed(judged.divergence.at(-1)!.kl.mean, 3),
      points: judged.divergence.map(({ epoch, kl }) => ({ ...kl, x: epoch })),
    })),
  })
}

export function acceptanceChart({ methods }: Analysis): Chart | null {
  const shown = methods.filter(({ judged }) => judged.acceptance.trials > 0)
  if (shown.length === 0) return null
  return intervalChart({
    ...head('acceptance', 'Share of considered mixes accepted'),
    description:
      'Mean over seeds of the share of considered mixes that was accepted, with 95 % intervals over seeds; from the recorded mixes where the average is judged.',
    panels: ['accepted of considered'],
    xName: '%',
    span: [0, 100],
    rows: shown.map(({ label, judged: { acceptanceBySeed: found } }) => ({
      label,
      values: [percentMark(found, meanText({ mean: 100 * found.mean, upper: 100 * found.upper }, 1), true)],
    })),
  })
}

/** Final speed under one attack as a share of the same seeds' without it. */
export function attackChart({ attacks }: Analysis, kind: string, attackers: number): Chart {
  return intervalChart({
    ...head(`attack-${kind}-${attackers}`, `Attack ${kind}, ${attackers} of the learners`),
    description:
      'Final speed under the attack as a share of that of the same seed without it, with 95 % intervals over seeds.',
    panels: ['final speed, % of clean'],
    xName: '% of the speed without it',
    mark: 100,
    span: [0, 100],
    rows: attacks
      .filter((row) => row.kind === kind && row.attackers === attackers)
      .map(({ label, ofClean }) => ({
        label,
        values: [
          percentMark(
            ofClean,
            `${percent(ofClean.mean)} ${rangeText(ofClean, (share) => fixed(100 * share, 0))}`,
            true,
          ),
        ],
      })),
  })
}

function percentMark(
  { mean, lower, upper }: { readonly mean: number; readonly lower: number; readonly upper: number },
  text: string,
  strong: boolean,
) {
  return {
    mean: 100 * mean,
    lower: 100 * lower,
    upper: 100 * upper,
    strong,
    text: Number.isFinite(mean) ? text : 'no run',
  }
}

/** Ids hold only what a reference from an attribute may hold. */
function head(id: string, title: string): Pick<ChartHead, 'id' | 'title'> {
  return { id: `chart-${id.replace(/[^A-Za-z0-9-]/g, (character) => `_${character.codePointAt(0)}_`)}`, title }
}
