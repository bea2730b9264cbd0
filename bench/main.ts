import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Absent } from './absent.ts'
import { calibration } from './calibration.ts'
import { fisherForm } from './fisher.ts'
import { learningCore } from './learning-core.ts'
import type { Figure } from './measure.ts'
import { fleetSpeed, roundTrip } from './mqtt.ts'
import { scalingPlot } from './scaling-plot.ts'
import { simGroup } from './sim.ts'
import { localEpoch, simulator } from './simulation.ts'

const usage = `npm run bench [-- GROUP] [-- --quick] [-- --json]: figures of this machine; nothing here passes or fails by a time.

  GROUP        sim: the embedded simulator beside SUMO; without it the learning core, the simulator and the messages
  --quick      fewer repetitions and smaller work
  --json       one JSON object on stdout
  --svg FILE   with sim: the cost of a car-step over the number of cars as a figure`

/** Runs all benchmarks one after the other; `print` is told of each figure as it comes. */
async function measure(quick: boolean, print: (figure: Figure) => void): Promise<Report> {
  const figures: Figure[] = []
  const add = (...found: readonly Figure[]): void => {
    for (const figure of found) {
      figures.push(figure)
      print(figure)
    }
  }
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
    machine: describeMachine(),
    quick,
    figures,
    ratios: {
      'fisher-materialised / fisher-without-matrix': fisher.ratio,
      'round-trip / round-trip-bare': trip.ratio,
    },
    checks: { 'relative difference of the two q': fisher.relativeDifference },
  }
}

/** The figures of group `sim`; writes the plot where a file is given. */
async function measureSim(quick: boolean, print: (figure: Figure) => void, svg: string | undefined): Promise<Report> {
  const calibrated = calibration(quick ? 5 : 15)
  const { figures, ratios, checks, absent, scaling } = await simGroup(quick)
  const all = [calibrated, ...figures]
  for (const figure of all) print(figure)
  const machine = describeMachine()
  if (svg !== undefined)
    writeFileSync(
      svg,
      scalingPlot(
        scaling,
        `embedded figure eight, loop as long as the cars need, ${machine.cpu}, Node ${machine.node}`,
      ),
    )
  return { machine, quick, figures: all, ratios, checks, absent }
}

function describeMachine(): Readonly<Record<string, string | number>> {
  const cpu = cpus()
  return { cpu: cpu[0]?.model ?? 'unknown', cores: cpu.length, node: process.version, arch: process.arch }
}

interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly quick: boolean
  readonly figures: readonly Figure[]
  /** Medians of the same run, divided. */
  readonly ratios: Readonly<Record<string, number>>
  readonly checks: Readonly<Record<string, number>>
  readonly absent?: readonly Absent[]
}

function row({ name, minimum, median, unit, repetitions, about }: Figure): string {
  return `${name.padEnd(22)}${shown(minimum).padStart(12)}${shown(median).padStart(12)}  ${unit.padEnd(12)}${String(repetitions).padStart(3)}  ${about}`
}

function shown(value: number): string {
  return value >= 1_000 ? String(Math.round(value)) : value.toPrecision(4)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    svg: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const [group] = positionals
if (positionals.length > 1 || (group !== undefined && group !== 'sim')) {
  process.stderr.write(`the group must be sim, got ${positionals.join(' ')}\n`)
  process.exitCode = 2
} else if (values.help) process.stdout.write(`${usage}\n`)
else {
  const print = values.json ? process.stderr : process.stdout
  print.write(
    `${'figure'.padEnd(22)}${'minimum'.padStart(12)}${'median'.padStart(12)}  ${'unit'.padEnd(12)}rep  work\n`,
  )
  const show = (figure: Figure): void => {
    print.write(`${row(figure)}\n`)
  }
  const quick = values.quick === true
  const report = group === 'sim' ? await measureSim(quick, show, values.svg) : await measure(quick, show)
  for (const { name, command, reason } of report.absent ?? []) print.write(`${name} absent: ${command}: ${reason}\n`)
  for (const [name, ratio] of Object.entries(report.ratios)) print.write(`${name} = ${shown(ratio)}\n`)
  for (const [name, value] of Object.entries(report.checks)) print.write(`${name} = ${value.toExponential(1)}\n`)
  print.write(
    `${Object.entries(report.machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}\n`,
  )
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
}
