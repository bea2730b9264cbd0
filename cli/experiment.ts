import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sha256 } from '../device/identity.ts'
import { ExitError } from '../schemas/exit.ts'
import type { Study } from '../schemas/study.ts'
import { canonicalJson } from '../sim-bridge/experiment/study/canonical.ts'
import type { Command, CommandIo } from './command.ts'
import { mergeStudies } from './experiment-merge.ts'
import { experimentSpec, readExperimentOptions, type StudyChange } from './experiment-options.ts'
import { runStudy } from './experiment-run.ts'
import { changedStudy } from './experiment-study.ts'
import { theoremCommand } from './experiment-theorem.ts'
import { trueGainCommand } from './experiment-true-gain.ts'
import { verifyResults } from './experiment-verify.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'

/** Studies that come with the package, by the name of the command. */
const shipped: Readonly<
  Record<string, { readonly file: string; readonly study?: Partial<Study>; readonly methods?: readonly string[] }>
> = {
  figure3: { file: 'figure3' },
  figure4: {
    file: 'figure3',
    study: { name: 'figure4', title: 'Who considers and accepts whom' },
    methods: ['gated', 'gated-p0.5'],
  },
  'bad-peers': { file: 'bad-peers' },
  'beyond-drivers': { file: 'beyond-drivers' },
}

/** Commands with options of their own. */
const parts: Readonly<Record<string, Command>> = { theorem: theoremCommand, 'true-gain': trueGainCommand }

/** Runs studies: many seeds and methods, on all cores, resumable, in shards. */
export const experimentCommand: Command = {
  help: `trustmix experiment: a study – every method on every seed – with its tables.

Usage: trustmix experiment figure3|figure4|bad-peers|beyond-drivers [OPTIONS]
       trustmix experiment sweep FILE [OPTIONS]     a study of one's own (docs/experiments.md)
       trustmix experiment merge OUT DIR...         unites shards
       trustmix experiment verify RESULTS.JSON      runs jobs again and compares their hashes
       trustmix experiment theorem [OPTIONS]        Theorem 1 on decision processes with known returns
       trustmix experiment true-gain [OPTIONS]      what accepted and rejected mixes are really worth

figure4 is of the runs of figure3: those that are there are not run again.

${describeToolOptions(experimentSpec)}`,
  async run([name, ...args], io) {
    const part = name === undefined ? undefined : parts[name]
    if (part !== undefined) return part.run(args, io)
    if (name === 'merge') return merge(args, io)
    const [path, ...flags] = name === 'sweep' || name === 'verify' ? args : [shippedPath(name), ...args]
    if (path === undefined || path.startsWith('--'))
      throw new ExitError('usage', `experiment ${name} needs a file, got ${path ?? 'nothing'}`)
    const request = readExperimentOptions(flags)
    if (name === 'verify') return verifyResults(path, request, io)
    const known = shipped[name ?? '']
    const change = { ...request.change, methods: request.change.methods ?? known?.methods }
    const study = { ...changedStudy(path, change), ...known?.study }
    const directory = resolve(request.runDirectory ?? join('runs', defaultDirectory(path, request.change)))
    return runStudy(study, directory, request, io)
  },
}

function shippedPath(name: string | undefined): string {
  if (name === undefined || !Object.hasOwn(shipped, name))
    throw new ExitError(
      'usage',
      `experiment must be one of ${Object.keys(shipped).join(', ')}, sweep, merge, verify, theorem, true-gain; got ${name ?? 'nothing'}`,
    )
  return fileURLToPath(new URL(`../../studies/${shipped[name]?.file}.json`, import.meta.url))
}

/** One per study and change of its configuration, so that a change does not overwrite what was there. */
function defaultDirectory(path: string, { config, quick }: StudyChange): string {
  const changes = Object.keys(config).length === 0 ? '' : `-${sha256(canonicalJson(config)).slice(0, 8)}`
  return `${basename(path, '.json')}${quick ? '-quick' : ''}${changes}`
}

function merge(args: readonly string[], io: CommandIo): Promise<number> {
  const first = args.findIndex((arg) => arg.startsWith('--'))
  const [out, ...directories] = first < 0 ? args : args.slice(0, first)
  const { json } = readToolOptions('experiment', { json: experimentSpec.json }, first < 0 ? [] : args.slice(first))
  if (out === undefined || directories.length === 0)
    throw new ExitError('usage', `experiment merge needs OUT and one DIR or more, got ${args.join(' ') || 'nothing'}`)
  return mergeStudies(
    resolve(out),
    directories.map((directory) => resolve(directory)),
    json,
    io,
  )
}
