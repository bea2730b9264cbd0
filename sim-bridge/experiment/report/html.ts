import { type Chart, inlineChart } from './chart.ts'
import { reportStyle } from './report-style.ts'
import { element, escapeText } from './svg.ts'

export interface Table {
  readonly caption: string
  readonly heads: readonly string[]
  /** The first cell of a row is its head. */
  readonly rows: readonly (readonly string[])[]
}

/** A page that needs nothing else and no script; well-formed as XML too. `content` stands below its title. */
export function pageHtml(title: string, ...content: readonly string[]): string {
  const head = element(
    'head',
    {},
    element('meta', { charset: 'utf-8' }),
    element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    element('meta', { name: 'color-scheme', content: 'light dark' }),
    element('title', {}, escapeText(title)),
    element('style', {}, `\n${reportStyle}\n`),
  )
  const main = element('main', {}, element('h1', {}, escapeText(title)), ...content)
  const page = element('html', { lang: 'en' }, head, element('body', {}, main))
  return `<!DOCTYPE html>\n${page.replaceAll('><', '>\n<')}\n`
}

/** A table that scrolls by itself where the page is too narrow. */
export function tableHtml({ caption, heads, rows }: Table): string {
  const head = heads.map((text) => element('th', { scope: 'col' }, escapeText(text)))
  const body = rows.map((cells) =>
    element(
      'tr',
      {},
      ...cells.map((text, i) =>
        i === 0 ? element('th', { scope: 'row' }, escapeText(text)) : element('td', {}, escapeText(text)),
      ),
    ),
  )
  return scrolled(
    caption,
    element(
      'table',
      {},
      element('caption', {}, escapeText(caption)),
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...(body.length > 0 ? body : [element('tr', {}, element('td', {}, '–'))])),
    ),
  )
}

/** A plot with its caption, and the same numbers as a table that is `open` or to be opened. */
export function plotHtml(chart: Chart, table: Table, open = false): string {
  return element(
    'figure',
    { class: chart.width > 500 ? 'wide' : 'narrow' },
    element('figcaption', {}, escapeText(chart.title)),
    scrolled(chart.title, inlineChart(chart)),
    element('p', { class: 'note' }, escapeText(chart.description)),
    element('details', open ? { open: 'open' } : {}, element('summary', {}, 'as a table'), tableHtml(table)),
  )
}

export function section(id: string, title: string, ...content: readonly string[]): string {
  return element(
    'section',
    { id, 'aria-labelledby': `${id}-head` },
    element('h2', { id: `${id}-head` }, escapeText(title)),
    ...content,
  )
}

/** Plots beside each other as far as there is room. */
export function sideBySide(...plots: readonly string[]): string {
  return element('div', { class: 'row' }, ...plots)
}

export function paragraph(text: string): string {
  return element('p', {}, escapeText(text))
}

export function list(items: readonly string[]): string {
  return items.length === 0
    ? paragraph('none')
    : element('ul', {}, ...items.map((item) => element('li', {}, escapeText(item))))
}

export function code(text: string): string {
  return element('pre', { tabindex: 0 }, element('code', {}, escapeText(text)))
}

function scrolled(name: string, content: string): string {
  return element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name }, content)
}
