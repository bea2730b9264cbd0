import { proportionText } from '../statistics/clopper-pearson.ts'
import type { Analysis } from './analysis.ts'
import { caveats, orders } from './statements.ts'
import { counted, fixed, meanText, percent, rangeText, wrap } from './text.ts'

const width = 100

/** The findings as text of at most 100 columns. */
export function summaryText(analysis: Analysis): string {
  const { title, methods, epochs, lines } = analysis
  const text = [
    ...wrap(title, width),
    `${counted(methods.length, 'method')}, ${counted(analysis.seeds.length, 'seed')}, ${counted(epochs, 'epoch')}; mean speed of all cars, m/s, ± 95 %`,
    '',
    ...table(
      ['method', 'n', 'first 20 %', 'all epochs', 'last 10 %', '× drivers', 'crashes'],
      methods.map(({ label, seeds, metrics, timesDrivers, collisions }) => [
        label,
        String(seeds.length),
        meanText(metrics.early),
        meanText(metrics.whole),
        meanText(metrics.final),
        meanText(timesDrivers, 2),
        String(collisions),
      ]),
    ),
  ]
  if (lines.length > 0) {
    text.push('', 'Lines (no learning), m/s:')
    for (const { name, meanSpeed, collisions } of lines)
      text.push(
        ...wrap(
          `${fixed(meanSpeed)}  ${name}${collisions > 0 ? ` (${counted(collisions, 'collision')})` : ''}`,
          width,
          '  ',
          '         ',
        ),
      )
  }
  text.push(
    ...evaluationLines(analysis),
    ...orderLines(analysis),
    ...judgingLines(analysis),
    ...attackLines(analysis),
    '',
  )
  for (const caveat of caveats(analysis)) text.push(...wrap(caveat, width))
  // A terminal obeys control characters.
  return `${text.map((line) => line.replace(/\p{Cc}/gu, '')).join('\n')}\n`
}

function evaluationLines({ evaluations }: Analysis): string[] {
  if (evaluations.length === 0) return []
  return [
    '',
    'Policies alone, mean speed of all cars, m/s (crashes: trained / drivers)',
    ...table(
      ['method', 'world', 'drivers', 'throttle', 'untrained', 'trained', '× drivers [95 %]', 'crashes', 'gain kept'],
      evaluations.map((row) => [
        ...[row.label, row.sim],
        ...[row.drivers, row.fullThrottle, row.untrained].map(({ mean }) => fixed(mean, 2)),
        ...[
          meanText(row.trained, 2),
          `${fixed(row.timesDrivers.mean)} ${rangeText(row.timesDrivers, (x) => fixed(x))}`,
        ],
        ...[`${row.collisions.trained} / ${row.collisions.drivers}`, row.gainKept ? percent(row.gainKept.mean) : '–'],
      ]),
    ),
  ]
}

function orderLines(analysis: Analysis): string[] {
  if (analysis.comparisons.length === 0) return []
  const found = orders(analysis)
  const list = (of: 'supported' | 'unsupported') =>
    found.flatMap(({ title, [of]: sentences }) => [
      `  ${title}${sentences.length === 0 ? ': none' : ''}`,
      ...sentences.flatMap((sentence) => wrap(sentence, width, '    ', '      ')),
    ])
  return [
    '',
    'Orders supported (the 95 % interval of the paired difference excludes 0)',
    ...list('supported'),
    '',
    'Orders not supported (the interval holds 0)',
    ...list('unsupported'),
  ]
}

function judgingLines({ methods }: Analysis): string[] {
  const judging = methods.filter(({ judged }) => judged.acceptance.trials > 0)
  if (judging.length === 0) return []
  return [
    '',
    'Mixes: share accepted of those considered; rank correlation of samples and accepted mixes',
    ...table(
      ['method', 'accepted', 'samples–accepts', 'median α', 'median SE/|A|'],
      judging.map(({ label, judged }) => [
        label,
        proportionText(judged.acceptance),
        judged.samplesAccepts.count > 0 ? meanText(judged.samplesAccepts, 2) : '–',
        fixed(judged.alpha.quartiles[1]),
        fixed(judged.relativeError.quartiles[1], 2),
      ]),
    ),
  ]
}

function attackLines({ attacks }: Analysis): string[] {
  const kinds = new Map(attacks.map(({ kind, attackers }) => [`${kind}-${attackers}`, { kind, attackers }] as const))
  return [...kinds.values()].flatMap(({ kind, attackers }) => [
    '',
    `Attack ${kind}, ${counted(attackers, 'attacker')}`,
    ...table(
      ['method', 'final', 'of clean [95 %]', 'worst', 'forced', 'crashes', 'poison in', 'honest in'],
      attacks
        .filter((row) => row.kind === kind && row.attackers === attackers)
        .map((row) => [
          row.label,
          meanText(row.final, 2),
          `${percent(row.ofClean.mean)} ${rangeText(row.ofClean, (share) => fixed(100 * share, 0))}`,
          fixed(row.worstLearner.mean, 2),
          fixed(row.forcedBrakings.mean, 1),
          String(row.collisions),
          row.poisoned.trials > 0 ? percent(row.poisoned.rate, 1) : '–',
          row.honest.trials > 0 ? percent(row.honest.rate, 1) : '–',
        ]),
    ),
  ])
}

const longest = 16

/** Columns aligned, the first left; a first entry that is too long stands on a line of its own. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const first = Math.min(longest, Math.max(...[heads, ...rows].map((row) => row[0]!.length)))
  const widths = heads.map((_, i) => Math.max(...[heads, ...rows].map((row) => row[i]?.length ?? 0)))
  return [heads, ...rows].flatMap((row) => {
    const cells = row.slice(1).map((cell, i) => `  ${cell.padStart(widths[i + 1]!)}`)
    const name = row[0]!
    return name.length > first ? [name, ' '.repeat(first) + cells.join('')] : [name.padEnd(first) + cells.join('')]
  })
}
