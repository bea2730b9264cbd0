import t from 'tap'
import { histogramOf } from '../sim-bridge/experiment/report/histogram.ts'
import { axisOf, spread } from '../sim-bridge/experiment/report/scale.ts'
import { wrap } from '../sim-bridge/experiment/report/text.ts'
import { writeReport } from '../sim-bridge/experiment/report/write-report.ts'
import { syntheticStudy } from './support/study-results.ts'
import { wellFormed } from './support/xml.ts'

t.test('histograms count every value once', async (t) => {
  const found = histogramOf([0, 0.24, 0.25, 0.99, 1, 3, -1], 0, 1, 4)
  t.same(found.bins, [3, 1, 0, 2])
  t.equal(found.above, 1)
  t.equal(found.quartiles[1], 0.25)
})

t.test('labels keep their distance and their order, as near to their places as that allows', async (t) => {
  t.same(spread([10, 12, 60], 10, 0, 100), [6, 16, 60])
  t.same(spread([98, 99], 10, 0, 100), [90, 100])
  t.same(spread([0, 0, 0], 10, 0, 100), [0, 10, 20])
})

t.test('an axis holds all its values', async (t) => {
  t.same(axisOf([0.3, 7.4], 4).ticks, [0, 2, 4, 6, 8])
  t.same(axisOf([-0.26, 0.14], 3).ticks, [-0.4, -0.2, 0, 0.2])
  t.same(axisOf([], 2).ticks, [0, 0.5, 1])
  t.equal(axisOf([5, 5], 3).ticks.length, 2)
})

t.test('long words are broken', async (t) => {
  t.same(wrap('ab cde fghijklm', 6, '- ', '  '), ['- ab', '  cde', '  fghi', '  jklm'])
})

const labels = ['independent', 'average', 'fixed', 'gated', 'gated-link-0.5', 'x'.repeat(40)]

t.test('a full report', async (t) => {
  const results = syntheticStudy(labels, 4, 30)
  const files = new Map<string, string>()
  writeReport(results, (name, content) => files.set(name, content))
  t.same([...files.keys()].slice(0, 5), ['report.html', 'report.json', 'summary.txt', 'figure3.svg', 'figure4.svg'])

  const html = files.get('report.html')!
  t.equal(wellFormed(html.replace('<!DOCTYPE html>', '')), 'ok')
  for (const [name, content] of files) if (name.endsWith('.svg')) t.equal(wellFormed(content), 'ok', name)
  t.notMatch(html, /<script|https?:|<link|NaN|Infinity|undefined/)
  t.notMatch(files.get('figure3.svg')!, /NaN|Infinity|undefined/)
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!)
  t.equal(new Set(ids).size, ids.length, 'every id once')
  for (const [, refs] of html.matchAll(/aria-labelledby="([^"]*)"/g))
    for (const ref of refs!.split(' ')) if (!ids.includes(ref)) t.fail(`nothing is ${ref}`)
  const count = (text: string) => html.split(text).length - 1
  t.ok(count('<figure') > 20)
  t.equal(count('<svg'), count('<figure'))
  t.equal(count('<desc'), count('<svg'))
  t.ok(count('<details') >= count('<figure'), 'each plot has its table')

  for (const line of files.get('summary.txt')!.split('\n')) if ([...line].length > 100) t.fail(line)

  const again = new Map<string, string>()
  writeReport({ ...results, jobs: [...results.jobs].reverse() }, (name, content) => again.set(name, content))
  t.same(again, files, 'the order of jobs changes no byte')
  const numbers = JSON.parse(files.get('report.json')!) as { methods: { label: string; curve: object[] }[] }
  t.same(
    numbers.methods.map(({ label }) => label),
    labels,
  )
  t.equal(numbers.methods[0]!.curve.length, 30)
})

t.test('no text of a study becomes markup', async (t) => {
  const evil = '"><script>alert(1)</script>&\u0007'
  const results = syntheticStudy(['independent', evil, 'gated', `${evil}2`], 2, 10)
  const files = new Map<string, string>()
  const study = { ...results.study, title: evil, name: evil }
  const lines = [{ name: evil, meanSpeed: 5, collisions: 1 }]
  writeReport({ ...results, study, lines, software: { [evil]: evil } }, (name, content) => files.set(name, content))
  for (const [name, content] of files) {
    if (name.endsWith('.json') || name.endsWith('.txt')) continue
    t.notMatch(content, '<script', name)
    t.equal(wellFormed(content.replace('<!DOCTYPE html>', '')), 'ok', name)
  }
})
