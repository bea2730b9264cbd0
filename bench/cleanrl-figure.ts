import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { svgToPng } from '../cli/view/png.ts'
import { type Curve, comparisonSvg } from './comparison-figure.ts'
import type { Episode } from './single-agent-ppo.ts'
import { meanOf, tInterval, welchInterval } from './statistics.ts'

const usage = `npm run bench:cleanrl-figure -- --runs DIR --out docs/results/cleanrl: table and figure of the comparison.

DIR holds one file per run: trustmix-N.jsonl (bench:single-agent), cleanrl-N.jsonl (bench/cleanrl.py), and, where they
were run, trustmix-kept-N.jsonl, trustmix-hidden-N.jsonl (--ends kept, hidden) and cleanrl-hidden-N.jsonl (--hidden). Writes OUT.svg, OUT-hidden.svg (where all of
the sides were run; also as .png) and OUT.json, prints the table.

  --from FILE   instead of --runs: draw again from an OUT.json`

/** The comparison is over the first five, on which it was planned; further runs are a table of their own. */
const planned = 5
const seeds = Array.from({ length: 20 }, (_, k) => k + 1)
/** Decisions per point of a curve. */
const binSize = 4096
const sides = [
  { name: 'trustmix', label: 'trustmix', colour: '#1d4ed8' },
  { name: 'cleanrl', label: 'CleanRL', colour: '#c2620a' },
  { name: 'trustmix-hidden', label: 'trustmix, hidden', colour: '#8b6bb1' },
  { name: 'cleanrl-hidden', label: 'CleanRL, hidden', colour: '#be185d' },
  { name: 'trustmix-kept', label: 'trustmix, kept', colour: '#0e9488' },
] as const
const pairs = [
  ['trustmix', 'cleanrl'],
  ['trustmix-hidden', 'cleanrl-hidden'],
  ['trustmix-kept', 'cleanrl'],
] as const

/** Figures by the end of their file's name, with the sides that they show. */
const figures = [
  { suffix: '', drawn: ['trustmix', 'cleanrl', 'trustmix-kept'], about: 'a time limit counts as a termination' },
  { suffix: '-hidden', drawn: ['trustmix-hidden', 'cleanrl-hidden'], about: 'the time limit is not told' },
] as const

/** Per side and seed: mean return per bin of decisions, over the last tenth, and over all. */
interface Runs {
  readonly binSize: number
  readonly runs: readonly {
    readonly side: string
    readonly seed: number
    readonly curve: readonly number[]
    readonly final: number
    readonly finalSpeed: number
    readonly whole: number
  }[]
}

const { values } = parseArgs({
  options: { runs: { type: 'string' }, from: { type: 'string' }, out: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help || values.out === undefined) process.stdout.write(`${usage}\n`)
else {
  const { out } = values
  const read: Runs =
    values.from === undefined ? readRuns(values.runs ?? 'runs') : JSON.parse(readFileSync(values.from, 'utf8'))
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(`${out}.json`, `${JSON.stringify(read)}\n`)
  for (const { suffix, drawn, about } of figures) {
    if (drawn.some((name) => !read.runs.some(({ side }) => side === name))) continue
    const svg = figure(read, drawn, about)
    writeFileSync(`${out}${suffix}.svg`, svg)
    writeFileSync(`${out}${suffix}.png`, await svgToPng(svg, 1040))
  }
  process.stdout.write(table(read.runs.filter(({ seed }) => seed <= planned)))
  if (read.runs.some(({ seed }) => seed > planned)) process.stdout.write(`\nall seeds:\n\n${table(read.runs)}`)
}

function readRuns(folder: string): Runs {
  const runs = sides.flatMap(({ name }) =>
    seeds.flatMap((seed) => {
      let text: string
      try {
        text = readFileSync(join(folder, `${name}-${seed}.jsonl`), 'utf8')
      } catch {
        return []
      }
      const episodes: Episode[] = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const end = episodes.at(-1)?.decision ?? 0
      const last = episodes.filter(({ decision }) => decision > 0.9 * end)
      const returnsOf = (some: readonly Episode[]): number => rounded(meanOf(some.map((episode) => episode.return)))
      return {
        side: name,
        seed,
        curve: Array.from({ length: Math.floor(end / binSize) }, (_, bin) =>
          returnsOf(episodes.filter(({ decision }) => Math.floor((decision - 1) / binSize) === bin)),
        ),
        final: returnsOf(last),
        finalSpeed: rounded(meanOf(last.map(({ meanSpeed }) => meanSpeed))),
        whole: returnsOf(episodes),
      }
    }),
  )
  return { binSize, runs }
}

function rounded(value: number): number {
  return Number(value.toFixed(4))
}

function figure({ runs: all, binSize: size }: Runs, drawn: readonly string[], about: string): string {
  const runs = all.filter(({ seed }) => seed <= planned)
  const curves: Curve[] = sides
    .filter(({ name }) => drawn.includes(name))
    .map(({ name, label, colour }) => {
      const of = runs.filter(({ side }) => side === name)
      const length = Math.min(...of.map(({ curve }) => curve.length))
      const points = Array.from({ length }, (_, bin) => {
        const estimate = tInterval(of.map(({ curve }) => curve[bin] ?? Number.NaN))
        return { x: (bin + 0.5) * size, ...estimate }
      })
      return { label, colour, points }
    })
  return comparisonSvg({
    title: `PPO of trustmix and of CleanRL: ${about}`,
    subtitle:
      'one learner among 13 drivers, return of an epoch of 150 decisions; mean of five seeds, band: 95 % t-interval',
    curves,
    lines: [
      { label: 'drivers', value: 42.26 },
      { label: 'constant action', value: 47.8 },
    ],
  })
}

function table(runs: Runs['runs']): string {
  const of = (name: string, figure: 'final' | 'finalSpeed' | 'whole'): number[] =>
    runs.filter(({ side }) => side === name).map((run) => run[figure])
  const rows = sides
    .filter(({ name }) => of(name, 'final').length > 0)
    .map(({ name, label }) => {
      const cells = (['final', 'finalSpeed', 'whole'] as const).map((figure) => shown(tInterval(of(name, figure))))
      const each = of(name, 'final').map((value) => value.toFixed(2))
      return `| ${label} | ${each.join(', ')} | ${cells.join(' | ')} |`
    })
  const differences = pairs
    .filter((pair) => pair.every((name) => of(name, 'final').length > 1))
    .map(([one, other]) => {
      const cells = (['final', 'finalSpeed', 'whole'] as const).map((figure) =>
        shown(welchInterval(of(one, figure), of(other, figure))),
      )
      return `| ${one} − ${other} | | ${cells.join(' | ')} |`
    })
  return [
    '| side | return of the last tenth, by seed | mean ± 95 % | mean speed of all cars, m/s | return over all training |',
    '|---|---|---|---|---|',
    ...rows,
    ...differences,
    '',
  ].join('\n')
}

function shown({ mean, halfWidth }: { readonly mean: number; readonly halfWidth: number }): string {
  return `${mean.toFixed(2)} ± ${halfWidth.toFixed(2)}`
}
