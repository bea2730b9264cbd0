import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Absent } from './absent.ts'
import { calibration } from './calibration.ts'
import { type CoreReport, coreGroup } from './core/group.ts'
import { deviceProcess } from './device-process.ts'
import { type FloorReport, floorsOf } from './floors.ts'
import type { Figure } from './measure.ts'
import { fleetSpeed, roundTrip } from './mqtt.ts'
import { referenceCalibrationUs, timesAsLong } from './reference-machine.ts'
import { scalingPlot } from './scaling-plot.ts'
import { shown } from './shown.ts'
import { simGroup } from './sim.ts'

const groups = ['core', 'sim', 'mqtt'] as const
type Group = (typeof groups)[number]

const usage = `npm run bench [-- core|sim|mqtt] [-- --quick] [-- --json]: figures of this machine; nothing here passes or fails by a time.

  core         the learning core beside PyTorch, JAX, CleanRL, TensorFlow.js and onnxruntime, where they are found;
               estimators of the Fisher form, scaling, start-up and memory, lateness of control ticks, whole epochs
  sim          the embedded simulator beside SUMO
  mqtt         lock-step, fleet and device as processes over the broker
               without a part all run

  --quick      fewer repetitions and smaller work
  --json       one JSON object on stdout, the tables on stderr
  --cleanrl FILE  CleanRL's ppo_continuous_action.py, whose update loop then takes part
  --svg FILE   with sim: the cost of a car-step over the number of cars as a figure

Environment: TRUSTMIX_PYTHON names the Python that has the peers, TRUSTMIX_BENCH_MODULES folders (separated as in PATH)
whose node_modules has them (bench/README.md).`

interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly quick: boolean
  readonly figures: readonly Figure[]
  /** Medians of the same run, divided. */
  readonly ratios: Readonly<Record<string, number>>
  readonly checks: Readonly<Record<string, number>>
  readonly absent: readonly Absent[]
  readonly core?: CoreReport
  readonly floors: FloorReport
}

/** Runs groups one after the other; tables are printed as they come. */
async function measure(
  chosen: readonly Group[],
  { quick, cleanrl, svg }: { quick: boolean; cleanrl: string | undefined; svg: string | undefined },
  print: (line: string) => void,
): Promise<Report> {
  const machine = describeMachine()
  print(describe(machine))
  const figures: Figure[] = []
  const add = (found: readonly Figure[]): void => {
    figures.push(...found)
    for (const figure of found) print(row(figure))
  }
  const head = `${'figure'.padEnd(22)}${'minimum'.padStart(12)}${'median'.padStart(12)}  ${'unit'.padEnd(12)}rep  work`
  print(head)
  add([calibration(quick ? 5 : 15)])
  print(`calibration of the machine that the floors were set for: ${referenceCalibrationUs} µs CPU`)
  const ratios: Record<string, number> = {}
  const checks: Record<string, number> = {}
  const absent: Absent[] = []
  let core: CoreReport | undefined
  if (chosen.includes('core')) {
    print('')
    core = await coreGroup(quick, cleanrl, (lines) => lines.forEach(print))
    print(`\n${head}`)
    add(core.figures)
    absent.push(...core.absent)
    for (const { name, difference } of core.field) checks[`${name} beside reference`] = difference
  }
  if (chosen.includes('sim')) {
    print(`\n${head}`)
    const sim = await simGroup(quick)
    add(sim.figures)
    Object.assign(ratios, sim.ratios)
    Object.assign(checks, sim.checks)
    absent.push(...sim.absent)
    const title = `embedded figure eight, loop as long as the cars need, ${machine.cpu}, Node ${machine.node}`
    if (svg !== undefined) writeFileSync(svg, scalingPlot(sim.scaling, title))
  }
  if (chosen.includes('mqtt')) {
    print(`\n${head}`)
    const trip = await roundTrip(quick)
    add(trip.figures)
    ratios['round-trip / round-trip-bare'] = trip.ratio
    add(await deviceProcess(quick))
    add(await fleetSpeed(quick))
  }
  const floors = floorsOf(figures, core?.field ?? [])
  return { machine, quick, figures, ratios, checks, absent, ...(core && { core }), floors }
}

function describeMachine(): Readonly<Record<string, string | number>> {
  const cpu = cpus()
  return { cpu: cpu[0]?.model ?? 'unknown', cores: cpu.length, node: process.version, arch: process.arch }
}

function describe(machine: Readonly<Record<string, string | number>>): string {
  return Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

function row({ name, minimum, median, unit, repetitions, about, calibrationUs }: Figure): string {
  const speed = calibrationUs === undefined ? '' : `, calibration ${shown(calibrationUs)} µs meanwhile`
  return `${name.padEnd(22)}${shown(minimum).padStart(12)}${shown(median).padStart(12)}  ${unit.padEnd(12)}${String(repetitions).padStart(3)}  ${about}${speed}`
}

function printEnd({ absent, ratios, checks, core, floors }: Report, print: (line: string) => void): void {
  print('')
  for (const { name, command, reason } of absent) print(`${name} absent: ${command}: ${reason}`)
  for (const [name, ratio] of Object.entries(ratios)) print(`${name} = ${shown(ratio)}`)
  // The tables of the core print their differences beside the times.
  for (const [name, value] of Object.entries(checks))
    if (!name.endsWith('beside reference')) print(`${name} = ${value.toExponential(1)}`)
  const { times, rows } = timesAsLong(core?.field ?? [])
  if (rows > 0)
    print(`\npeers beside the machine that the floors were set for: ${times.toFixed(2)} times as long (${rows} rows)`)
  const columns = ['as set', 'here', 'reached', '× set', '× here', '× peers']
  print(`\n${'floor'.padEnd(48)}${columns.map((name) => name.padStart(11)).join('')}`)
  for (const { name, floor, here, value, unit, margin, marginHere, marginPeers } of floors.rows) {
    const margins = [margin, marginHere, marginPeers].map((times) => times?.toFixed(2) ?? '')
    const numbers = [shown(floor), shown(here), shown(value), ...margins]
    const state = marginHere >= 1 ? 'met' : margin >= 1 ? 'met as set' : 'MISSED'
    print(`${name.padEnd(48)}${numbers.map((text) => text.padStart(11)).join('')}  ${state.padEnd(10)}  ${unit}`)
  }
  if (floors.unmeasured.length > 0) print(`not in this run: ${floors.unmeasured.join('; ')}`)
}

function isGroup(name: string | undefined): name is Group {
  return groups.some((group) => group === name)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    svg: { type: 'string' },
    cleanrl: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const [group] = positionals
if (values.help) process.stdout.write(`${usage}\n`)
else if (positionals.length > 1 || (group !== undefined && !isGroup(group))) {
  process.stderr.write(`the part must be one of ${groups.join(', ')}, got ${positionals.join(' ')}\n`)
  process.exitCode = 2
} else {
  const out = values.json ? process.stderr : process.stdout
  const print = (line: string): void => {
    out.write(`${line}\n`)
  }
  const options = { quick: values.quick === true, cleanrl: values.cleanrl, svg: values.svg }
  const report = await measure(isGroup(group) ? [group] : groups, options, print)
  printEnd(report, print)
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
}
