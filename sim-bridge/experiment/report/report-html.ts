import type { Analysis } from './analysis.ts'
import { evaluationSection } from './evaluation-section.ts'
import { list, pageHtml, paragraph, section } from './html.ts'
import { judgingSections } from './judging-sections.ts'
import { attackSection, comparisonSection, rawSection, speedSection } from './report-sections.ts'
import { caveats, orders } from './statements.ts'
import { element, escapeText } from './svg.ts'
import { counted } from './text.ts'

/** One page that needs nothing else and no script; well-formed as XML too. */
export function reportHtml(analysis: Analysis): string {
  const { title, methods, seeds, epochs } = analysis
  const sections = [
    summarySection(analysis),
    speedSection(analysis),
    ...evaluationSection(analysis),
    ...comparisonSection(analysis),
    ...judgingSections(analysis),
    ...attackSection(analysis),
    rawSection(analysis),
  ]
  const size = `${counted(methods.length, 'method')}, ${counted(seeds.length, 'seed')}, ${counted(epochs, 'epoch')}`
  return pageHtml(title, paragraph(size), ...sections)
}

function summarySection(analysis: Analysis): string {
  const found = orders(analysis)
  const lists = (of: 'supported' | 'unsupported') =>
    found.flatMap(({ title, [of]: sentences }) => [element('h4', {}, escapeText(title)), list(sentences)])
  const compared =
    analysis.comparisons.length === 0
      ? [paragraph('The study names no reference: no order is claimed.')]
      : [
          element('h3', {}, 'Orders supported'),
          paragraph('The 95 % interval of the paired difference excludes 0.'),
          ...lists('supported'),
          element('h3', {}, 'Orders not supported'),
          paragraph('The interval holds 0.'),
          ...lists('unsupported'),
        ]
  return section('summary', 'Summary', list(caveats(analysis)), ...compared)
}
