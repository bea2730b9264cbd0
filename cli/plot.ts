import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeAtomically } from '../device/checkpoint.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { decodeTrajectory, type Trajectory } from '../sim-bridge/trajectory/trajectory.ts'
import { trajectoryFile, trajectoryNames } from '../sim-bridge/trajectory/trajectory-files.ts'
import type { Command } from './command.ts'
import { drivenWorldSpec, recordEpoch } from './driven-world.ts'
import { damagedUnless, readBytes } from './tensor-file.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'
import { compareWithTraining } from './trained-world.ts'
import { drawEpoch, type EpochFigures, epochName, scalesOf, showEpoch } from './trajectory-figures.ts'
import { svgToPng } from './view/png.ts'
import { worldConfig } from './world-options.ts'

const spec = {
  epoch: {
    kind: 'choice',
    choices: ['baseline', 'first', 'last', 'all'],
    default: 'all',
    description: 'which epoch of a run',
  },
  out: { kind: 'text', placeholder: 'DIR', description: 'folder for the pictures (default: RUN-DIR/plots)' },
  ...drivenWorldSpec,
  json: { kind: 'flag', description: 'print one JSON object: files and figures' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** Pixels; the SVG has as many units. */
const pngWidth = 1200

/** Draws recorded epochs: time–space diagram, speed curves, use of the crossing. */
export const plotCommand: Command = {
  help: `trustmix plot: pictures of recorded epochs, as SVG and PNG: position over time with the speed as colour, speeds, who used the crossing.

Usage: trustmix plot RUN-DIR [--epoch baseline|first|last|all] [--out DIR] [--json]
       trustmix plot FILE.safetensors --out DIR
       trustmix plot --controller headway:5 --preset flow --out DIR
       trustmix plot --policies RUN-DIR/policies --out DIR

A run keeps its drivers' baseline, its first and its newest epoch in RUN-DIR/trajectories. The last two forms drive one
epoch and draw it. PNG needs the optional packages; without them only SVG is written, which is said.

${describeToolOptions(spec)}

Exit codes: 0 ok, 2 no such run or file or bad usage, 3 SUMO not available, 4 damaged file.`,
  async run(args, io) {
    const { source, rest } = splitSource(args)
    const options = readToolOptions('plot', spec, rest)
    const drives = options.controller !== undefined || options.policies !== undefined
    if (source !== undefined && drives)
      throw new ExitError('usage', `a run is drawn or an epoch driven, got ${source} and --controller or --policies`)
    const out = options.out ?? defaultOut(source)
    if (options.policies !== undefined) compareWithTraining(options.policies, worldConfig(options), io.print)
    const named = source === undefined ? new Map([['epoch', await recordEpoch(options)]]) : read(source, options.epoch)
    const shown = new Map([...named].map(([name, trajectory]) => [name, showEpoch(trajectory)]))
    const scales = scalesOf([...shown.values()], shown.get('baseline')?.figures.meanSpeed)
    const files: string[] = []
    const figures: Record<string, EpochFigures> = {}
    let png = true
    for (const [name, epoch] of shown) {
      figures[name] = epoch.figures
      const { driver } = epoch.trajectory
      const title = !drives ? epochName(epoch.trajectory) : driver === 'none' ? 'drivers alone' : driver
      for (const [picture, svg] of drawEpoch(title, epoch, scales)) {
        const path = join(out, `${picture}-${name}`)
        files.push(write(`${path}.svg`, svg))
        if (!png) continue
        try {
          files.push(write(`${path}.png`, await svgToPng(svg, pngWidth)))
        } catch (error) {
          if (error instanceof ExitError) throw error
          png = false
          io.print(`SVG only: ${(error as Error).message}`)
        }
      }
    }
    io.output(options.json ? `${JSON.stringify({ files, figures })}\n` : describe(files, figures))
    return exitCodes.ok
  },
}

/** The one argument that is not an option. */
function splitSource(args: readonly string[]): { source: string | undefined; rest: string[] } {
  const options = Object.fromEntries(
    Object.entries(spec).map(([name, { kind }]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' } as const]),
  )
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  const positionals = tokens.filter((token) => token.kind === 'positional')
  const known = tokens.every((token) => token.kind !== 'option' || Object.hasOwn(spec, token.name))
  // What follows an unknown option is its value; that option is refused where options are read.
  if (known && positionals.length > 1)
    throw new ExitError(
      'usage',
      `plot takes one run or file, got ${positionals.map(({ value }) => value).join(' and ')}`,
    )
  const places = new Set(positionals.map(({ index }) => index))
  return { source: positionals[0]?.value, rest: args.filter((_, i) => !places.has(i)) }
}

function defaultOut(source: string | undefined): string {
  if (source === undefined) throw new ExitError('usage', '--out is needed where no run is drawn, got nothing')
  return isFile(source) ? join(dirname(source), 'plots') : join(source, 'plots')
}

/** A run's epochs, or the one of a file, by name; ExitError 2 where there is none, 4 where it is damaged. */
function read(source: string, epoch: string): Map<string, Trajectory> {
  const decode = (path: string): Trajectory => {
    const bytes = readBytes(path)
    return damagedUnless(path, () => decodeTrajectory(bytes))
  }
  if (isFile(source)) return new Map([[basename(source).replace(/\.safetensors$/, ''), decode(source)]])
  const wanted = trajectoryNames.filter((name) => epoch === 'all' || name === epoch)
  const there = wanted.filter((name) => existsSync(trajectoryFile(source, name)))
  if (there.length === 0)
    throw new ExitError(
      'usage',
      `${source} must be a run with recorded epochs or a trajectory file, got neither ${wanted.map((name) => trajectoryFile(source, name)).join(' nor ')}`,
    )
  return new Map(there.map((name) => [name, decode(trajectoryFile(source, name))]))
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function write(path: string, content: string | Uint8Array): string {
  try {
    writeAtomically(path, content)
  } catch (error) {
    throw new ExitError('usage', `--out: ${(error as Error).message}`)
  }
  return path
}

function describe(files: readonly string[], figures: Readonly<Record<string, EpochFigures>>): string {
  const rows = Object.entries(figures).map(([name, { meanSpeed, entriesPerMinute, meanEntrySpeed, order }]) => {
    const crossing =
      entriesPerMinute === null
        ? ''
        : `  ${entriesPerMinute.toFixed(1)} entries a minute at ${meanEntrySpeed?.toFixed(2) ?? '–'} m/s  ${order}`
    return `${name.padEnd(10)}mean speed ${meanSpeed.toFixed(2)} m/s${crossing}`
  })
  return `${[...rows, ...files].join('\n')}\n`
}
