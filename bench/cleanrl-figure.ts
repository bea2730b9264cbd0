import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { svgToPng } from '../cli/view/png.ts'
import { type Curve, comparisonSvg } from './comparison-figure.ts'
import type { Episode } from './single-agent-ppo.ts'
import { meanOf, tInterval, welchInterval } from './statistics.ts'

const usage = `npm run bench:cleanrl-figure -- --runs DIR --out docs/results/cleanrl: table and figure of the comparison.

DIR holds one file per run: trustmix-N.jsonl (bench:single-agent), cleanrl-N.jsonl (bench/cleanrl.py), and, if it was
run, trustmix-kept-N.jsonl (--ends kept). Writes OUT.svg, OUT.png and OUT.json, prints the table.

  --from FILE   instead of --runs: draw again from an OUT.json`

const seeds = [1, 2, 3, 4, 5]
/** Decisions per point of a curve. */
const binSize = 4096
const sides = [
  { name: 'trustmix', label: 'trustmix', colour: '#1d4ed8' },
  { name: 'cleanrl', label: 'CleanRL', colour: '#c2620a' },
  { name: 'trustmix-kept', label: 'trustmix, ends kept', colour: '#0e9488' },
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
  const svg = figure(read)
  writeFileSync(`${out}.svg`, svg)
  writeFileSync(`${out}.png`, await svgToPng(svg, 1040))
  process.stdout.write(table(read))
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

function figure({ runs, binSize: size }: Runs): string {
  const curves: Curve[] = sides.slice(0, 2).map(({ name, label, colour }) => {
    const of = runs.filter(({ side }) => side === name)
    const length = Math.min(...of.map(({ curve }) => curve.length))
    const points = Array.from({ length }, (_, bin) => {
      const estimate = tInterval(of.map(({ curve }) => curve[bin] ?? Number.NaN))
      return { x: (bin + 0.5) * size, ...estimate }
    })
    return { label, colour, points }
  })
  return comparisonSvg({
    title: 'PPO of trustmix and of CleanRL, the same task and hyperparameters',
    subtitle:
      'one learner among 13 drivers, return of an epoch of 150 decisions; mean of five seeds, band: 95 % t-interval',
    curves,
    lines: [{ label: 'drivers', value: 42.26 }],
  })
}

function table({ runs }: Runs): string {
  const of = (name: string, figure: 'final' | 'finalSpeed' | 'whole'): number[] =>
    runs.filter(({ side }) => side === name).map((run) => run[figure])
  const rows = sides
    .filter(({ name }) => of(name, 'final').length > 0)
    .map(({ name, label }) => {
      const cells = (['final', 'finalSpeed', 'whole'] as const).map((figure) => shown(tInterval(of(name, figure))))
      const each = of(name, 'final').map((value) => value.toFixed(2))
      return `| ${label} | ${each.join(', ')} | ${cells.join(' | ')} |`
    })
  const difference = (name: string): string => {
    const cells = (['final', 'finalSpeed', 'whole'] as const).map((figure) =>
      shown(welchInterval(of(name, figure), of('cleanrl', figure))),
    )
    return `| ${name} − cleanrl | | ${cells.join(' | ')} |`
  }
  const differences = ['trustmix', 'trustmix-kept'].filter((name) => of(name, 'final').length > 0).map(difference)
  return [
    '| side | return of the last tenth, seeds 1 to 5 | mean ± 95 % | mean speed of all cars, m/s | return over all training |',
    '|---|---|---|---|---|',
    ...rows,
    ...differences,
    '',
  ].join('\n')
}

function shown({ mean, halfWidth }: { readonly mean: number; readonly halfWidth: number }): string {
  return `${mean.toFixed(2)} ± ${halfWidth.toFixed(2)}`
}
