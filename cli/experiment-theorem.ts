import { exitCodes } from '../schemas/exit.ts'
import { runTheoremCheck } from '../sim-bridge/experiment/theorem/theorem-check.ts'
import { theoremText } from '../sim-bridge/experiment/theorem/theorem-text.ts'
import type { Command } from './command.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'

const spec = {
  mdps: {
    kind: 'number',
    integer: true,
    default: 10_000,
    minimum: 1,
    maximum: 1e7,
    description: 'pairs of policies, each in a random decision process of its own',
  },
  samples: {
    kind: 'number',
    integer: true,
    default: 50,
    minimum: 4,
    maximum: 1e5,
    description: 'samples per pair for the readings that estimate',
  },
  seed: {
    kind: 'number',
    integer: true,
    default: 1,
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'seed',
  },
  json: { kind: 'flag', description: 'print one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** Every reading of Theorem 1 and every step of its proof on tabular decision processes with known returns. */
export const theoremCommand: Command = {
  help: `trustmix experiment theorem: how often each reading of Theorem 1 lowers the return, and which steps of its proof fail,
on random tabular decision processes whose returns are known exactly.

Usage: trustmix experiment theorem [--mdps 10000] [--seed N] [--json]

${describeToolOptions(spec)}`,
  async run(args, io) {
    const { mdps, samples, seed, json } = readToolOptions('experiment theorem', spec, args)
    const check = runTheoremCheck({ mdps, samples, seed })
    io.output(json ? `${JSON.stringify(check)}\n` : theoremText(check))
    return exitCodes.ok
  },
}
