import { loadEngine } from '../device/engines/index.ts'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { type MethodName, methodNames, methodSources } from '../schemas/config-methods.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { summariseGains } from '../sim-bridge/experiment/true-gain/gain-summary.ts'
import { gainText } from '../sim-bridge/experiment/true-gain/gain-text.ts'
import { runTrueGain, type TrueGainRun } from '../sim-bridge/experiment/true-gain/true-gain.ts'
import type { Command } from './command.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'
import { worldConfig, worldSpec } from './world-options.ts'

const { seed: _oneSeed, setting, ...worldOptions } = worldSpec

const spec = {
  method: {
    kind: 'text',
    placeholder: 'NAMES',
    default: 'gated,strict,certified,coin,reversed',
    description: 'methods that consider single peers, separated by commas; strict is gated with that reading',
  },
  seeds: { kind: 'text', placeholder: 'LIST', default: '1,2', description: 'seeds of the runs: 1,2,5 or 1-20' },
  epochs: wholeNumber(20, 1, 1e6, 'epochs that each run trains'),
  mixes: wholeNumber(100, 2, 1e6, 'mixes of each run to drive again, half of them accepted ones'),
  episodes: wholeNumber(8, 2, 1e4, 'paired episodes for each mix'),
  'episode-jitter': {
    kind: 'number',
    default: 2,
    minimum: 0,
    maximum: 10,
    unit: 'm',
    description: 'each car of a paired episode starts up to so far from its even place',
  },
  ...worldOptions,
  setting: { ...setting, description: 'observation, action, reward and discount' },
  json: { kind: 'flag', description: 'print one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** What the mixes that the methods take and refuse are really worth. */
export const trueGainCommand: Command = {
  help: `trustmix experiment true-gain: trains fleets, then drives a draw of the considered mixes again in paired episodes, with
and without the mix, all other policies as they were: the share that really improved, beside the acceptance rate.

Usage: trustmix experiment true-gain [--method gated,coin] [--seeds 1-4] [--epochs 20] [--json]

${describeToolOptions(spec)}`,
  async run(args, io) {
    const { method, seeds, epochs, mixes, episodes, json, ...world } = readToolOptions(
      'experiment true-gain',
      spec,
      args,
    )
    const createEngine = await loadEngine(defaultConfig.engine)
    const [modes, listed] = [readModes(method), readSeeds(seeds)]
    const results: { readonly mode: string; readonly runs: TrueGainRun[] }[] = []
    for (const { mode, change } of modes) {
      const runs: TrueGainRun[] = []
      for (const seed of listed) {
        const config: Config = { ...worldConfig({ ...world, seed }), ...change, epochs }
        const run = await runTrueGain({
          ...{ config, mixes, episodes, startJitter: world['episode-jitter'] },
          createEngine: (observationSize, hidden, actionSize) => createEngine({ observationSize, actionSize, hidden }),
        })
        runs.push(run)
        io.print(
          `${mode}, seed ${seed}: ${run.accepted} of ${run.considered} accepted, ${run.mixes.length} driven again`,
        )
      }
      results.push({ mode, runs })
    }
    const summaries = results.map(({ mode, runs }) => summariseGains(mode, runs))
    io.output(json ? `${JSON.stringify({ summaries, runs: results })}\n` : gainText(summaries, episodes))
    return exitCodes.ok
  },
}

interface Mode {
  readonly mode: string
  readonly change: Partial<Config>
}

/** ExitError 2 for a method that is none, or that takes more than one policy at a time. */
function readModes(text: string): Mode[] {
  return text.split(',').map((name) => {
    if (name === 'strict') return { mode: name, change: { method: 'gated', gateMode: 'strict' } }
    const single = (method: MethodName): boolean => methodSources[method] === 'peers'
    const method = methodNames.find((known) => known === name && single(known))
    if (!method)
      throw new ExitError(
        'usage',
        `--method must name methods that consider single peers (strict, ${methodNames.filter(single).join(', ')}), got ${name}`,
      )
    return { mode: name, change: { method } }
  })
}

/** ExitError 2 for what is not `1,2,5` or `1-20`. */
function readSeeds(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? []
    const [low, high] = [Number(first), Number(last ?? first)]
    if (!(high >= low && high - low < 1e4))
      throw new ExitError('usage', `--seeds must be like 1,2,5 or 1-20, got ${text}`)
    return Array.from({ length: high - low + 1 }, (_, i) => low + i)
  })
}

function wholeNumber<D extends number>(fallback: D, minimum: number, maximum: number, description: string) {
  return { kind: 'number', integer: true, default: fallback, minimum, maximum, description } as const
}
