import { proportionText } from '../statistics/clopper-pearson.ts'
import type { Analysis, MethodAnalysis } from './analysis.ts'
import { attackChart, differenceChart, speedChart, speedPanels } from './figures.ts'
import { code, paragraph, plotHtml, section, sideBySide, type Table, tableHtml } from './html.ts'
import { metricTitles } from './metrics.ts'
import { element } from './svg.ts'
import { fixed, meanText, percent, pText, rangeText, signed } from './text.ts'

/** Speeds of methods and lines. */
export function speedSection(analysis: Analysis): string {
  const { methods, lines } = analysis
  const curves: Table = {
    caption: 'Mean speed of all cars, m/s, ± half the 95 % interval over seeds, by epochs',
    heads: ['epochs', ...methods.map(({ label }) => label)],
    rows: longestCurve(methods).map((point, i) => [
      epochsText(point),
      ...methods.map(({ curve }) => (curve[i] ? meanText(curve[i]) : '–')),
    ]),
  }
  return section(
    'speed',
    'Speed',
    plotHtml(speedChart(analysis), curves),
    sideBySide(...speedPanels(analysis).map((panel, i) => plotHtml(panel, curveTable(methods[i]!)))),
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
        plotHtml(
          attackChart(analysis, kind, attackers),
          {
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
          },
          true,
        ),
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

function curveTable({ label, curve }: MethodAnalysis): Table {
  return {
    caption: `${label}: mean speed of all cars, m/s`,
    heads: ['epochs', 'mean', '95 % interval'],
    rows: curve.map((point) => [epochsText(point), fixed(point.mean), rangeText(point, (value) => fixed(value))]),
  }
}

/** `1–5`, `7`: counted from 1. */
function epochsText({ from, to }: { readonly from: number; readonly to: number }): string {
  return to - from > 1 ? `${from + 1}–${to}` : `${to}`
}

function longestCurve(methods: readonly MethodAnalysis[]) {
  return methods.map(({ curve }) => curve).reduce((a, b) => (b.length > a.length ? b : a), [])
}
