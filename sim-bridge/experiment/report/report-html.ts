import type { Analysis } from './analysis.ts'
import { evaluationSection } from './evaluation-section.ts'
import { list, paragraph, section } from './html.ts'
import { judgingSections } from './judging-sections.ts'
import { attackSection, comparisonSection, rawSection, speedSection } from './report-sections.ts'
import { reportStyle } from './report-style.ts'
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
  const body = element(
    'main',
    {},
    element('h1', {}, escapeText(title)),
    paragraph(`${counted(methods.length, 'method')}, ${counted(seeds.length, 'seed')}, ${counted(epochs, 'epoch')}`),
    ...sections,
  )
  const head = element(
    'head',
    {},
    element('meta', { charset: 'utf-8' }),
    element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    element('meta', { name: 'color-scheme', content: 'light dark' }),
    element('title', {}, escapeText(title)),
    element('style', {}, `\n${reportStyle}\n`),
  )
  const page = element('html', { lang: 'en' }, head, element('body', {}, body))
  return `<!DOCTYPE html>\n${page.replaceAll('><', '>\n<')}\n`
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
