import { availableParallelism } from 'node:os'
import { configSchema, type PartialConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { parseSetting } from './options.ts'
import { readToolOptions, type ToolOption } from './tool-options.ts'

const { sim, preset, crossing, brake } = configSchema.properties

function choiceOf({ enum: choices, description }: { enum: readonly string[]; description: string }) {
  return { kind: 'choice', choices, description } as const
}

/** The options of `trustmix experiment`. */
export const experimentSpec = {
  'run-dir': {
    kind: 'text',
    placeholder: 'DIR',
    description: 'where results go; given again, it goes on (default runs/NAME)',
  },
  workers: { kind: 'number', integer: true, minimum: 1, maximum: 1024, description: 'threads (default: one per core)' },
  shard: { kind: 'text', placeholder: 'i/n', description: 'only every n-th job, from the i-th (1…n); see merge' },
  methods: { kind: 'text', placeholder: 'A,B', description: 'only these labels of the study' },
  seeds: { kind: 'text', placeholder: 'N|a-b|a,b', description: 'the seeds 1…N, a…b, or those listed' },
  epochs: { kind: 'number', integer: true, minimum: 1, maximum: 1000000, description: 'epochs of every job' },
  sim: choiceOf(sim),
  preset: choiceOf(preset),
  crossing: choiceOf(crossing),
  brake: choiceOf(brake),
  set: {
    kind: 'text',
    placeholder: 'KEY=VALUE',
    description: 'any key of the configuration, for all jobs; repeatable',
  },
  quick: { kind: 'flag', description: 'few seeds, few epochs: whether all works, within a minute' },
  json: { kind: 'flag', description: 'print one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const satisfies Record<string, ToolOption>

export interface ExperimentRequest {
  readonly runDirectory: string | undefined
  readonly workers: number
  readonly shard: Shard | undefined
  readonly change: StudyChange
  readonly json: boolean
}

/** Shard `index` (from 0) of `count`. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/** What the command line changes of a study. */
export interface StudyChange {
  readonly methods: readonly string[] | undefined
  readonly seeds: readonly number[] | undefined
  readonly config: PartialConfig
  readonly quick: boolean
}

/** Reads the flags; ExitError 2 names flag, rule and value found. */
export function readExperimentOptions(args: readonly string[]): ExperimentRequest {
  const { settings, rest } = takeSettings(args)
  const options = readToolOptions('experiment', experimentSpec, rest)
  const named = Object.entries({
    epochs: options.epochs,
    ...{ sim: options.sim, preset: options.preset, crossing: options.crossing, brake: options.brake },
  }).filter(([, value]) => value !== undefined)
  return {
    runDirectory: options['run-dir'],
    workers: options.workers ?? availableParallelism(),
    shard: options.shard === undefined ? undefined : parseShard(options.shard),
    json: options.json,
    change: {
      methods: options.methods?.split(','),
      seeds: options.seeds === undefined ? undefined : parseSeeds(options.seeds),
      config: Object.assign({}, ...settings.map(parseSetting), Object.fromEntries(named)) as PartialConfig,
      quick: options.quick,
    },
  }
}

/** `--set` may come many times, which other flags may not. */
function takeSettings(args: readonly string[]): { settings: string[]; rest: string[] } {
  const settings: string[] = []
  const rest: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg.startsWith('--set=')) settings.push(arg.slice('--set='.length))
    else if (arg === '--set') settings.push(args[++i] ?? '')
    else rest.push(arg)
  }
  return { settings, rest }
}

function parseShard(text: string): Shard {
  const [, i, n] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []
  const [index, count] = [Number(i), Number(n)]
  if (!(index >= 1 && index <= count)) throw new ExitError('usage', `--shard must be i/n with 1 ≤ i ≤ n, got ${text}`)
  return { index: index - 1, count }
}

const mostSeeds = 100_000

function parseSeeds(text: string): number[] {
  const refuse = (): never => {
    throw new ExitError('usage', `--seeds must be N, a-b or a,b,… of whole numbers, at most ${mostSeeds}, got ${text}`)
  }
  const range = /^(?:(\d{1,10})-)?(\d{1,10})$/.exec(text)
  if (!range) return /^\d{1,10}(,\d{1,10})+$/.test(text) ? text.split(',').map(Number) : refuse()
  const [first, last] = [Number(range[1] ?? 1), Number(range[2])]
  if (last < first || last - first >= mostSeeds) return refuse()
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
