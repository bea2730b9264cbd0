import { proportionText } from '../statistics/clopper-pearson.ts'
import type { Analysis, MethodAnalysis } from './analysis.ts'
import { acceptanceChart, alphaChart, divergenceChart, errorChart, matrixOf } from './figures.ts'
import type { HistogramCounts } from './histogram.ts'
import { paragraph, plotHtml, section, sideBySide, type Table, tableHtml } from './html.ts'
import { element, escapeText } from './svg.ts'
import { fixed, grouped, meanText, percent, rangeText, signed } from './text.ts'

/** Who accepted whom, how strongly, how surely, and how far the agents are apart. */
export function judgingSections(analysis: Analysis): string[] {
  const { methods } = analysis
  const sections: string[] = []
  const acceptance = acceptanceChart(analysis)
  if (acceptance) {
    const judging = methods.filter(({ judged }) => judged.acceptance.trials > 0)
    sections.push(
      section(
        'acceptance',
        'Acceptance',
        plotHtml(acceptance, {
          caption: 'Mixes of all clean runs',
          heads: ['method', 'considered', 'accepted', 'share', 'mean over seeds'],
          rows: judging.map(({ label, judged: { acceptance: found, acceptanceBySeed } }) => [
            label,
            grouped(found.trials),
            grouped(found.successes),
            proportionText(found),
            meanText({ mean: 100 * acceptanceBySeed.mean, upper: 100 * acceptanceBySeed.upper }, 1),
          ]),
        }),
        tableHtml({
          caption:
            'Spearman rank correlation, over the agents of a run, of samples and accepted mixes; mean over seeds',
          heads: ['method', 'seeds', 'correlation', '95 % interval'],
          rows: judging.map(({ label, judged: { samplesAccepts: found } }) => [
            label,
            String(found.count),
            fixed(found.mean, 2),
            rangeText(found, (value) => signed(value, 2)),
          ]),
        }),
        ...judging.map(verdictDetails),
      ),
    )
  }
  const peers = methods.filter(({ judged }) => judged.judgesPeers)
  if (peers.length > 0) {
    sections.push(
      section(
        'matrices',
        'Who referred to whom (Fig. 4)',
        paragraph(
          'Agents are counted in descending order of their decision interval, so the last ones have the most samples.',
        ),
        ...peers.map((method) =>
          sideBySide(
            plotHtml(matrixOf(method, 'referred'), matrixTable(method, 'referred')),
            plotHtml(matrixOf(method, 'accepted'), matrixTable(method, 'accepted')),
          ),
        ),
      ),
    )
  }
  const measured = methods.filter(({ judged }) => judged.alpha.count + judged.relativeError.count > 0)
  if (measured.length > 0) {
    sections.push(
      section(
        'distributions',
        'α and SE/|A|',
        ...measured.map((method) =>
          sideBySide(
            plotHtml(alphaChart(method), histogramTable(`${method.label}: α of accepted mixes`, method.judged.alpha)),
            plotHtml(errorChart(method), histogramTable(`${method.label}: SE/|A|`, method.judged.relativeError)),
          ),
        ),
      ),
    )
  }
  const divergence = divergenceChart(analysis)
  if (divergence) {
    sections.push(
      section(
        'divergence',
        'Distance between agents',
        plotHtml(divergence, {
          caption: 'Mean KL between two agents, nats',
          heads: ['method', 'epoch', 'KL', '95 % interval'],
          rows: methods.flatMap(({ label, judged }) =>
            judged.divergence.map(({ epoch, kl }) => [
              label,
              String(epoch),
              fixed(kl.mean, 4),
              rangeText(kl, (value) => fixed(value, 4)),
            ]),
          ),
        }),
      ),
    )
  }
  return sections
}

function verdictDetails({ label, judged }: MethodAnalysis): string {
  return element(
    'details',
    {},
    element('summary', {}, `${escapeText(label)}: verdicts by reason`),
    tableHtml({
      caption: `Verdicts of ${label}, all clean runs`,
      heads: ['reason', 'verdicts'],
      rows: Object.entries(judged.verdicts).map(([reason, found]) => [reason, grouped(found)]),
    }),
  )
}

function matrixTable({ label, judged: { matrices } }: MethodAnalysis, kind: 'referred' | 'accepted'): Table {
  return {
    caption: `${label}: times ${kind} a run; row: the agent that judged, column: the judged one`,
    heads: ['agent', 'interval, s', 'samples', ...matrices[kind].map((_, j) => String(j + 1)), 'of considered'],
    rows: matrices[kind].map((values, i) => [
      String(i + 1),
      fixed(matrices.intervalsS[i]!, 2),
      fixed(matrices.samples[i]!, 0),
      ...values.map((value, j) => (i === j ? '' : fixed(value, 1))),
      percent(total(values) / total(matrices.considered[i] ?? []), 1),
    ]),
  }
}

function total(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function histogramTable(caption: string, { low, high, bins, above, count, quartiles }: HistogramCounts): Table {
  const step = (high - low) / bins.length
  const share = (found: number) => percent(found / count, 1)
  return {
    caption: `${caption}: ${count} values, quartiles ${quartiles.map((value) => fixed(value)).join(', ')}`,
    heads: ['from', 'to', 'count', 'share'],
    rows: [
      ...bins.map((found, i) => [
        fixed(low + i * step, 2),
        fixed(low + (i + 1) * step, 2),
        String(found),
        share(found),
      ]),
      [fixed(high, 2), '∞', String(above), share(above)],
    ],
  }
}
