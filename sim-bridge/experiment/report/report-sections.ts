import { proportionText } from '../statistics/clopper-pearson.ts'
import type { Analysis, MethodAnalysis } from './analysis.ts'
import {
  acceptanceChart,
  alphaChart,
  attackChart,
  differenceChart,
  divergenceChart,
  errorChart,
  matrixOf,
  speedChart,
} from './figures.ts'
import type { HistogramCounts } from './histogram.ts'
import { code, paragraph, plotHtml, section, type Table, tableHtml } from './html.ts'
import { metricTitles } from './metrics.ts'
import { element, escapeText } from './svg.ts'
import { fixed, grouped, meanText, percent, pText, rangeText, signed } from './text.ts'

/** Speeds of methods and lines. */
export function speedSection(analysis: Analysis): string {
  const { methods, lines } = analysis
  const curves: Table = {
    caption: 'Mean speed of all cars, m/s, ± half the 95 % interval over seeds, by epochs',
    heads: ['epochs', ...methods.map(({ label }) => label)],
    rows: longestCurve(methods).map(({ from, to }, i) => [
      to - from > 1 ? `${from + 1}–${to}` : `${to}`,
      ...methods.map(({ curve }) => (curve[i] ? meanText(curve[i]) : '–')),
    ]),
  }
  return section(
    'speed',
    'Speed',
    plotHtml(speedChart(analysis), curves),
    tableHtml({
      caption:
        'Mean speed of all cars, m/s, ± half the 95 % interval over seeds; × drivers: last 10 % divided by the drivers alone',
      heads: [
        'method',
        'seeds',
        'first 20 %',
        'all epochs',
        'last 10 %',
        '× drivers',
        'worst learner',
        'forced brakings / epoch',
        'collisions',
      ],
      rows: methods.map(({ label, seeds, metrics, timesDrivers, worstLearner, forcedBrakings, collisions }) => [
        label,
        String(seeds.length),
        meanText(metrics.early),
        meanText(metrics.whole),
        meanText(metrics.final),
        meanText(timesDrivers, 2),
        meanText(worstLearner, 2),
        meanText(forcedBrakings, 1),
        String(collisions),
      ]),
    }),
    ...(lines.length === 0
      ? []
      : [
          tableHtml({
            caption: 'Lines: controllers that do not learn, in the same world',
            heads: ['line', 'mean speed, m/s', 'collisions'],
            rows: lines.map(({ name, meanSpeed, collisions }) => [name, fixed(meanSpeed), String(collisions)]),
          }),
        ]),
  )
}

/** A forest plot for each reference. */
export function comparisonSection(analysis: Analysis): string[] {
  const references = [...new Set(analysis.comparisons.map(({ reference }) => reference))]
  if (references.length === 0) return []
  return [
    section(
      'differences',
      'Paired differences',
      ...references.map((reference) =>
        plotHtml(differenceChart(analysis, reference), {
          caption: `Mean speed minus that of ${reference}, m/s, paired by seed`,
          heads: [
            'method',
            'metric',
            'difference',
            '95 % t-interval',
            'bootstrap 95 %',
            'faster in',
            'p',
            'Holm p',
            'order',
          ],
          rows: analysis.comparisons
            .filter((comparison) => comparison.reference === reference)
            .map((comparison) => [
              comparison.method,
              metricTitles[comparison.metric],
              signed(comparison.mean),
              rangeText(comparison),
              rangeText({ lower: comparison.bootstrapLower, upper: comparison.bootstrapUpper }),
              `${comparison.larger} of ${comparison.count}`,
              pText(comparison.pValue),
              pText(comparison.holm),
              comparison.order,
            ]),
        }),
      ),
    ),
  ]
}

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
          row(
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
          row(
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

/** A plot and a table for each attack. */
export function attackSection(analysis: Analysis): string[] {
  const { attacks } = analysis
  const kinds = new Map(attacks.map(({ kind, attackers }) => [`${kind}-${attackers}`, { kind, attackers }] as const))
  if (kinds.size === 0) return []
  return [
    section(
      'attacks',
      'Bad peers',
      ...[...kinds.values()].map(({ kind, attackers }) =>
        plotHtml(attackChart(analysis, kind, attackers), {
          caption: `Attack ${kind}, ${attackers} attackers`,
          heads: [
            'method',
            'seeds',
            'final, m/s',
            '% of clean',
            '95 %',
            'worst learner, m/s',
            'forced brakings / epoch',
            'collisions',
            'poisoned accepted',
            'honest accepted',
          ],
          rows: attacks
            .filter((found) => found.kind === kind && found.attackers === attackers)
            .map((found) => [
              found.label,
              String(found.seeds.length),
              meanText(found.final),
              percent(found.ofClean.mean, 1),
              rangeText(found.ofClean, (share) => fixed(100 * share, 1)),
              meanText(found.worstLearner, 2),
              meanText(found.forcedBrakings, 1),
              String(found.collisions),
              proportionText(found.poisoned),
              proportionText(found.honest),
            ]),
        }),
      ),
    ),
  ]
}

/** All runs, the study itself, and what ran it. */
export function rawSection({ runs, study, software, seeds, missing }: Analysis): string {
  return section(
    'raw',
    'Runs, commands, versions',
    element(
      'details',
      {},
      element('summary', {}, `all ${runs.length} runs`),
      tableHtml({
        caption: 'Mean speed, m/s',
        heads: [
          'run',
          'seed',
          'first 20 %',
          'all epochs',
          'last 10 %',
          'drivers',
          'collisions',
          'forced brakings',
          'job',
        ],
        rows: runs.map(({ label, attack, seed, metrics, baseline, collisions, forcedBrakings, jobHash }) => [
          attack ? `${label}@${attack.kind}-${attack.attackers}` : label,
          String(seed),
          fixed(metrics.early, 4),
          fixed(metrics.whole, 4),
          fixed(metrics.final, 4),
          fixed(baseline, 4),
          String(collisions),
          String(forcedBrakings),
          jobHash.slice(0, 12),
        ]),
      }),
    ),
    ...(missing.length > 0 ? [paragraph(`Missing runs: ${missing.join(', ')}`)] : []),
    paragraph(`Seeds: ${seeds.join(' ')}`),
    paragraph('To run the study again, save this as study.json:'),
    code(JSON.stringify(study, null, 1)),
    code('npx trustmix experiment sweep study.json'),
    tableHtml({
      caption: 'Software',
      heads: ['part', 'version'],
      rows: Object.entries(software).sort(([a], [b]) => (a < b ? -1 : 1)),
    }),
  )
}

function longestCurve(methods: readonly MethodAnalysis[]) {
  return methods.map(({ curve }) => curve).reduce((a, b) => (b.length > a.length ? b : a), [])
}

function row(...plots: readonly string[]): string {
  return element('div', { class: 'row' }, ...plots)
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
