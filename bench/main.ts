import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { calibration } from './calibration.ts'
import { fisherForm } from './fisher.ts'
import { learningCore } from './learning-core.ts'
import type { Figure } from './measure.ts'
import { fleetSpeed, roundTrip } from './mqtt.ts'
import { localEpoch, simulator } from './simulation.ts'

const usage = `npm run bench [-- --quick] [-- --json]: figures of this machine; nothing here passes or fails by a time.

  --quick   fewer repetitions and smaller work
  --json    one JSON object on stdout`

/** Runs all benchmarks one after the other; `print` is told of each figure as it comes. */
async function measure(quick: boolean, print: (figure: Figure) => void): Promise<Report> {
  const figures: Figure[] = []
  const add = (...found: readonly Figure[]): void => {
    for (const figure of found) {
      figures.push(figure)
      print(figure)
    }
  }
  const cpu = cpus()
  const machine = { cpu: cpu[0]?.model ?? 'unknown', cores: cpu.length, node: process.version, arch: process.arch }
  add(calibration(quick ? 5 : 15))
  add(...learningCore(quick))
  const fisher = fisherForm(quick)
  add(...fisher.figures)
  add(simulator(quick))
  add(await localEpoch(quick))
  const trip = await roundTrip(quick)
  add(...trip.figures)
  add(...(await fleetSpeed(quick)))
  return {
    machine,
    quick,
    figures,
    ratios: {
      'fisher-materialised / fisher-without-matrix': fisher.ratio,
      'round-trip / round-trip-bare': trip.ratio,
    },
    checks: { 'relative difference of the two q': fisher.relativeDifference },
  }
}

interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly quick: boolean
  readonly figures: readonly Figure[]
  /** Medians of the same run, divided. */
  readonly ratios: Readonly<Record<string, number>>
  readonly checks: Readonly<Record<string, number>>
}

function row({ name, minimum, median, unit, repetitions, about }: Figure): string {
  return `${name.padEnd(22)}${shown(minimum).padStart(12)}${shown(median).padStart(12)}  ${unit.padEnd(12)}${String(repetitions).padStart(3)}  ${about}`
}

function shown(value: number): string {
  return value >= 1_000 ? String(Math.round(value)) : value.toPrecision(4)
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
})
if (values.help) process.stdout.write(`${usage}\n`)
else {
  const print = values.json ? process.stderr : process.stdout
  print.write(
    `${'figure'.padEnd(22)}${'minimum'.padStart(12)}${'median'.padStart(12)}  ${'unit'.padEnd(12)}rep  work\n`,
  )
  const report = await measure(values.quick === true, (figure) => print.write(`${row(figure)}\n`))
  for (const [name, ratio] of Object.entries(report.ratios)) print.write(`${name} = ${shown(ratio)}\n`)
  for (const [name, value] of Object.entries(report.checks)) print.write(`${name} = ${value.toExponential(1)}\n`)
  print.write(
    `${Object.entries(report.machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}\n`,
  )
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
}
